import type { Access } from './access.js'
import type { Call } from './call.js'
import type { CallCarrier } from './call-contract.js'
import type { Destination } from './route.js'

/** A call on its way from its session to its server. */
export interface Entry {
  readonly carrier: CallCarrier
  readonly to: Destination
  readonly access: Access
}

/** What every call passes between its session and its server. */
export class Gate {
  enter(call: Call, { carrier }: Entry): void {
    carrier.submit(call)
  }
}
