import type { Home } from '../control/index.js'
import type { Catalogue, JsonObject } from '../mcp/index.js'
import { openServerLink, type ServerLink } from './tools-link.js'
import type { Definition } from './verify-group-facts.js'

/** A request that changes nothing and that every member answers. */
export interface Harmless {
  readonly method: 'tools/call' | 'resources/read'
  /** For people: a tool or a URI. */
  readonly what: string
  readonly params: JsonObject
}

/** Under this key of `_meta` stands who made a request of `verify`, and which one it is. */
export const MARK_KEY = 'mcpctl/verify'

/**
 * A tool that says it changes nothing and needs to be told nothing, one that stays at home if there is one; else a
 * resource. All members have to list it. Null: there is none.
 */
export function chooseHarmless(members: readonly Catalogue[]): Harmless | null {
  const [first, ...others] = members
  if (first === undefined) return null
  const isListed = (list: 'tools' | 'resources', key: string, entry: Definition): boolean => others.every((other) => other[list].some((each) => isDefinition(each) && each[key] === entry[key]))
  const tools = first.tools.filter(isDefinition).filter((tool) => isSafe(tool) && isListed('tools', 'name', tool))
  const tool = tools.find(({ annotations }) => isDefinition(annotations) && annotations['openWorldHint'] === false) ?? tools[0]
  if (typeof tool?.['name'] === 'string') return { method: 'tools/call', what: tool['name'], params: { name: tool['name'], arguments: {} } }
  const uri = first.resources.filter(isDefinition).find((resource) => isListed('resources', 'uri', resource))?.['uri']
  return typeof uri === 'string' ? { method: 'resources/read', what: uri, params: { uri } } : null
}

function isSafe({ annotations, inputSchema }: Definition): boolean {
  const required = isDefinition(inputSchema) ? inputSchema['required'] : undefined
  return isDefinition(annotations) && annotations['readOnlyHint'] === true && !(Array.isArray(required) && required.length > 0)
}

export function isDefinition(value: unknown): value is Definition {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What became of one request. */
export interface Asked {
  readonly number: number
  /** Why it was not answered; null: it was, whatever the answer says. */
  readonly failure: string | null
  /** The gateway refused it because a limit was reached: that is no fault of anybody. */
  readonly isLimited: boolean
}

export interface AskerOptions {
  readonly home: Home
  readonly group: string
  readonly harmless: Harmless
  readonly mark: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Makes the same request again and again, each with a number of its own. Its owner calls `close`. */
export class Asker {
  readonly #options: AskerOptions
  #link: ServerLink | null = null
  #numbers = 0
  /** Answers that are kept must not answer it. */
  isApart = false

  constructor(options: AskerOptions) {
    this.#options = options
  }

  /** For people. */
  get what(): string {
    return this.#options.harmless.what
  }

  get count(): number {
    return this.#numbers
  }

  /** `anew`: as another client session. Rejects when the gateway cannot be reached. */
  async ask(anew = false): Promise<Asked> {
    const { home, group, harmless, mark, timeoutMs, signal } = this.#options
    if (anew) this.close()
    this.#link ??= await openServerLink({ home, server: group, era: null, signal })
    const number = ++this.#numbers
    const params = { ...harmless.params, ...(this.isApart ? { [MARK_KEY]: number } : {}), _meta: { [MARK_KEY]: `${mark}:${number}` } }
    try {
      await this.#link.link.request(harmless.method, params, { timeoutMs, signal })
      return { number, failure: null, isLimited: false }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const data = 'data' in error && isDefinition(error.data) ? error.data : {}
      const reason = data['reason']
      // An error of the server itself is an answer.
      const isAnswer = error.name === 'RpcError' && typeof reason !== 'string'
      return { number, failure: isAnswer ? null : error.message, isLimited: reason === 'rate-limited' || reason === 'overloaded' }
    }
  }

  close(): void {
    this.#link?.close()
    this.#link = null
  }
}
