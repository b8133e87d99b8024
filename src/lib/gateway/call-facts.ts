import type { CallCarrier, CallClient, CallPlan } from './call-contract.js'
import type { CallReport, CallReporter } from './call-report.js'
import type { Reply, RequestMessage } from './contract.js'
import type { Parking } from './parking.js'
import type { Origin } from './request-text.js'

/** What a call is made of. */
export interface CallParts extends Pick<CallFacts, keyof CallFacts> {
  readonly reply: Reply
  readonly parking: Parking
  readonly report?: CallReport | null
  readonly reporter?: CallReporter | null
}

/** What stays the same about a call as long as it lives. */
export abstract class CallFacts {
  readonly message: RequestMessage
  readonly plan: CallPlan
  readonly origin: Origin
  readonly client: CallClient
  /** Two calls with the same key are certain to come from the same client, so what a server says may be about either. */
  readonly clientKey: object
  /** Who may continue this call. */
  readonly principal: object
  readonly carrier: CallCarrier

  constructor({ message, plan, origin, client, clientKey, principal, carrier }: CallParts) {
    this.message = message
    this.plan = plan
    this.origin = origin
    this.client = client
    this.clientKey = clientKey
    this.principal = principal
    this.carrier = carrier
  }
}
