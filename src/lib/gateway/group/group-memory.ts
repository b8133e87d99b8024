import { createHash } from 'node:crypto'
import { balance, latencyAt, NO_MEMORY, noteLatency, type BalanceMember, type BalanceOptions, type Latency } from '../../core/index.js'

const MAX_GROUPS = 1000
const MAX_STATES = 10_000
/** How long a person may take to answer. */
const STATE_MS = 10 * 60_000
/** How often names of members that are gone are forgotten, in calls. */
const TIDY_EVERY = 1024

/** What a group knows of its members, for all sessions together. Bounded. */
export class GroupMemory {
  #balance = NO_MEMORY
  readonly #latencies = new Map<string, Latency>()
  /** By the hash of what a client has to bring back: the member that gave it, and until when it is kept. */
  readonly #states = new Map<string, { readonly member: string; readonly until: number }>()

  /** In which order to try them. */
  order(members: readonly BalanceMember[], options: Omit<BalanceOptions, 'memory'>): readonly string[] {
    const { order, memory } = balance(members, { ...options, memory: this.#balance })
    this.#balance = memory.turn % TIDY_EVERY === 0 ? { ...NO_MEMORY, turn: memory.turn } : memory
    return order
  }

  /** `now`: milliseconds on a clock that only goes forward. */
  latencyOf(member: string, now: number): number | null {
    return latencyAt(this.#latencies.get(member) ?? null, now)
  }

  answered(member: string, tookMs: number, now: number): void {
    if (this.#latencies.size >= TIDY_EVERY) this.#latencies.clear()
    this.#latencies.set(member, noteLatency(this.#latencies.get(member) ?? null, tookMs, now))
  }

  /** A member asked something: whoever brings this state back goes on there. `now`: epoch ms. */
  keep(state: unknown, member: string, now: number): void {
    for (const [key, { until }] of this.#states) {
      if (until > now && this.#states.size < MAX_STATES) break
      this.#states.delete(key)
    }
    this.#states.set(hashOf(state), { member, until: now + STATE_MS })
  }

  /** The member that gave this state; null: nobody did, or it was too long ago. */
  keeperOf(state: unknown, now: number): string | null {
    const known = this.#states.get(hashOf(state))
    return known === undefined || known.until <= now ? null : known.member
  }
}

/** The memories of all groups there were; bounded. */
export class GroupMemories {
  readonly #memories = new Map<string, GroupMemory>()

  /** `profile`: whose members serve it; null: those of everybody. */
  of(name: string, profile: string | null): GroupMemory {
    const key = JSON.stringify([name, profile])
    const known = this.#memories.get(key)
    if (known !== undefined) return known
    // Configurations come and go; sessions keep what they have.
    if (this.#memories.size >= MAX_GROUPS) this.#memories.clear()
    const memory = new GroupMemory()
    this.#memories.set(key, memory)
    return memory
  }
}

function hashOf(state: unknown): string {
  return createHash('sha256').update(typeof state === 'string' ? state : (JSON.stringify(state) ?? '')).digest('base64')
}
