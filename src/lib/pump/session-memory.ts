import type { FrontResume } from '../control/index.js'
import { notificationLine } from './failure.js'

/** What the resumed session says of itself has to fit the greeting. */
const MAX_SUBSCRIPTIONS_BYTES = 256 * 1024
const LIST_CHANGES = { tools: 'notifications/tools/list_changed', prompts: 'notifications/prompts/list_changed', resources: 'notifications/resources/list_changed' } as const

type JsonObject = Record<string, unknown>

/**
 * What a legacy client and its daemon agreed on, overheard in passing, so that another daemon can take the session over
 * without asking the client again. Nothing here before `initialize` was answered, and nothing ever in the modern era.
 */
export class SessionMemory {
  #asked: JsonObject | null = null
  #agreed: { readonly protocolVersion: string; readonly capabilities: JsonObject; readonly clientInfo: FrontResume['clientInfo']; readonly offered: JsonObject } | null = null
  #logLevel: string | null = null
  readonly #subscriptions = new Set<string>()
  #subscriptionBytes = 0

  /** One of the requests that change what a session is: `initialize`, `logging/setLevel`, `resources/subscribe`, `resources/unsubscribe`. */
  onRequest(method: string, line: Buffer): void {
    const params = asObject(parseObject(line)?.['params'])
    if (method === 'initialize') {
      this.#asked = params
    } else if (method === 'logging/setLevel') {
      if (typeof params['level'] === 'string') this.#logLevel = params['level']
    } else if (typeof params['uri'] === 'string') {
      this.#subscribe(params['uri'], method === 'resources/subscribe')
    }
  }

  /** The answer to `initialize`; an error leaves things as they were. */
  onInitialized(line: Buffer): void {
    const result = parseObject(line)?.['result']
    const { protocolVersion, capabilities } = asObject(result)
    if (this.#asked === null || typeof protocolVersion !== 'string') return
    const { name, version } = asObject(this.#asked['clientInfo'])
    this.#agreed = {
      protocolVersion,
      capabilities: asObject(this.#asked['capabilities']),
      clientInfo: typeof name === 'string' && typeof version === 'string' ? { name, version } : null,
      offered: asObject(capabilities),
    }
    this.#asked = null
  }

  /** For the greeting of the next daemon; null when there is no session to go on with. */
  get resume(): FrontResume | null {
    if (this.#agreed === null) return null
    const { protocolVersion, capabilities, clientInfo } = this.#agreed
    return { protocolVersion, capabilities, clientInfo, logLevel: this.#logLevel, subscriptions: [...this.#subscriptions] }
  }

  /** What the client has to be told after the session was taken over: every list it was promised news of may be another one. */
  get newsLines(): Buffer[] {
    const offered = this.#agreed?.offered ?? {}
    return Object.entries(LIST_CHANGES).flatMap(([list, method]) => (asObject(offered[list])['listChanged'] === true ? [notificationLine(method)] : []))
  }

  #subscribe(uri: string, isWanted: boolean): void {
    const bytes = uri.length + 3
    if (!isWanted) {
      if (this.#subscriptions.delete(uri)) this.#subscriptionBytes -= bytes
    } else if (!this.#subscriptions.has(uri) && this.#subscriptionBytes + bytes <= MAX_SUBSCRIPTIONS_BYTES) {
      this.#subscriptions.add(uri)
      this.#subscriptionBytes += bytes
    }
  }
}

/** The line as a JSON object; undefined when it is none. */
export function parseObject(line: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
