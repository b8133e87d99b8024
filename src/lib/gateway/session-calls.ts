import { Register } from '../base/index.js'
import type { SessionMetrics } from '../core/index.js'
import { accessOf, type Access } from './access.js'
import { Call } from './call.js'
import type { CallClient, CallPlan } from './call-contract.js'
import { CallReport, type CallReporter } from './call-report.js'
import type { Reply, RequestMessage, SessionOptions } from './contract.js'
import type { Failure } from './failure.js'
import type { Supplier } from './group/supplier.js'
import { answerError } from './reply.js'
import type { Refused } from './route.js'
import type { Origin } from './request-text.js'
import type { SessionHost } from './session-host.js'
import { SessionTally } from './session-tally.js'

/** A request for a server, and when it came (on the clock of `performance.now`). */
export interface Asked {
  readonly message: RequestMessage
  readonly origin: Origin
  readonly reply: Reply
  readonly takenOn: number
}

/** Who is to answer a request. `source`: the server whose settings hold for it. */
interface Way {
  readonly carrier: Supplier
  readonly plan: CallPlan
  readonly source: string
}

/** The calls of one session that are under way, and who is told of them. */
export class SessionCalls {
  readonly #host: SessionHost<never>
  readonly #client: CallClient
  readonly #id: string
  readonly access: Access
  readonly #tally: SessionTally
  readonly #calls = new Register<Call>()

  constructor(host: SessionHost<never>, client: CallClient, { door = 'http', kind, access }: SessionOptions) {
    this.access = accessOf(door, access)
    this.#host = host
    this.#client = client
    this.#id = host.nextSession()
    this.#tally = new SessionTally({ id: this.#id, door, isStateless: kind === 'modern', now: () => host.now() })
  }

  /** Makes a call of a request; the caller submits it. It counts as under way until `settled`. */
  open(asked: Asked, target: string | null, { carrier, plan, source }: Way): Call {
    const { message, origin, reply } = asked
    const call = new Call({
      message, origin, reply, carrier, plan, ...this.#reports(asked, target, { carrier, plan, source }),
      client: this.#client, principal: this.#client, parking: this.#host.parking, clientKey: origin.era === 'modern' ? message : this.#client,
    })
    this.#calls.set(call.serial, call)
    call.visitor = this.#tally.began(origin)
    return call
  }

  /** A call to one server is told of when it comes; one to a group by each of the servers that try it. */
  #reports(asked: Asked, target: string | null, { carrier: { members }, source }: Way): { report: CallReport | null; reporter?: CallReporter } {
    if (members === null || this.#host.observer === null) return { report: this.#report(asked, source, target) }
    let { takenOn } = asked
    return {
      report: null,
      reporter: (server) => {
        const report = this.#report({ ...asked, takenOn }, server ?? members[0] ?? source, target)
        takenOn = performance.now()
        return report
      },
    }
  }

  /** May be called more than once. */
  settled(call: Call): void {
    this.#calls.delete(call.serial)
    if (call.visitor !== null) this.#tally.ended(call.visitor)
    call.visitor = null
  }

  /** Answers a request for one of these servers with an error. With several it is not known whose call it would have been. */
  refuse(asked: Asked, servers: readonly string[], failure: Failure): void {
    const [only] = servers
    if (only !== undefined && servers.length === 1) this.#report(asked, only, null)?.lost(failure)
    answerError(asked.message, asked.reply, failure)
  }

  /** Answers a request for something that is not there for this caller, or whose server is down for good. */
  turnAway(asked: Asked, { failure, of }: Refused): null {
    const { message, origin, reply } = asked
    const { name, uri } = message.params ?? {}
    const target = typeof name === 'string' ? name : typeof uri === 'string' ? uri : null
    if (of !== undefined) this.#report(asked, of.from, of.name)?.lost(failure)
    else this.#host.observer?.refused?.({ method: message.method, target, session: this.#id, caller: this.access.id, client: origin.clientInfo })
    return answerError(message, reply, failure)
  }

  abort(reason: string): void {
    for (const call of this.#calls.values()) call.abort(reason)
  }

  introduced(client: SessionMetrics['client']): void {
    this.#tally.introduced(client, 'legacy')
  }

  /** A request came that is answered without a server. */
  heard(origin: Origin): void {
    this.#tally.heard(origin)
  }

  /** `servers`: all that its clients can reach. */
  figures(servers: readonly string[]): SessionMetrics[] {
    return this.#tally.read(servers)
  }

  #report({ message, origin, takenOn }: Asked, server: string, target: string | null): CallReport | null {
    const { observer } = this.#host
    if (observer === null) return null
    return new CallReport(observer, { message, origin, server, target: message.method === 'completion/complete' ? null : target, session: this.#id, caller: this.access.id, startedOn: takenOn })
  }
}
