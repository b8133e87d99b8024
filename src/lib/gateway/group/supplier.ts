import type { Era } from '../../core/index.js'
import type { CallCarrier } from '../call-contract.js'
import type { Upstream } from '../upstream.js'

/** Who serves what clients see under one name: a server, or a group of them. */
export interface Supplier extends CallCarrier {
  /** What it speaks; null: not known, or that depends on the member. */
  readonly era: Era | null
  readonly offersResources: boolean
  /** Where its resources are watched. */
  readonly keeper: Upstream
  /** The members to share a call's reports among, the preferred one first; null: it is one server. */
  readonly members: readonly string[] | null
}
