import type { Duplex, Readable, Writable } from 'node:stream'
import { LineFramer, type OversizeLine } from '../mcp/index.js'
import { idText } from './client-id.js'
import { parseClientMessage } from './client-message.js'
import type { Gateway, Reply, Session, SessionOptions } from './contract.js'
import { INTERNAL_ERROR, INVALID_REQUEST } from './failure.js'
import { LineWriter } from './line-writer.js'

const CR = 0x0d
/** More than this waiting for a client: it is not asked for more work. */
const PAUSE_BYTES = 4 * 1024 * 1024
/** More than this waiting for a client, and for so long: it does not read at all, and is given up. One long answer alone is no reason. */
const MUCH_WAITING_BYTES = 64 * 1024 * 1024
const MUCH_WAITING_MS = 5000
const MAX_WAITING_BYTES = 3 * MUCH_WAITING_BYTES
/** So long a client may take to read the last lines of a front that closes. */
const FAREWELL_MS = 1000

/** One client on a stream of lines. Closes itself with its stream; the session goes with it. */
export interface LineFront {
  /** Says goodbye with a last line if there is one, lets out what was written, ends the stream. Idempotent. */
  close(farewell?: string): void
  readonly closed: boolean
  /** Lines that were too long and held nothing to answer to. */
  readonly dropped: number
}

export interface LineOptions extends Omit<SessionOptions, 'channel'> {
  /** After the client's last line: so long what it asked for may still be answered. Default: it is gone, nothing is. */
  readonly lingerMs?: number
  /** Called once when the front has closed, whoever closed it. */
  readonly onEnd?: () => void
}

/** A stream both ways, which is ended with the front, or one for each way (stdin and stdout), which stay their owner's. */
export type LineStream = Duplex | { readonly input: Readable; readonly output: Writable }

/**
 * Serves one client that speaks newline-delimited JSON-RPC: one session, opened here, closed with the stream. What is
 * written in one turn of the event loop leaves in one write. A client that reads slowly is not read from; one that
 * does not read at all is given up.
 */
export function serveLines(stream: LineStream, gateway: Gateway, options: LineOptions): LineFront {
  const { input, output } = 'input' in stream ? stream : { input: stream, output: stream }
  return new Front(input, output, gateway, options)
}

class Front implements LineFront, Reply {
  readonly #input: Readable
  readonly #output: Writable
  readonly #ownsStream: boolean
  readonly #session: Session
  readonly #framer: LineFramer
  readonly #writer: LineWriter
  readonly #lingerMs: number
  readonly #onEnded: (() => void) | undefined
  #linger: NodeJS.Timeout | undefined
  /** Requests that will have an answer some time. */
  #open = 0
  #overdue: NodeJS.Timeout | undefined
  #isClosed = false
  #dropped = 0

