import type { Strategy } from './gateway-spec.js'

/** One of several servers that stand in for each other, at the moment a call is to be sent. */
export interface BalanceMember {
  readonly name: string
  /** The lowest number goes first. */
  readonly priority: number
  /** Its share where calls are shared out by weight; above 0. */
  readonly weight: number
  /** `trial`: takes some calls, to see whether it is well again. */
  readonly state: 'ready' | 'trial' | 'unavailable'
  /** Calls that wait for it or that it has. */
  readonly pending: number
  /** How long it takes to answer, as `latencyAt` gives it; null: not known. */
  readonly latencyMs: number | null
}

/** What the strategies have to know of the calls before this one. */
export interface BalanceMemory {
  readonly turn: number
  /** The turn at which each was chosen last. */
  readonly usedAt: Readonly<Record<string, number>>
  /** What each is owed, for `weighted`. */
  readonly credit: Readonly<Record<string, number>>
}

export interface BalanceOptions {
  readonly strategy: Strategy
  /** From 0 up to, not including, 1. */
  readonly random: number
  /** Whether this call may be used to try whether a member is well again; otherwise such members come last. */
  readonly mayTry: boolean
  readonly memory: BalanceMemory
}

export interface Balance {
  /** Those that take calls, in the order in which to try them: whole levels of priority, one after the other. */
  readonly order: readonly string[]
  /** For the next call; the same when there is nothing to choose from. */
  readonly memory: BalanceMemory
}

export const NO_MEMORY: BalanceMemory = { turn: 0, usedAt: {}, credit: {} }

/**
 * In which order members are tried for one call. A member that takes none is never in it; a level of priority is used
 * when the ones before it have nobody. `weighted` is the smooth weighted round-robin of nginx
 * (ngx_http_upstream_round_robin.c), `latency` compares two random members by the time they take, times what they have to
 * do (peak EWMA and power of two choices, as in Finagle's and Linkerd's balancers).
 */
export function balance(members: readonly BalanceMember[], options: BalanceOptions): Balance {
  const { memory, mayTry } = options
  const isFirstChoice = ({ state }: BalanceMember): boolean => state === 'ready' || (state === 'trial' && mayTry)
  const first = inLevels(members.filter(isFirstChoice))
  const last = inLevels(members.filter((member) => member.state === 'trial' && !mayTry))
  const [level, ...others] = [...first, ...last]
  if (level === undefined) return { order: [], memory }
  const { chosen, credit } = level.length === 1 ? { chosen: level[0], credit: memory.credit } : choose(level, options)
  if (chosen === undefined) return { order: [], memory }
  const rest = level.filter((member) => member !== chosen).sort((a, b) => usedAt(a, memory) - usedAt(b, memory))
  const turn = memory.turn + 1
  return {
    order: [chosen, ...rest, ...others.flat()].map(({ name }) => name),
    memory: { turn, credit, usedAt: { ...memory.usedAt, [chosen.name]: turn } },
  }
}

/** Members by priority, the lowest number first; equal ones stay in order. */
function inLevels(members: readonly BalanceMember[]): BalanceMember[][] {
  const levels = new Map<number, BalanceMember[]>()
  for (const member of members) levels.set(member.priority, [...(levels.get(member.priority) ?? []), member])
  return [...levels].sort(([a], [b]) => a - b).map(([, level]) => level)
}

function choose(level: readonly BalanceMember[], { strategy, random, memory }: BalanceOptions): { chosen: BalanceMember | undefined; credit: BalanceMemory['credit'] } {
  const { credit } = memory
  switch (strategy) {
    case 'priority': return { chosen: level[0], credit }
    case 'round-robin': return { chosen: least(level, (member) => usedAt(member, memory)), credit }
    case 'random': return { chosen: level[Math.floor(random * level.length)], credit }
    // Who was not chosen for the longest time has it among equals.
    case 'least-pending': return { chosen: least(level, (member) => member.pending + usedAt(member, memory) / (memory.turn + 2)), credit }
    case 'latency': return { chosen: least(twoOf(level, random), costOf), credit }
    case 'weighted': return chooseByWeight(level, credit)
  }
}

/** Everybody is given what it weighs; who is owed most is chosen and pays for all. */
function chooseByWeight(level: readonly BalanceMember[], before: BalanceMemory['credit']): { chosen: BalanceMember | undefined; credit: BalanceMemory['credit'] } {
  const credit: Record<string, number> = { ...before }
  let total = 0
  for (const { name, weight } of level) {
    total += weight
    credit[name] = (credit[name] ?? 0) + weight
  }
  const chosen = least(level, ({ name }) => -(credit[name] ?? 0))
  if (chosen !== undefined) credit[chosen.name] = (credit[chosen.name] ?? 0) - total
  return { chosen, credit }
}

/** Two different members, out of one random number. */
function twoOf(level: readonly BalanceMember[], random: number): BalanceMember[] {
  const pairs = level.length * (level.length - 1)
  const at = Math.floor(random * pairs)
  const first = Math.floor(at / (level.length - 1))
  const second = at % (level.length - 1)
  return [level[first], level[second < first ? second : second + 1]].filter((member) => member !== undefined)
}

/** Nobody knows how fast one is that was never heard of: it gets one call to show it, and no second one before that is over. */
function costOf({ latencyMs, pending }: BalanceMember): number {
  if (latencyMs === null) return pending === 0 ? 0 : Number.MAX_SAFE_INTEGER + pending
  return latencyMs * (pending + 1)
}

/** The first with the lowest value. */
function least(members: readonly BalanceMember[], valueOf: (member: BalanceMember) => number): BalanceMember | undefined {
  let best: BalanceMember | undefined
  let lowest = Infinity
  for (const member of members) {
    const value = valueOf(member)
    if (best !== undefined && value >= lowest) continue
    best = member
    lowest = value
  }
  return best
}

function usedAt({ name }: BalanceMember, memory: BalanceMemory): number {
  return Object.hasOwn(memory.usedAt, name) ? (memory.usedAt[name] ?? 0) : 0
}

/** How long a server takes to answer: an average that forgets, and that believes bad news at once. */
export interface Latency {
  readonly ms: number
  /** When it was last looked at or heard of; milliseconds on any clock that only goes forward. */
  readonly at: number
}

/** An answer is forgotten to a third after this time. */
const FORGET_MS = 10_000

/** Takes note of one answer (peak EWMA: a slower one counts at once, a faster one bit by bit; Finagle's `PeakEwma`). */
export function noteLatency(before: Latency | null, sampleMs: number, now: number): Latency {
  if (before === null || sampleMs >= before.ms) return { ms: sampleMs, at: now }
  const kept = Math.exp(-Math.max(0, now - before.at) / FORGET_MS)
  return { ms: before.ms * kept + sampleMs * (1 - kept), at: now }
}

/** What is to be thought of it now: who was not asked for long is given another chance. */
export function latencyAt(latency: Latency | null, now: number): number | null {
  return latency === null ? null : latency.ms * Math.exp(-Math.max(0, now - latency.at) / FORGET_MS)
}
