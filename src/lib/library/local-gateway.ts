import { DEFAULT_GATEWAY } from '../core/index.js'
import { openHttpFront, type Gateway as InnerGateway, type HttpFront, type View } from '../gateway/index.js'
import type { Gateway, GatewayOptions, ListenOptions, Tool, ToolResult } from './contract.js'
import { openLocalSession, type LocalSession } from './local-session.js'

/** The gateway of a running supervisor, for its user. */
export function openLocalGateway(inner: InnerGateway, { servers, prefix, separator }: GatewayOptions): Gateway {
  return new LocalGateway(inner, { servers: servers ?? null, tags: [], prefix: prefix ?? null, separator: separator ?? null })
}

class LocalGateway implements Gateway {
  readonly #inner: InnerGateway
  readonly #view: View
  readonly #session: LocalSession
  readonly #fronts = new Set<HttpFront>()

  constructor(inner: InnerGateway, view: View) {
    this.#inner = inner
    this.#view = view
    this.#session = openLocalSession(inner, view)
  }

  async tools(): Promise<Tool[]> {
    const { tools } = await this.#session.request('tools/list', {}, null)
    return Array.isArray(tools) ? (tools as Tool[]) : []
  }

  call(...[name, args = {}, { signal } = {}]: Parameters<Gateway['call']>): Promise<ToolResult> {
    return this.#session.request('tools/call', { name, arguments: args }, signal ?? null)
  }

  async listen({ port = 0, host = '127.0.0.1', token, allowedHosts = [], allowedOrigins = [] }: ListenOptions = {}): Promise<string> {
    const front = await openHttpFront({
      gateway: this.#inner, view: this.#view, store: null, log: () => undefined,
      settings: { ...DEFAULT_GATEWAY, port, host, token: token ?? null, allowedHosts, allowedOrigins },
    })
    this.#fronts.add(front)
    const address = front.address ?? { host, port }
    return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}/mcp`
  }

  async close(): Promise<void> {
    this.#session.close()
    const fronts = [...this.#fronts]
    this.#fronts.clear()
    await Promise.all(fronts.map((front) => front.close()))
  }
}
