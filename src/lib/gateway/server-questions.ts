import { isJsonObject, RpcError, type JsonObject, type Link, type ServerRequest } from '../mcp/index.js'
import { whoIsAsked, type Addressee } from './attribution.js'
import type { Call } from './call.js'
import type { CallClient } from './call-contract.js'
import { METHOD_NOT_FOUND } from './failure.js'
import type { Hub } from './hub.js'
import { Withdrawn } from './withdrawn.js'

const QUESTIONS = new Set(['sampling/createMessage', 'elicitation/create', 'roots/list'])

export interface ServerQuestionsOptions {
  readonly name: string
  /** Set when the process belongs to one session. */
  readonly owner: CallClient | null
  readonly hub: Hub
  /** The calls that are with the server; those on this link alone when it is not null. */
  readonly callsOn: (link: Link | null) => readonly Call[]
}

/** What one server asks: it is passed on to the client that is certain to be meant, or refused. */
export class ServerQuestions {
  readonly #options: ServerQuestionsOptions
  readonly #withdrawn = new Withdrawn()

  constructor(options: ServerQuestionsOptions) {
    this.#options = options
  }

  /** A call is taken back from the instance behind this link. Returns what is to be called when it answers all the same. */
  takenBack(call: Call, link: Link): () => void {
    return this.#withdrawn.note(call.clientKey, link, this.#options.hub.now())
  }

  /** Undefined: nothing clients answer. `link` is null when it is not known through which one it asks. */
  asked({ method, params, via }: ServerRequest, link: Link | null): Promise<JsonObject> | undefined {
    if (!QUESTIONS.has(method)) return undefined
    const { name, owner, hub, callsOn } = this.#options
    const calls = callsOn(link)
    const likely = whoIsAsked(calls, via, owner)
    const about = likely === null || this.#isSure(likely, via, link) ? likely : null
    // The roots of a legacy session would be taken for everybody's; a modern client's are part of its request.
    if (method === 'roots/list' && owner === null && !(about?.call?.origin.era === 'modern' && isJsonObject(about.call.origin.capabilities['roots']))) {
      const roots = hub.source.get(name)?.roots
      return roots == null ? undefined : Promise.resolve({ roots })
    }
    if (about !== null) return about.session.ask(about.call, method, params ?? {})
    return this.#refuse(method, likely !== null ? 'soon after another client gave a call up' : calls.length === 0 ? 'while no client waits for it' : 'while calls of several clients are under way')
  }

  #isSure({ call }: Addressee, via: number | null, link: Link | null): boolean {
    const { owner, hub } = this.#options
    return via !== null || owner !== null || !this.#withdrawn.hasOthers(call?.clientKey, link, hub.now())
  }

  #refuse(method: string, why: string): Promise<never> {
    const { name, hub } = this.#options
    hub.warn(name, `it asked ${method} ${why}, so nobody can tell which client is meant; set isolation: per-session for it`)
    return Promise.reject(new RpcError({ code: METHOD_NOT_FOUND, message: `${method} was not passed on: it was asked ${why}` }))
  }
}
