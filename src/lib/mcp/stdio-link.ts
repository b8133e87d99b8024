import type { Readable, Writable } from 'node:stream'
import { readFairly } from '../base/index.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { LineFramer, type OversizeLine } from './framer.js'
import { encodeMessage, parseMessages, type Outgoing } from './json-rpc.js'
import type { Link, PassedRequest } from './link.js'
import { LinkError } from './link-error.js'
import type { LearntTools } from './tool-headers.js'
import type { Wire, WireEvents } from './wire.js'

export interface StdioLinkOptions extends ConversationOptions {
  /** The server's stdin. */
  readonly input: Writable
  /** The server's stdout. */
  readonly output: Readable
  /** A line on stdout that is no message: a banner, a log line, broken text. May share memory with a larger buffer. */
  readonly onNoise: (line: Buffer) => void
  /** A line over the bound was dropped. */
  readonly onOversize?: (line: OversizeLine) => void
  /** Default 64 MiB. */
  readonly maxLineBytes?: number
  /** Bytes that may wait for a server that does not read. Default 4 MiB. */
  readonly maxQueuedBytes?: number
}

const DEFAULT_MAX_QUEUED_BYTES = 4 * 1024 * 1024
/** Up to here copying the messages of a turn together costs less than writing them one by one. */
const JOIN_BYTES = 256 * 1024
const NEWLINE = Buffer.from('\n')
/** What handling one line of noise costs besides its bytes, as bytes. */
const NOISE_LINE_COST = 1024
/** What a request or notification of the server costs: it was not asked for, so it can be a flood too. */
const UNASKED_COST = 2048
/** How long the output may stay open after the input broke, so that last words are still read. */
const LAST_WORDS_MS = 1000

/** A link over the pipes of a process it does not own. Messages are read from the start, before `establish`. */
export function openStdioLink(options: StdioLinkOptions): Link {
  return new Conversation(options, (events) => new StdioWire(options, events))
}

class StdioWire implements Wire {
  readonly pinned = true
  readonly onlyEra = null
  readonly #options: StdioLinkOptions
  readonly #events: WireEvents
  readonly #framer: LineFramer
  readonly #maxQueuedBytes: number
  #inputBroken = false
  #turn: Buffer[] = []
  #turnBytes = 0
  readonly #onTurn = (): void => { this.#flushTurn() }
  #closed = false
  #noiseCost = 0
  readonly #stopAccounting: () => void
  #outputOver = false
  #lastWords: NodeJS.Timeout | null = null

