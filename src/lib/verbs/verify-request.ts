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

/** How many are worth trying. */
const MAX_CANDIDATES = 3

/**
 * Tools that say they change nothing and need to be told nothing, those that stay at home first; then resources. All
 * members have to list them. The best first, a few at most.
 */
export function chooseHarmless(members: readonly Catalogue[]): Harmless[] {
  const [first, ...others] = members
  if (first === undefined) return []
  const isListed = (list: 'tools' | 'resources', key: string, entry: Definition): boolean => others.every((other) => other[list].some((each) => isDefinition(each) && each[key] === entry[key]))
  const tools = first.tools.filter(isDefinition).filter((tool) => isSafe(tool) && isListed('tools', 'name', tool))
  const isAtHome = ({ annotations }: Definition): boolean => isDefinition(annotations) && annotations['openWorldHint'] === false
  const resources = first.resources.filter(isDefinition).filter((resource) => isListed('resources', 'uri', resource))
  return [
    ...[...tools.filter(isAtHome), ...tools.filter((tool) => !isAtHome(tool))].flatMap(({ name }): Harmless[] => (typeof name === 'string' ? [{ method: 'tools/call', what: name, params: { name, arguments: {} } }] : [])),
    ...resources.flatMap(({ uri }): Harmless[] => (typeof uri === 'string' ? [{ method: 'resources/read', what: uri, params: { uri } }] : [])),
  ].slice(0, MAX_CANDIDATES)
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
  /** The answer says that it failed. */
  readonly isError: boolean
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
  /** So many requests with this mark were made before. */
  readonly after: number
}

/** Makes the same request again and again, each with a number of its own. Its owner calls `close`. */
export class Asker {
  readonly #options: AskerOptions
  #link: ServerLink | null = null
  #numbers: number
  /** Answers that are kept must not answer it. */
  isApart = false

  constructor(options: AskerOptions) {
    this.#options = options
    this.#numbers = options.after
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
      const result = await this.#link.link.request(harmless.method, params, { timeoutMs, signal })
      return { number, failure: null, isError: isDefinition(result) && result['isError'] === true, isLimited: false }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const data = 'data' in error && isDefinition(error.data) ? error.data : {}
      const reason = data['reason']
      // An error of the server itself is an answer.
      const isAnswer = error.name === 'RpcError' && typeof reason !== 'string'
      return { number, failure: isAnswer ? null : error.message, isError: isAnswer, isLimited: reason === 'rate-limited' || reason === 'overloaded' }
    }
  }

  close(): void {
    this.#link?.close()
    this.#link = null
  }
}
