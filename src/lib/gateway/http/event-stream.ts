import { isGone, type Outgoing } from './exchange.js'
import type { Heartbeat, Living } from './heartbeat.js'
import { join, withOrigin } from './respond.js'

const JOIN_BYTES = 64 * 1024
/** More than this waiting for a client that does not read: it is given up. One long message alone is no reason. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024
const COMMENT = ': still here\n\n'
const END = Buffer.from('\n\n')
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20

/** One event with a JSON text as its data, ready to be written. `id` null: it cannot be resumed after. */
export function messageEvent(id: string | null, parts: readonly Buffer[]): readonly Buffer[] {
  const head = Buffer.from(id === null ? 'event: message\ndata: ' : `event: message\nid: ${id}\ndata: `)
  const pieces = [head, ...parts.map(oneLine), END]
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return bytes <= JOIN_BYTES ? [join(pieces, bytes)] : pieces
}

/** A first event without data: from then on the client can ask for what comes after `id` (2025-11-25, transports; SEP-1699). */
export function primingEvent(id: string, retryMs: number): readonly Buffer[] {
  return [Buffer.from(`id: ${id}\nretry: ${String(retryMs)}\ndata: \n\n`)]
}

/** A response that is a stream of server-sent events (WHATWG HTML). Does not own the response's end by the client: its exchange hears of that. */
export class EventStream implements Living {
  readonly #res: Outgoing
  readonly #heartbeat: Heartbeat
  #ended = false

  /** Sends the header at once. `headers`: name, value, name, value. */
  constructor(res: Outgoing, heartbeat: Heartbeat, headers: readonly string[] = []) {
    this.#res = res
    this.#heartbeat = heartbeat
    if (res.headersSent || isGone(res)) {
      this.#ended = true
      return
    }
    res.writeHead(200, withOrigin(res, ['content-type', 'text/event-stream', 'cache-control', 'no-cache, no-transform', 'x-accel-buffering', 'no', ...headers]))
    res.flushHeaders()
    heartbeat.add(this)
  }

  /** Whether what is written may still arrive. */
  get isOpen(): boolean {
    return !this.#ended && !isGone(this.#res)
  }

  write(pieces: readonly Buffer[]): void {
    if (!this.isOpen) return
    if (this.#res.writableLength > MAX_WAITING_BYTES) {
      this.#res.destroy()
      return
    }
    for (const piece of pieces) this.#res.write(piece)
  }

  end(): void {
    this.#heartbeat.delete(this)
    if (this.#ended) return
    this.#ended = true
    if (!isGone(this.#res)) this.#res.end()
  }

  /** Shows the client, and whatever lies between, that the stream lives. */
  beat(): void {
    if (!this.isOpen) this.#heartbeat.delete(this)
    else if (this.#res.writableLength === 0) this.#res.write(COMMENT)
  }
}

/** Line breaks end a field of an event; in JSON they only stand between tokens, where a blank says the same. */
function oneLine(part: Buffer): Buffer {
  if (!part.includes(LF) && !part.includes(CR)) return part
  const line = Buffer.from(part)
  for (let at = 0; at < line.length; at++) if (line[at] === LF || line[at] === CR) line[at] = SPACE
  return line
}
