import { Register } from '../base/index.js'
import type { Link } from '../mcp/index.js'
import type { Call } from './call.js'

/** The calls one server has, with the tokens that stand in for their clients' progress tokens. */
export class CallsUnderWay {
  readonly #calls = new Register<Call>()
  readonly #tokens = new Register<Call>()

  get size(): number {
    return this.#calls.size
  }

  add(call: Call): void {
    this.#calls.set(call.serial, call)
    if (call.token !== null) this.#tokens.set(call.token, call)
  }

  /** False when it is none of them. */
  delete(call: Call): boolean {
    if (call.token !== null) this.#tokens.delete(call.token)
    return this.#calls.delete(call.serial)
  }

  withToken(token: unknown): Call | undefined {
    return typeof token === 'number' ? this.#tokens.get(token) : undefined
  }

  /** A copy; with the instance behind this link, when it is known which one speaks. */
  on(link: Link | null): Call[] {
    const calls = this.#calls.values()
    return link === null ? calls : calls.filter((call) => call.link === link)
  }
}
