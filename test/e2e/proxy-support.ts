import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { BIN, cliEnvironment } from '../helpers/cli.js'
import type { TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'

export type JsonObject = Record<string, unknown>

export interface Proxy {
  readonly process: ChildProcessWithoutNullStreams
  readonly pid: number
  /** Everything on stdout so far. */
  stdout(): string
  stderr(): string
  /** What is on stdout and was not taken by `next`, line by line as JSON; throws when a line is none. */
  readonly messages: JsonObject[]
  send(message: JsonObject): void
  next(fits?: (message: JsonObject) => boolean, timeoutMs?: number): Promise<JsonObject>
  /** The answer to a request it sends under an id of its own. */
  ask(method: string, params?: JsonObject, timeoutMs?: number): Promise<JsonObject>
  /** Opens the session as a legacy client does. */
  initialize(): Promise<JsonObject>
  /** The text a tool answers with; throws on any error. */
  call(tool: string, args?: JsonObject): Promise<string>
  /** How it ended: its exit status, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Runs `mcpctl proxy ARGS` as a client does. It is killed when `endProxies` is called. */
export function startProxy(home: TestHome, args: readonly string[] = [], options: { cwd?: string; /** False: stdout is something else than JSON lines. */ isProtocol?: boolean } = {}): Proxy {
  const child = spawn(process.execPath, [BIN, 'proxy', ...args], { cwd: options.cwd ?? home.project, env: cliEnvironment(home), stdio: 'pipe' })
  running.add(child)
  const messages: JsonObject[] = []
  let [stdout, stderr, rest, nextId] = ['', '', '', 1]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (options.isProtocol !== false) messages.push(...lines.map(parse))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => undefined)
  const proxy: Proxy = {
    process: child,
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    messages,
    send: (message) => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    next: (fits = () => true, timeoutMs = 25_000) =>
      waitFor(() => {
        const at = messages.findIndex(fits)
        if (at < 0) throw new Error(`stdout: ${JSON.stringify(messages)}, stderr: ${stderr}`)
        return messages.splice(at, 1)[0]
      }, { timeoutMs, what: `a message that fits ${fits.toString()}` }),
    ask: (method, params, timeoutMs) => {
      const id = nextId++
      proxy.send({ id, method, ...(params === undefined ? {} : { params }) })
      return proxy.next((message) => message['id'] === id, timeoutMs)
    },
    initialize: async () => {
      const answer = await proxy.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } })
      proxy.send({ method: 'notifications/initialized' })
      return answer
    },
    call: async (name, args = {}) => {
      const answer = await proxy.ask('tools/call', { name, arguments: args })
      const content = (answer['result'] as { content?: { text: string }[] } | undefined)?.content
      if (content?.[0] === undefined) throw new Error(`${name}: ${JSON.stringify(answer)}`)
      return content[0].text
    },
    ended: once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
      running.delete(child)
      return code ?? signal ?? 0
    }),
  }
  return proxy
}

const running = new Set<ChildProcessWithoutNullStreams>()

/** For afterEach, before the home is cleaned up. */
export async function endProxies(): Promise<void> {
  for (const child of running) {
    const ended = once(child, 'exit')
    if (child.kill('SIGKILL')) await ended
  }
  running.clear()
}

function parse(line: string): JsonObject {
  try {
    return JSON.parse(line) as JsonObject
  } catch {
    throw new Error(`not protocol on stdout: ${line}`)
  }
}

/** Names of the tools a `tools/list` answer has. */
export function toolNames(answer: JsonObject): string[] {
  return (answer['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name)
}
