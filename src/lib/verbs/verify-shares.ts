import type { MembershipSpec } from '../core/index.js'

/** A member that may get calls at present. */
export interface Taker {
  readonly name: string
  readonly weight: number
}

export interface Sharing {
  readonly strategy: MembershipSpec['strategy']
  /** Among whom calls are shared out, the preferred one first. */
  readonly takers: readonly Taker[]
  /** Who was given how many. */
  readonly shares: ReadonlyMap<string, number>
  /** Others had calls of their own meanwhile: turns are not ours alone. */
  readonly isBusy: boolean
}

const LEAST = 12
const MOST = 60
/** With so many calls for each, chance forgets one of ten once in ten thousand times. */
const CHANCE_EACH = 12
/** Calls before ours left their traces in who is owed how many. */
const LEEWAY = 2

/** How many calls it takes to see how they are shared out. */
export function callsFor(strategy: Sharing['strategy'], takers: readonly Taker[]): number {
  const weights = strategy === 'weighted' ? 2 * takers.reduce((sum, { weight }) => sum + weight, 0) : 0
  const wanted = strategy === 'random' ? CHANCE_EACH * takers.length : Math.max(weights, 4 * takers.length)
  return Math.ceil(Math.min(MOST, Math.max(LEAST, wanted)))
}

/** What is wrong with how calls that were made one after the other were shared out; null: nothing, as far as can be told. */
export function judgeShares({ strategy, takers, shares, isBusy }: Sharing): string | null {
  const strangers = [...shares].filter(([name, count]) => count > 0 && !takers.some((taker) => taker.name === name)).map(([name]) => name)
  if (strangers.length > 0) return `${strangers.join(', ')} had calls although ${takers.map(({ name }) => name).join(', ')} ${takers.length === 1 ? 'takes' : 'take'} them`
  const total = [...shares.values()].reduce((sum, count) => sum + count, 0)
  const of = (taker: Taker): number => shares.get(taker.name) ?? 0
  const unfair = (wants: (taker: Taker) => number, leeway: number): string | null => {
    const off = takers.filter((taker) => (isBusy ? of(taker) === 0 && wants(taker) > leeway : Math.abs(of(taker) - wants(taker)) > leeway))
    return off.length === 0 ? null : off.map((taker) => `${taker.name} should have had ${Math.round(wants(taker))} of ${total}`).join(', ')
  }
  switch (strategy) {
    case 'priority': return takers.length > 0 && of(takers[0] as Taker) < total ? `${takers[0]?.name ?? ''} should have had all ${total}` : null
    case 'round-robin':
    case 'least-pending': return unfair(() => total / takers.length, LEEWAY)
    case 'weighted': {
      const weights = takers.reduce((sum, { weight }) => sum + weight, 0)
      return unfair(({ weight }) => (total * weight) / weights, LEEWAY)
    }
    case 'random': {
      const none = total < CHANCE_EACH * takers.length ? [] : takers.filter((taker) => of(taker) === 0)
      return none.length === 0 ? null : `${none.map(({ name }) => name).join(', ')} had none of ${total}`
    }
    // How fast they are decides, which nobody knows beforehand.
    case 'latency': return null
  }
}