  constructor(input: Readable, output: Writable, gateway: Gateway, options: LineOptions) {
    this.#input = input
    this.#output = output
    this.#ownsStream = Object.is(output, input)
    this.#writer = new LineWriter(output, (waitingBytes) => this.#onWaiting(waitingBytes))
    const { lingerMs = 0, onEnd, ...session } = options
    this.#lingerMs = lingerMs
    this.#onEnded = onEnd
    this.#session = gateway.openSession({ door: 'stdio', ...session, channel: this })
    this.#framer = new LineFramer({ onLine: (line) => this.#receive(line), onOversize: (line) => this.#refuseOversize(line) })
    input.on('data', (chunk: Buffer) => {
      if (!this.#isClosed) this.#framer.push(chunk)
    })
    input.on('end', () => this.#onInputEnd())
    input.on('error', () => this.#end('the connection broke'))
    input.on('close', () => {
      if (this.#linger === undefined) this.#end('the client went away')
    })
    if (!this.#ownsStream) {
      output.on('error', () => this.#end('the client went away'))
      output.on('close', () => this.#end('the client went away'))
    }
    output.on('drain', () => this.#onDrain())
  }

  get closed(): boolean {
    return this.#isClosed
  }

  get dropped(): number {
    return this.#dropped
  }

  /** One front is the reply to all its requests: an answer carries its id, and a line has no status. */
  answer(parts: readonly Buffer[], _status: number): void {
    if (this.#isClosed) return
    this.#writer.line(parts)
    this.#open--
    if (this.#linger !== undefined && this.#open <= 0) this.#end('the client went away')
  }

  send(text: string): void {
    if (!this.#isClosed) this.#writer.line([Buffer.from(text)])
  }

  close(farewell?: string): void {
    if (this.#isClosed) return
    this.#end('mcpctl ends', farewell)
  }

  #receive(line: Buffer): void {
    if (this.#isClosed) return
    const message = parseClientMessage(line, !line.includes(CR))
    if (message.type === 'bad' || (message.type === 'request' && message.method !== 'subscriptions/listen')) this.#open++
    try {
      this.#session.receive(message, this)
    } catch (error) {
      // A defect that one message brings out is that message's error: the others' work goes on.
      if (message.type === 'request') this.#fail(idText(message.id), INTERNAL_ERROR, `defect in mcpctl: ${error instanceof Error ? error.message : String(error)}`, { reason: 'defect' })
    }
  }

  #refuseOversize({ bytes, head, tail }: OversizeLine): void {
    const id = findId(head.toString('latin1'), tail.toString('latin1'))
    const text = `a message of ${bytes} bytes is longer than mcpctl takes (64 MiB)`
    if (id === null) {
      this.#dropped++
    } else if (/^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?(?:"id"\s*:\s*[^,]{1,100},\s*)?"(?:result|error)"/.test(head.toString('latin1'))) {
      // Somebody waits for this answer: they learn that it was no use.
      this.#receive(Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":{"code":${INTERNAL_ERROR},"message":${JSON.stringify(text)}}}`))
    } else {
      this.#fail(id, INVALID_REQUEST, text, { reason: 'too-long', bytes })
    }
  }

  #fail(id: string, code: number, message: string, data: Record<string, unknown>): void {
    this.#writer.line([Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message, data })}}`)])
  }

  /** A last message without a line break still counts; then the client wants nothing more. */
  #onInputEnd(): void {
    if (this.#isClosed) return
    this.#framer.end()
    if (this.#lingerMs === 0 || this.#open <= 0) return this.#end('the client went away')
    this.#linger = setTimeout(() => this.#end('the client went away'), this.#lingerMs)
  }

  #onWaiting(waitingBytes: number): void {
    if (waitingBytes > PAUSE_BYTES) this.#input.pause()
    if (waitingBytes > MAX_WAITING_BYTES) return this.#giveUp()
    if (waitingBytes > MUCH_WAITING_BYTES) this.#overdue ??= setTimeout(() => this.#giveUp(), MUCH_WAITING_MS).unref()
  }

  #onDrain(): void {
    clearTimeout(this.#overdue)
    this.#overdue = undefined
    if (!this.#isClosed) this.#input.resume()
  }

  #giveUp(): void {
    this.#end('the client does not read what it is sent')
    if (this.#ownsStream) this.#input.destroy()
  }

  #end(reason: string, farewell?: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#linger)
    clearTimeout(this.#overdue)
    this.#session.close(reason)
    if (farewell !== undefined) this.#writer.line([Buffer.from(farewell)])
    this.#writer.flush()
    if (this.#ownsStream) {
      // Unread input would hide the end of the other side.
      this.#input.resume()
      this.#output.end()
      setTimeout(() => this.#input.destroy(), FAREWELL_MS).unref()
    } else {
      this.#input.pause()
    }
    this.#onEnded?.()
  }
}

const ID = String.raw`"id"\s*:\s*(-?\d{1,15}|"[^"\\]{0,100}")`
const ID_FIRST = new RegExp(String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID}\s*,`)
const ID_LAST = new RegExp(String.raw`,\s*${ID}\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`)

/** The id as JSON text, where a message usually has it: first or last. */
function findId(head: string, tail: string): string | null {
  return (ID_FIRST.exec(head) ?? ID_LAST.exec(tail))?.[1] ?? null
}
