import { toOneLine } from '../../mcp/index.js'
import { join, JOIN_BYTES } from '../join.js'
import { isGone, type Outgoing } from './exchange.js'
import type { Heartbeat, Living } from './heartbeat.js'
import { withOrigin } from './respond.js'

/** More than this waiting for a client that does not read: it is given up. One long message alone is no reason. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024
const COMMENT = ': still here\n\n'
const END = Buffer.from('\n\n')

/** One event with a JSON text as its data, ready to be written. `id` null: it cannot be resumed after. */
export function messageEvent(id: string | null, parts: readonly Buffer[]): readonly Buffer[] {
  const head = Buffer.from(id === null ? 'event: message\ndata: ' : `event: message\nid: ${id}\ndata: `)
  const pieces = [head, ...parts.map(toOneLine), END]
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