  constructor(options: StdioLinkOptions, events: WireEvents) {
    this.#options = options
    this.#events = events
    this.#maxQueuedBytes = options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES
    this.#framer = new LineFramer({
      onLine: (line) => { this.#line(line) },
      onOversize: (line) => { this.#oversize(line) },
      ...(options.maxLineBytes === undefined ? {} : { maxLineBytes: options.maxLineBytes }),
    })
    const { input, output } = options
    input.on('error', () => { this.#inputFailed() })
    // Answers pass freely, however large; a flood of lines that are none must not keep the other servers waiting.
    this.#stopAccounting = readFairly(output, (chunk) => {
      this.#noiseCost = 0
      events.heard()
      this.#framer.push(chunk)
      return this.#noiseCost
    })
    output.once('end', () => { this.#outputEnded() })
    output.once('close', () => { this.#outputEnded() })
    output.on('error', () => { this.#outputEnded() })
    // A process can be gone before anyone listens; then none of these events comes any more.
    if (output.readableEnded || output.destroyed) setImmediate(() => { this.#outputEnded() })
  }

  send(message: Outgoing): void {
    this.#write([Buffer.from(`${encodeMessage(message)}\n`)])
  }

  sendPassed(id: number, { before, after }: PassedRequest): void {
    this.#write([...before, Buffer.from(String(id), 'latin1'), ...after, NEWLINE])
  }

  #write(pieces: readonly Buffer[]): void {
    const { input } = this.#options
    if (this.#inputBroken || !input.writable) throw new LinkError('closed', 'the server closed its input')
    let bytes = 0
    for (const piece of pieces) bytes += piece.length
    const waiting = input.writableLength + this.#turnBytes
    // One large message may pass an empty queue: the bound is against servers that do not read.
    if (waiting > 0 && waiting + bytes > this.#maxQueuedBytes) {
      throw new LinkError('overloaded', `the server does not read its input: ${waiting} bytes wait for it`)
    }
    if (this.#turn.length === 0) {
      // After the poll phase, so that requests of many connections leave together.
      setImmediate(this.#onTurn)
      this.#events.leaving()
    }
    this.#events.sent(pieces, bytes - NEWLINE.length)
    this.#turn.push(...pieces)
    this.#turnBytes += bytes
  }

  /** Messages of one turn of the event loop leave in one write: joined when that is cheaper than handing over many pieces. */
  #flushTurn(): void {
    const { input } = this.#options
    const pieces = this.#turn
    const bytes = this.#turnBytes
    this.#turn = []
    this.#turnBytes = 0
    if (this.#inputBroken || !input.writable) return
    if (bytes <= JOIN_BYTES) {
      input.write(Buffer.concat(pieces, bytes))
      return
    }
    input.cork()
    for (const piece of pieces) input.write(piece)
    input.uncork()
  }

  get queuedBytes(): number {
    return this.#options.input.writableLength + this.#turnBytes
  }

  abandon(): void {
    // A pipe has nothing to take back; the cancelled notification tells the server.
  }

  cancelsByMessage(): boolean {
    return true
  }

  adopt(): void {
    // The pipe is the same in both eras.
  }

  learnTools(tools: readonly unknown[]): LearntTools {
    return { usable: tools, warnings: [] }
  }

  /**
   * Closing the input is how MCP asks a server on pipes to end. The output is still drained, so that it can. A server
   * that closed its output is not asked: whether it is dead or only mute is for its owner to find out.
   */
  close(): void {
    this.#closed = true
    this.#stopAccounting()
    if (this.#lastWords !== null) clearTimeout(this.#lastWords)
    this.#lastWords = null
    if (this.#turn.length > 0) this.#flushTurn()
    if (!this.#outputOver && this.#options.input.writable) this.#options.input.end()
  }

  #line(line: Buffer): void {
    // The last line of a server that died may be half a message; every other one was written to its end.
    if ((!this.#outputOver || parseMessages(line) !== null) && this.#events.answered(line)) return
    const messages = parseMessages(line)
    if (messages === null) {
      this.#events.count('noise')
      this.#noiseCost += line.length + NOISE_LINE_COST
      this.#options.onNoise(line)
      return
    }
    this.#events.received(line)
    for (const message of messages) {
      if (message.type === 'request' || message.type === 'notification') this.#noiseCost += UNASKED_COST
      this.#events.message(message)
    }
  }

  #oversize(line: OversizeLine): void {
    this.#events.count('oversize')
    this.#events.received(line.head, line.bytes)
    this.#options.onOversize?.(line)
    const id = answeredId(line)
    if (id !== null) this.#events.failed(id, new LinkError('malformed', `the answer was dropped: ${line.bytes} bytes in one line is more than is accepted`))
  }

  #inputFailed(): void {
    if (this.#inputBroken || this.#closed) return
    this.#inputBroken = true
    this.#lastWords = setTimeout(() => { this.#events.ended('the server closed its input') }, LAST_WORDS_MS)
  }

  #outputEnded(): void {
    this.#outputOver = true
    this.#framer.end()
    this.#events.ended('the server closed its output')
  }
}

/** The id a dropped answer belonged to, when it stands at either end of the line, where servers write it. */
function answeredId({ head, tail }: OversizeLine): number | null {
  const start = head.toString('latin1')
  const front = /^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,15})\s*,\s*"(?:result|error)"/.exec(start)
  if (front !== null) return Number(front[1])
  const isAnswer = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"(?:result|error)"/.test(start)
  const back = /,\s*"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/.exec(tail.toString('latin1'))
  return isAnswer && back !== null ? Number(back[1]) : null
}
