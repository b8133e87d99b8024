import { viewKey, type Gateway, type View } from '../contract.js'
import { McpEndpoint } from './mcp-endpoint.js'
import type { SessionTable } from './session-table.js'

/** Places of private connections and removed servers nobody asked at for so many sweeps (minutes) are given up. */
const MAX_IDLE_SWEEPS = 30
const SERVER = '/mcp/'
const PROFILES = '/profiles/'
const PROFILE_END = '/mcp'

interface Used {
  readonly endpoint: McpEndpoint
  usedAt: number
}

/** Whom a connection is for: the same for all over TCP, one's own choice of servers over a private socket. */
export interface Home {
  readonly view: View
  readonly path: string
  readonly isPrivate: boolean
}

/** Finds the endpoint for a path. Owns the endpoints. */
export class Places {
  readonly #gateway: Gateway
  readonly #table: SessionTable
  readonly #used = new Map<string, Used>()

  constructor(gateway: Gateway, table: SessionTable) {
    this.#gateway = gateway
    this.#table = table
  }

  /** Null: there is nothing at that path. `path` is without its query. */
  find(path: string, home: Home): McpEndpoint | null {
    if (path === '/mcp') return this.#endpoint(home.path, home.view)
    const view = this.viewAt(path, home)
    // However it is written, it is one place.
    return view === null ? null : this.#endpoint(decodeURIComponent(path), view)
  }

  /** What `/mcp/NAME` or `/profiles/NAME/mcp` shows; a choice of servers is not widened by asking at another path. */
  viewAt(path: string, home: Home): View | null {
    if (path.startsWith(SERVER)) {
      const name = decodeName(path.slice(SERVER.length))
      if (name === null || (home.isPrivate && !(isEverything(home.view) || home.view.servers?.includes(name) === true))) return null
      return this.#gateway.viewOfServer(name)
    }
    if (!path.startsWith(PROFILES) || !path.endsWith(PROFILE_END) || path.length <= PROFILES.length + PROFILE_END.length) return null
    const name = decodeName(path.slice(PROFILES.length, -PROFILE_END.length))
    return name === null || (home.isPrivate && !isEverything(home.view)) ? null : this.#gateway.viewOfProfile(name)
  }

  /** Called once a minute. */
  sweep(): void {
    for (const [path, used] of this.#used) {
      if (this.#table.now - used.usedAt < MAX_IDLE_SWEEPS || used.endpoint.isInUse) continue
      this.#used.delete(path)
      used.endpoint.close('nobody asked here for half an hour')
    }
  }

  close(): void {
    for (const { endpoint } of this.#used.values()) endpoint.close('mcpctl was stopped')
    this.#used.clear()
  }

  #endpoint(path: string, view: View): McpEndpoint {
    const used = this.#used.get(path)
    if (used !== undefined) {
      used.usedAt = this.#table.now
      used.endpoint.show(view)
      return used.endpoint
    }
    const endpoint = new McpEndpoint(path, view, this.#gateway, this.#table)
    this.#used.set(path, { endpoint, usedAt: this.#table.now })
    return endpoint
  }
}

/** The key of a home whose `/mcp` shows `view`, where `common` is what everybody else sees there. */
export function homePath(view: View, common: View): string {
  const key = viewKey(view)
  return key === viewKey(common) ? '/mcp' : `/mcp#${key}`
}

function isEverything({ servers, tags }: View): boolean {
  return servers === null && tags.length === 0
}

function decodeName(text: string): string | null {
  if (text === '' || text.includes('/')) return null
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
