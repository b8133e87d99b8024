import { DEFAULT_TRAFFIC } from '../core/index.js'
import { LinkError, type Established, type EraVerdict, type Link, type LinkHooks } from '../mcp/index.js'
import type { MemberVitals } from './ad-hoc-health.js'
import type { ManagedHealth, ManagedServer } from './management.js'
import type { Presence, SourceServer } from './source.js'

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
const HANDSHAKE_LIMIT_MS = 30_000

export interface MemberFacts {
  readonly name: string
  /** Null: the supervised servers, all together. */
  readonly url: string | null
  readonly isAdded: boolean
  readonly keepsNames: boolean
}

export interface MemberEvents extends Pick<LinkHooks, 'onNotification' | 'onRequest'> {
  readonly changed: () => void
  readonly warn: (text: string) => void
}

/** One URL: its connection, and the next try when there is none. */
export class Member {
  readonly #facts: MemberFacts
  readonly #open: (hooks: LinkHooks) => Promise<Link>
  readonly #events: MemberEvents
  #up: { link: Link; established: Established } | null = null
  #link: Link | null = null
  #remembered: EraVerdict | null = null
  #reason = 'connecting'
  #failures = 0
  #retryAt: number | null = null
  #timer: NodeJS.Timeout | null = null
  #closed = false
  #isOn = true
  /** Number of the newest try to connect, or of what ended it: what an older one brings is not wanted any more. */
  #attempt = 0
  #errors = 0
  #lastError: string | null = null
  #judgedAt: number | null = null
  #connectedAt: number | null = null

  constructor(facts: MemberFacts, open: (hooks: LinkHooks) => Promise<Link>, events: MemberEvents) {
    this.#facts = facts
    this.#open = open
    this.#events = events
  }

  get name(): string {
    return this.#facts.name
  }

  /** Settles when the first try has come to an end. */
  async connect(): Promise<void> {
    if (!this.#isOn || this.#closed) return
    const attempt = ++this.#attempt
    this.#timer = null
    this.#retryAt = null
    try {
      const link = await this.#open({
        onNotification: (...heard) => this.#events.onNotification?.(...heard),
        onRequest: (request) => this.#events.onRequest?.(request),
        onClosed: (reason) => { if (this.#up?.link === link) this.#lost(reason) },
      })
      if (attempt !== this.#attempt) return link.close()
      this.#link = link
      const established = await link.establish({ era: 'auto', remembered: this.#remembered, now: Date.now, signal: AbortSignal.timeout(HANDSHAKE_LIMIT_MS) })
      if (attempt !== this.#attempt) return link.close()
      this.#remembered = established.remember
      this.#failures = 0
      this.#judgedAt = Date.now()
      this.#up = { link, established }
      this.#connectedAt = this.#judgedAt
      this.#events.changed()
    } catch (error) {
      if (attempt === this.#attempt) this.#lost(error instanceof LinkError && error.hint !== undefined ? `${error.message}. ${error.hint}` : error instanceof Error ? error.message : String(error))
    }
  }

  describe(): SourceServer {
    const up = this.#up === null || this.#up.link.closed ? null : this.#up
    return {
      name: this.#facts.name, up, reason: up === null ? this.#reason : '',
      presence: up === null ? ((this.#isOn ? 'coming' : 'down') satisfies Presence) : 'up',
      retryAfterMs: this.#retryAt === null ? null : Math.max(0, this.#retryAt - Date.now()),
      isolation: 'shared', idleStopMs: null, roots: null, tags: [], traffic: DEFAULT_TRAFFIC, keepsNames: this.#facts.keepsNames,
    }
  }

  report(): ManagedServer {
    const { name, url, isAdded } = this.#facts
    const up = this.#up === null || this.#up.link.closed ? null : this.#up
    const health: ManagedHealth = !this.#isOn ? 'unknown' : up !== null ? 'healthy' : this.#failures === 0 ? 'unknown' : this.#remembered === null ? 'error' : 'unhealthy'
    return {
      name, url, enabled: this.#isOn, isAdded, health, lastCheck: up === null ? this.#judgedAt : up.link.activity.lastHeardAt,
      toolCount: up?.established.catalogue.tools.length ?? 0, errorCount: this.#errors, lastError: this.#lastError,
    }
  }

  vitals(): MemberVitals {
    const up = this.#up === null || this.#up.link.closed ? null : this.#up
    return { name: this.#facts.name, connectedAt: up === null ? null : this.#connectedAt, version: up?.established.serverInfo?.version ?? null }
  }

  async switch(isOn: boolean): Promise<void> {
    if (isOn === this.#isOn || this.#closed) return
    this.#isOn = isOn
    this.#attempt++
    if (isOn) {
      this.#reason = 'connecting'
      this.#failures = 0
      this.#events.changed()
      return this.connect()
    }
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#retryAt = null
    this.#reason = 'it is disabled'
    const link = this.#link
    this.#link = null
    this.#up = null
    link?.close()
    this.#events.changed()
  }

  close(): void {
    this.#closed = true
    this.#attempt++
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#link?.close()
  }

  #lost(reason: string): void {
    this.#link?.close()
    this.#link = null
    this.#up = null
    if (this.#closed || !this.#isOn) return
    this.#reason = this.#lastError = reason
    this.#errors++
    this.#judgedAt = Date.now()
    if (this.#failures === 0) this.#events.warn(`${this.#facts.name}: ${reason}`)
    const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++)
    this.#retryAt = Date.now() + delayMs
    this.#timer = setTimeout(() => void this.connect(), delayMs)
    this.#events.changed()
  }
}
