import { spawn } from 'node:child_process'
import net from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { BIN, cliEnvironment } from '../helpers/cli.js'
import type { TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'

export const MODERN = '2026-07-28'
export const LEGACY = '2025-11-25'
const META = 'io.modelcontextprotocol/'

export type Json = Record<string, unknown>

/** One parsed message, as loosely as a test wants to look at it. */
export interface Message {
  readonly jsonrpc?: string
  readonly id?: string | number | null
  readonly method?: string
  readonly params?: Json
  readonly result?: Json
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Json }
}

/** Answers a question of a server; an Error becomes an error answer. */
export type Answerer = (params: Json, message: Message) => Json | Error | Promise<Json | Error>

/** Params of a modern request. */
export function modern(params: Json = {}, capabilities: Json = {}, meta: Json = {}): Json {
  return { ...params, _meta: { [`${META}protocolVersion`]: MODERN, [`${META}clientCapabilities`]: capabilities, [`${META}clientInfo`]: { name: 'test-client', version: '1' }, ...meta } }
}

/** A client over lines, as raw as a test needs it: it keeps every line it got, and sends any bytes. */
export class LineClient {
  /** Every line, as it came, without its line break. */
  readonly lines: string[] = []
  /** Every message that was no answer to `request`. */
  readonly heard: Message[] = []
  readonly #input: Writable
  readonly #end: () => Promise<void>
  readonly #waiting = new Map<string, (message: Message) => void>()
  readonly #answerers = new Map<string, Answerer>()
  #rest: Buffer[] = []
  #nextId = 1
  isClosed = false

