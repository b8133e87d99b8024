import type { Call } from './call.js'
import type { CallClient } from './call-contract.js'

/** Whom something that a server sends of its own accord is for; `call`: and which of its calls it is about, if that is known. */
export interface Addressee {
  readonly session: CallClient
  readonly call: Call | null
}

/**
 * Whom a message is about: the call it came with (`via`, where the wire tells), the owner of the process, or the only
 * client whose calls are under way. Null: nobody can tell, so nobody is guessed.
 */
export function whoIsMeant(calls: readonly Call[], via: number | null, owner: CallClient | null): Addressee | null {
  // While an instance is being replaced, both can have a request of that number.
  const [exact, other] = via === null ? [] : calls.filter((call) => call.linkId === via)
  if (exact !== undefined && other === undefined) return { session: exact.client, call: exact }
  const newest = calls.at(-1) ?? null
  const isOne = calls.every((call) => call.clientKey === newest?.clientKey)
  if (owner !== null) return { session: owner, call: isOne ? newest : null }
  return newest === null || via !== null || !isOne ? null : { session: newest.client, call: newest }
}

/**
 * The same for a question. A call whose client is away with an earlier question waits for that answer, and its client
 * may never come back: it is another call that asks.
 */
export function whoIsAsked(calls: readonly Call[], via: number | null, owner: CallClient | null): Addressee | null {
  const present = via === null && owner === null ? calls.filter((call) => !call.isParked) : []
  return whoIsMeant(present.length > 0 ? present : calls, via, owner)
}
