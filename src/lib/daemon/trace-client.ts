import type { RequestContext, TraceParams } from '../control/index.js'
import type { TracedMessage, TraceEvent } from '../core/index.js'
import { baseName } from './server-name.js'
import type { Captured, TraceSource } from './trace-source.js'

/** A client that has so much unread gets no more until it has read. */
const MAX_UNREAD_BYTES = 1024 * 1024
/** What is remembered comes all at once and is bounded by itself; only with hundreds of servers it is more than this. */
const MAX_REMEMBERED_BYTES = 6 * MAX_UNREAD_BYTES
/** How soon one that lost messages and has caught up is told, when nothing new comes. */
const TELL_MS = 200

/** One who looks on: what concerns it, and what it lost by being slow. */
export class TraceClient {
  readonly params: TraceParams
  readonly #context: Pick<RequestContext, 'emit' | 'queuedBytes'>
  readonly #names: ReadonlySet<string> | null
  #lost = 0
  #tellTimer: NodeJS.Timeout | null = null

  constructor(params: TraceParams, context: Pick<RequestContext, 'emit' | 'queuedBytes'>) {
    this.params = params
    this.#context = context
    this.#names = params.names === null ? null : new Set(params.names)
  }

  concerns(server: string): boolean {
    return this.#names === null || this.#names.has(server) || this.#names.has(baseName(server))
  }

  message(message: TracedMessage, captured: Captured): void {
    if (!this.concerns(message.server) || (message.probe && !this.params.probes)) return
    if (this.#isBehind(message.remembered ? MAX_REMEMBERED_BYTES : MAX_UNREAD_BYTES)) return this.lose()
    const { textBytes } = this.params
    this.tell(textBytes === 0 || captured.gaveUp !== null ? message : { ...message, ...captured.source.textOf(captured, textBytes) })
  }

  /** What it has to know however far it is behind. */
  tell(event: TraceEvent): void {
    this.#tellLost()
    this.#context.emit(event)
  }

  /** A message of this server found no room. */
  missed(source: TraceSource): void {
    if (this.concerns(source.server)) this.lose()
  }

  lose(): void {
    this.#lost++
    this.#tellTimer ??= setInterval(() => { if (!this.#isBehind()) this.#tellLost() }, TELL_MS).unref()
  }

  /** Nothing comes after this; what was lost is told. */
  finish(): void {
    this.#tellLost()
    this.close()
  }

  close(): void {
    if (this.#tellTimer !== null) clearInterval(this.#tellTimer)
    this.#tellTimer = null
  }

  #isBehind(most = MAX_UNREAD_BYTES): boolean {
    return this.#context.queuedBytes > most
  }

  #tellLost(): void {
    if (this.#lost === 0) return
    this.#context.emit({ type: 'lost', time: Date.now(), count: this.#lost })
    this.#lost = 0
    this.close()
  }
}