  constructor(input: Writable, output: Readable, end: () => Promise<void>) {
    this.#input = input
    this.#end = end
    input.on('error', () => undefined)
    output.on('data', (chunk: Buffer) => this.#push(chunk))
    output.on('close', () => (this.isClosed = true))
  }

  /** Sends bytes as they are. */
  raw(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.#input.write(bytes, () => resolve()))
  }

  send(message: Json): void {
    this.#input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }

  notify(method: string, params?: Json): void {
    this.send({ method, ...(params === undefined ? {} : { params }) })
  }

  /** The whole answer, whichever it is. Rejects only when none comes within 25 s. */
  request(method: string, params?: Json, id: string | number = this.#nextId++, timeoutMs = 25_000): Promise<Message> {
    const answer = this.answerTo(id, timeoutMs, `${method} ${JSON.stringify(params)?.slice(0, 300)}`)
    this.send({ id, method, ...(params === undefined ? {} : { params }) })
    return answer
  }

  answerTo(id: string | number | null, timeoutMs = 25_000, what = ''): Promise<Message> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(id)} ${what} within ${timeoutMs} ms; got ${this.lines.slice(-5).join('\n').slice(0, 2000)}`)), timeoutMs)
      this.#waiting.set(JSON.stringify(id), (message) => {
        clearTimeout(timer)
        resolve(message)
      })
    })
  }

  /** The result; rejects with the error. */
  async ask(method: string, params?: Json): Promise<Json> {
    const { result, error } = await this.request(method, params)
    if (result === undefined) throw new Error(`${method} ${JSON.stringify(params)}: ${JSON.stringify(error)}`)
    return result
  }

  call(name: string, args: Json = {}, meta?: Json): Promise<Message> {
    return this.request('tools/call', { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) })
  }

  /** The text of what a tool answered; rejects with an error. */
  async text(name: string, args: Json = {}): Promise<string> {
    return textOf(await this.call(name, args))
  }

  /** A modern call; the whole answer. */
  callModern(name: string, args: Json = {}, capabilities: Json = {}, more: Json = {}): Promise<Message> {
    return this.request('tools/call', modern({ name, arguments: args, ...more }, capabilities))
  }

  async initialize(capabilities: Json = {}, protocolVersion = LEGACY): Promise<Json> {
    const result = await this.ask('initialize', { protocolVersion, capabilities, clientInfo: { name: 'test-client', version: '1' } })
    this.notify('notifications/initialized')
    return result
  }

  /** What this client says when a server asks `method`. */
  onQuestion(method: string, answer: Answerer): this {
    this.#answerers.set(method, answer)
    return this
  }

  /** Names of the tools it is shown. */
  async tools(params?: Json): Promise<string[]> {
    return toolNames(await this.ask('tools/list', params))
  }

  /** Waits for a message that is no answer. */
  until(wanted: (message: Message) => boolean, timeoutMs = 20_000): Promise<Message> {
    return waitFor(() => this.heard.find(wanted), { timeoutMs, what: `a message that fits ${wanted.toString()}; heard ${JSON.stringify(this.heard).slice(0, 1000)}` })
  }

  count(method: string): number {
    return this.heard.filter((message) => message.method === method).length
  }

  close(): Promise<void> {
    return this.#end()
  }

  #push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(start, end)]).toString('utf8')
      this.#rest = []
      start = end + 1
      this.#take(line)
    }
    if (start < chunk.length) this.#rest.push(chunk.subarray(start))
  }

  #take(line: string): void {
    this.lines.push(line)
    const message = JSON.parse(line) as Message
    if (message.method === undefined && message.id !== undefined) {
      const key = JSON.stringify(message.id)
      const settle = this.#waiting.get(key)
      this.#waiting.delete(key)
      if (settle !== undefined) return settle(message)
    }
    this.heard.push(message)
    if (message.method !== undefined && message.id !== undefined) void this.#answer(message)
  }

  async #answer(message: Message): Promise<void> {
    const answerer = this.#answerers.get(message.method ?? '')
    if (answerer === undefined) return
    const answer = await answerer(message.params ?? {}, message)
    if (answer instanceof Error) this.send({ id: message.id, error: { code: -1, message: answer.message } })
    else this.send({ id: message.id, result: answer })
  }
}

export interface ProxyClient extends LineClient {
  readonly pid: number
  readonly stderr: () => string
}

/** `mcpctl proxy ARGS` with a client at its other end. */
export function openProxy(home: TestHome, args: readonly string[] = []): ProxyClient {
  const child = spawn(process.execPath, [BIN, 'proxy', ...args], { cwd: home.project, env: cliEnvironment(home), stdio: ['pipe', 'pipe', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const client = new LineClient(child.stdin, child.stdout, async () => {
    child.stdin.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await exited
    clearTimeout(timer)
  })
  return Object.assign(client, { pid: child.pid ?? 0, stderr: () => stderr })
}

/** A client on the gateway's own socket: what `mcpctl proxy` speaks to, without its process. */
export async function openSocket(home: TestHome, view: Json = {}, profile: string | null = null): Promise<LineClient> {
  const socket = net.connect(home.paths.gatewaySocket)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.write(`${JSON.stringify({ mcpctl: 1, front: 'stdio', view: { servers: null, tags: [], prefix: null, separator: null, ...view }, profile, resume: null })}\n`)
  const client = new LineClient(socket, socket, () => new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    socket.once('close', () => resolve())
    socket.end()
  }))
  const ready = await waitFor(() => client.heard.shift(), { what: 'the greeting of the gateway' })
  if ((ready as Json)['ready'] !== true) throw new Error(`not let in: ${JSON.stringify(ready)}`)
  client.lines.length = 0
  return client
}

export function textOf(message: Message): string {
  const [first] = (message.result?.['content'] ?? []) as { text?: string }[]
  if (first?.text === undefined) throw new Error(`no text in ${JSON.stringify(message)}`)
  return first.text
}

/** What a tool said as JSON. */
export function jsonOf(message: Message): Json {
  return JSON.parse(textOf(message)) as Json
}

export function toolNames(result: Json): string[] {
  return (result['tools'] as { name: string }[]).map((tool) => tool.name)
}
