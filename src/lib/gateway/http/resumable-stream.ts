import type { Budget } from './budget.js'
import { messageEvent, primingEvent, type EventStream } from './event-stream.js'

const RETRY_MS = 1000

export interface StreamLimits {
  /** Events kept for a client that comes back. */
  readonly events: number
  readonly bytes: number
  /** Connections that may be open to this stream at once; the newest is written to. */
  readonly connections: number
}

interface Kept {
  readonly seq: number
  readonly pieces: readonly Buffer[]
  readonly bytes: number
}

/** Where an event stands: stream `name`, number, and what tells the request if the stream is forgotten. */
function eventId(name: string, seq: number, tag: string): string {
  return tag === '' ? `${name}-${String(seq)}` : `${name}-${String(seq)}-${tag}`
}

/**
 * A stream of a legacy session that outlives its connection: what is written without one, and what may not have arrived,
 * is kept within bounds and sent to the connection that asks for it with `Last-Event-ID`.
 */
export class ResumableStream {
  readonly name: string
  readonly #tag: string
  readonly #limits: StreamLimits
  readonly #budget: Budget
  #kept: Kept[] = []
  #keptBytes = 0
  #seq = 0
  #written = 0
  #connections: EventStream[] = []
  #ended = false

  /** `budget` is shared by the streams of all sessions. `tag` goes into the event ids. */
  constructor(name: string, tag: string, limits: StreamLimits, budget: Budget) {
    this.name = name
    this.#tag = tag
    this.#limits = limits
    this.#budget = budget
  }

  get isConnected(): boolean {
    return this.#connections.length > 0
  }

  /** Nothing is pushed any more; a connection that comes now gets the rest and is ended. */
  get isEnded(): boolean {
    return this.#ended
  }

  /** Number of the newest event. */
  get seq(): number {
    return this.#seq
  }

  /** Whether the last event can still be had. */
  get hasLast(): boolean {
    return this.#kept.at(-1)?.seq === this.#seq
  }

  push(parts: readonly Buffer[]): void {
    if (this.#ended) return
    const seq = ++this.#seq
    const pieces = messageEvent(eventId(this.name, seq, this.#tag), parts)
    this.#keep(seq, pieces)
    const connection = this.#newest()
    if (connection === null) return
    connection.write(pieces)
    this.#written = seq
  }

  /**
   * Sends what comes after event `after` (null: what no connection got yet), then everything new. `primes`: the client
   * understands an event without data.
   */
  attach(connection: EventStream, after: number | null, primes: boolean): void {
    const from = after ?? this.#written
    if (primes) connection.write(primingEvent(eventId(this.name, from, this.#tag), RETRY_MS))
    for (const { seq, pieces } of this.#kept) if (seq > from) connection.write(pieces)
    this.#written = this.#seq
    if (this.#ended) return connection.end()
    this.#connections.push(connection)
    if (this.#connections.length > this.#limits.connections) this.#connections.shift()?.end()
  }

  detach(connection: EventStream): void {
    const at = this.#connections.indexOf(connection)
    if (at >= 0) this.#connections.splice(at, 1)
  }

  end(): void {
    this.#ended = true
    this.hangUp()
  }

  /** Ends its connections; it goes on without, until somebody comes back. */
  hangUp(): void {
    const connections = this.#connections
    this.#connections = []
    for (const connection of connections) connection.end()
  }

  /** Gives back what is kept. */
  forget(): void {
    this.#kept = []
    this.#budget.give(this.#keptBytes)
    this.#keptBytes = 0
  }

  /** Bytes held for clients that may come back. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  #newest(): EventStream | null {
    for (let at = this.#connections.length - 1; at >= 0; at--) {
      const connection = this.#connections[at]
      if (connection?.isOpen === true) return connection
    }
    return null
  }

  #keep(seq: number, pieces: readonly Buffer[]): void {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    while (this.#kept.length > 0 && (this.#kept.length >= this.#limits.events || this.#keptBytes + bytes > this.#limits.bytes)) this.#dropOldest()
    if (bytes > this.#limits.bytes || !this.#budget.take(bytes)) return
    this.#kept.push({ seq, pieces, bytes })
    this.#keptBytes += bytes
  }

  #dropOldest(): void {
    const oldest = this.#kept.shift()
    if (oldest === undefined) return
    this.#keptBytes -= oldest.bytes
    this.#budget.give(oldest.bytes)
  }
}
