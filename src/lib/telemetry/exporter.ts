import type { Span } from './call-span.js'
import { retryDelay, type SendOutcome } from './retry.js'
import type { Sender } from './send.js'
import type { BatchSettings } from './settings.js'

export interface ExporterOptions {
  readonly batch: BatchSettings
  readonly sender: Sender
  readonly encode: (spans: readonly Span[]) => string
  /** A sentence for a log, not more than one a minute of its kind. */
  readonly warn: (sentence: string, facts: Readonly<Record<string, unknown>>) => void
  /** 0 up to 1. */
  readonly random: () => number
}

export interface ExporterCounts {
  readonly sent: number
  /** No room, or the collector did not take them. */
  readonly dropped: number
}

/** Another warning of the same kind only after this long. */
const WARN_EVERY_MS = 60_000

/**
 * Collects spans and sends them in batches, one request at a time. What does not fit the queue is dropped and counted; a
 * collector that is away costs nobody anything but its spans. The owner calls `close`.
 */
export class Exporter {
  readonly #options: ExporterOptions
  /** Ends what is under way. */
  readonly #abort = new AbortController()
  /** Ends a pause between two attempts. */
  readonly #hurry = new AbortController()
  readonly #warned = new Map<string, number>()
  #queue: Span[] = []
  #timer: NodeJS.Timeout | null = null
  #sending: Promise<void> | null = null
  #sent = 0
  #dropped = 0
  #closed = false

  constructor(options: ExporterOptions) {
    this.#options = options
  }

  get counts(): ExporterCounts {
    return { sent: this.#sent, dropped: this.#dropped }
  }

  add(span: Span): void {
    const { maxQueue, maxBatch, delayMs } = this.#options.batch
    if (this.#closed || this.#queue.length >= maxQueue) {
      this.#drop(1, 'queue', 'spans are dropped: they come faster than the collector takes them')
      return
    }
    this.#queue.push(span)
    if (this.#queue.length >= maxBatch) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), delayMs).unref()
  }

  /** Sends what waits, for at most `limitMs`; then everything is given up. */
  async close(limitMs: number): Promise<void> {
    this.#closed = true
    this.#hurry.abort()
    const end = setTimeout(() => this.#abort.abort(), limitMs)
    this.#begin()
    await this.#sending
    clearTimeout(end)
    this.#abort.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#queue.length > 0) this.#drop(this.#queue.splice(0).length, 'end', 'spans were not sent before the end')
    this.#options.sender.close()
  }

  #begin(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null
      if (this.#queue.length > 0 && !this.#closed) this.#timer ??= setTimeout(() => this.#begin(), this.#options.batch.delayMs).unref()
    })
  }

  /** Whole batches, and the rest when it is the end; at least one batch. */
  async #sendAll(): Promise<void> {
    const { maxBatch } = this.#options.batch
    do {
      const batch = this.#queue.splice(0, maxBatch)
      if (batch.length > 0) await this.#sendBatch(batch)
    } while (!this.#abort.signal.aborted && this.#queue.length >= (this.#closed ? 1 : maxBatch))
  }

  async #sendBatch(batch: readonly Span[]): Promise<void> {
    const { sender, encode, batch: { exportTimeoutMs }, random } = this.#options
    const body = encode(batch)
    const end = performance.now() + exportTimeoutMs
    for (let attempt = 1; ; attempt++) {
      const isLast = this.#closed
      const outcome = await sender.send(body, this.#abort.signal)
      if (outcome.type !== 'later') return this.#settle(batch.length, outcome)
      const delayMs = retryDelay(attempt, outcome.afterMs, random())
      // At the end there is one more attempt, and no waiting for a collector that is away.
      if (isLast || this.#abort.signal.aborted || performance.now() + delayMs > end) return this.#drop(batch.length, 'away', `spans are dropped: the collector cannot take them (${outcome.why})`)
      await pause(delayMs, this.#hurry.signal)
    }
  }

  #settle(count: number, outcome: Exclude<SendOutcome, { type: 'later' }>): void {
    if (outcome.type === 'refused') return this.#drop(count, 'refused', `spans are dropped: the collector refuses them (${outcome.why})`)
    const rejected = Math.min(count, outcome.rejected)
    this.#sent += count - rejected
    if (rejected > 0) this.#drop(rejected, 'rejected', `the collector left out spans${outcome.message === null ? '' : `: ${outcome.message}`}`)
    else if (outcome.message !== null) this.#warn('message', `the collector says: ${outcome.message}`)
  }

  #drop(count: number, kind: string, sentence: string): void {
    this.#dropped += count
    this.#warn(kind, sentence)
  }

  #warn(kind: string, sentence: string): void {
    const now = performance.now()
    if (now - (this.#warned.get(kind) ?? -Infinity) < WARN_EVERY_MS) return
    this.#warned.set(kind, now)
    this.#options.warn(sentence, { ...this.counts })
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms).unref()
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
