import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { createServer } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { openStdioLink, type Established, type EstablishOptions, type Link, type StdioLinkOptions } from '../../src/lib/mcp/index.js'

export const client = { name: 'mcpctl-test', version: '1.0.0' }
const children = new Set<ChildProcess>()
const links = new Set<Link>()

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/servers/${name}.mjs`, import.meta.url))
}

export function realServer(name: string): string {
  return fileURLToPath(new URL(`../../node_modules/@modelcontextprotocol/server-${name}/dist/index.js`, import.meta.url))
}

export type Child = ChildProcessByStdio<Writable, Readable, Readable>

export function startChild(script: string, args: readonly string[] = [], env: Record<string, string> = {}): Child {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  child.stderr.resume()
  children.add(child)
  return child
}

export interface Opened {
  readonly link: Link
  readonly child: Child
  readonly noise: string[]
  readonly stages: string[]
  readonly notifications: string[]
  readonly closed: string[]
}

export function openChild(script: string, args: readonly string[] = [], options: Partial<StdioLinkOptions> = {}): Opened {
  const child = startChild(script, args)
  const [noise, stages, notifications, closed]: string[][] = [[], [], [], []]
  const link = openStdioLink({
    client, input: child.stdin, output: child.stdout,
    onNoise: (line) => noise?.push(line.toString('latin1')),
    onStage: (stage) => stages?.push(stage),
    onNotification: (method) => notifications?.push(method),
    onClosed: (why) => closed?.push(why),
    ...options,
  })
  links.add(link)
  return { link, child, noise: noise ?? [], stages: stages ?? [], notifications: notifications ?? [], closed: closed ?? [] }
}

export function keep(link: Link): Link {
  links.add(link)
  return link
}

/** Resolves when a probe was answered; rejects with what failed. */
export function probe(link: Link, method?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    link.probe({ answered: () => resolve(), failed: reject }, method)
  })
}

/** What is silent is taken for slow, unless a test says otherwise: on a busy machine it is. */
export function establish(link: Link, options: Partial<EstablishOptions> = {}): Promise<Established> {
  return link.establish({ era: 'auto', remembered: null, now: Date.now, graceMs: 20_000, signal: AbortSignal.timeout(28_000), ...options })
}

export function names(list: readonly unknown[]): unknown[] {
  return list.map((entry) => (entry as { name: unknown }).name)
}

/** Starts the HTTP fixture and waits until it listens. */
export async function startHttp(mode: string, args: readonly string[] = []): Promise<{ url: string; child: Child; stats: () => Promise<Record<string, unknown>> }> {
  const child = startChild(fixture('mcp-http'), ['--mode', mode, ...args])
  const port = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      const match = /listening (\d+)/.exec(chunk.toString())
      if (match?.[1] !== undefined) resolve(match[1])
    })
    child.once('exit', (code) => { reject(new Error(`the fixture ended with ${code}`)) })
  })
  const base = `http://127.0.0.1:${port}`
  return { url: `${base}/${mode === 'sse' ? 'sse' : 'mcp'}`, child, stats: async () => (await fetch(`${base}/stats`)).json() as Promise<Record<string, unknown>> }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Waits for a condition without a fixed sleep. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the condition did not come true')
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
}

/** Releases every link and process of a test; to be called after each. */
export async function cleanUp(): Promise<void> {
  for (const link of links) link.close()
  links.clear()
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
  children.clear()
}
