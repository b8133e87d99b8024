import type { SessionMetrics } from '../core/index.js'
import type { Origin } from './request-text.js'

type Client = SessionMetrics['client']

/** One client, as far as it can be told from others. */
export interface Visitor {
  readonly id: string
  client: Client
  era: SessionMetrics['era']
  readonly since: number
  heardAt: number
  lastCallAt: number | null
  /** Over. */
  calls: number
  inFlight: number
}

/** Clients of the modern era keep no session over HTTP: one counts as there for so long after its last request. */
const STAYS_MS = 5 * 60_000
/** Clients with different names at one place; more than that share one. */
const MAX_VISITORS = 100
const NOBODY: Client = null

export interface TallyOptions {
  readonly id: string
  readonly door: SessionMetrics['door']
  /** Every request stands for itself: clients are told apart by what they call themselves. */
  readonly isStateless: boolean
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Who uses one session of the gateway, and how much. */
export class SessionTally {
  readonly #options: TallyOptions
  readonly #only: Visitor | null
  readonly #visitors = new Map<string, Visitor>()
  #numbers = 0

  constructor(options: TallyOptions) {
    this.#options = options
    this.#only = options.isStateless ? null : this.#make(options.id, 'legacy', NOBODY)
  }

  /** The client said who it is. */
  introduced(client: Client, era: SessionMetrics['era']): void {
    if (this.#only === null) return
    this.#only.client = client
    this.#only.era = era
  }

  /** Who sent a request. */
  heard({ clientInfo, era }: Origin): Visitor {
    if (this.#only !== null && era === 'legacy') return this.#only
    const visitor = this.#only ?? this.#visitor(clientInfo)
    visitor.heardAt = this.#options.now()
    if (era === 'modern' && visitor.client === null && clientInfo !== null) this.introduced(clientInfo, era)
    return visitor
  }

  /** A call of that client is under way; paired with `ended`. */
  began(origin: Origin): Visitor {
    const visitor = this.heard(origin)
    visitor.inFlight++
    visitor.lastCallAt = this.#options.now()
    return visitor
  }

  ended(visitor: Visitor): void {
    visitor.inFlight--
    visitor.calls++
  }

  /** `servers`: all that its clients can reach. */
  read(servers: readonly string[]): SessionMetrics[] {
    this.#forget(this.#options.now() - STAYS_MS)
    const { door } = this.#options
    return (this.#only === null ? [...this.#visitors.values()] : [this.#only]).map(({ id, client, era, since, lastCallAt, calls, inFlight }) => ({ id, client, door, era, since, lastCallAt, servers, calls, inFlight }))
  }

  #visitor(client: Client): Visitor {
    const key = client === null ? '' : `${client.name}\n${client.version}`
    const known = this.#visitors.get(key)
    if (known !== undefined) return known
    if (this.#visitors.size >= MAX_VISITORS) this.#forget(this.#options.now() - STAYS_MS)
    if (this.#visitors.size >= MAX_VISITORS) return this.#visitors.get('') ?? this.#add('', NOBODY)
    return this.#add(key, client)
  }

  #add(key: string, client: Client): Visitor {
    const visitor = this.#make(`${this.#options.id}.${++this.#numbers}`, 'modern', client)
    this.#visitors.set(key, visitor)
    return visitor
  }

  #make(id: string, era: SessionMetrics['era'], client: Client): Visitor {
    const since = this.#options.now()
    return { id, client, era, since, heardAt: since, lastCallAt: null, calls: 0, inFlight: 0 }
  }

  #forget(before: number): void {
    for (const [key, { heardAt, inFlight }] of this.#visitors) if (inFlight === 0 && heardAt < before) this.#visitors.delete(key)
  }
}
