import { viewKey, type Gateway, type View } from '../contract.js'
import type { GrantSpec } from '../../core/index.js'
import { NOT_LET_IN, type Access } from '../access.js'
import { filterOf, limitView } from '../view-limits.js'
import { McpEndpoint } from './mcp-endpoint.js'
import type { SessionTable } from './session-table.js'

/** Places of private connections and removed servers nobody asked at for so many sweeps (minutes) are given up. */
const MAX_IDLE_SWEEPS = 30
const SERVER = '/mcp/'
const PROFILES = '/profiles/'
const PROFILE_END = '/mcp'

/** Places times callers; when there are more, the one that was not used for longest goes. */
const MAX_ENDPOINTS = 5_000

interface Used {
  readonly endpoint: McpEndpoint
  /** Who asks there, as he was let in last. */
  access: Access
  /** Before what its caller may not see was taken off. */
  view: View
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

  /** Null: there is nothing at that path, for this caller. `path` is without its query. */
  find(path: string, home: Home, access: Access): McpEndpoint | null {
    const isHome = path === '/mcp'
    if (isHome && access.grant.profile === null) return this.#endpoint(home.path, home.view, access)
    const view = isHome ? this.homeView(home, access) : this.#viewAt(path, home, access)
    // However it is written, it is one place.
    return view === null ? null : this.#endpoint(isHome ? `${PROFILES}${access.grant.profile ?? ''}${PROFILE_END}` : decodeURIComponent(path), view, access)
  }

  /** What `/mcp` means for a caller, before his limits; null: nothing (any more). */
  homeView(home: Home, { grant }: Access): View | null {
    return grant.profile === null ? home.view : this.#gateway.viewOfProfile(grant.profile)
  }

  /** What `/mcp/NAME` or `/profiles/NAME/mcp` shows a caller; a choice of servers is not widened by asking at another path. */
  viewAt(path: string, home: Home, access: Access): View | null {
    const view = this.#viewAt(path, home, access)
    return view === null ? null : limitView(view, access)
  }

  /** Called once a minute. `holds`: whether somebody would still be let in. */
  sweep(holds: (access: Access) => boolean): void {
    for (const [key, used] of this.#used) {
      const isIn = holds(used.access)
      // A token that expires ends no call that was begun, but who only listens has to show another one.
      if (!isIn && used.access.kind === 'jwt') used.endpoint.hangUp()
      if (!isIn && used.access.kind !== 'jwt') this.#drop(key, used, NOT_LET_IN)
      else if (this.#table.now - used.usedAt >= MAX_IDLE_SWEEPS && !used.endpoint.isInUse) this.#drop(key, used, 'nobody asked here for half an hour')
    }
  }

  close(): void {
    for (const { endpoint } of this.#used.values()) endpoint.close('mcpctl was stopped', true)
    this.#used.clear()
  }

  #viewAt(path: string, home: Home, { grant }: Access): View | null {
    if (path.startsWith(SERVER)) return this.#viewOfServer(decodeName(path.slice(SERVER.length)), home, grant)
    if (!path.startsWith(PROFILES) || !path.endsWith(PROFILE_END) || path.length <= PROFILES.length + PROFILE_END.length) return null
    const name = decodeName(path.slice(PROFILES.length, -PROFILE_END.length))
    if (name === null || (grant.profile !== null && grant.profile !== name)) return null
    return home.isPrivate && !isEverything(home.view) ? null : this.#gateway.viewOfProfile(name)
  }

  #viewOfServer(name: string | null, home: Home, grant: GrantSpec): View | null {
    if (name === null || grant.profile !== null || !filterOf(grant).admitsServer(name)) return null
    if (home.isPrivate && !(isEverything(home.view) || home.view.servers?.includes(name) === true)) return null
    return this.#gateway.viewOfServer(name)
  }

  #endpoint(path: string, view: View, access: Access): McpEndpoint {
    const key = access.kind === 'anonymous' || access.kind === 'local' ? path : `${path}\n${access.id}`
    const used = this.#used.get(key)
    if (used !== undefined) {
      const isSame = view === used.view && access.grant === used.access.grant
      used.usedAt = this.#table.now
      // What was shown last is what holds longest.
      used.access = access
      if (isSame) return used.endpoint
      used.endpoint.show(limitView(view, access), access)
      used.view = view
      return used.endpoint
    }
    if (this.#used.size >= MAX_ENDPOINTS) this.#makeRoom()
    const endpoint = new McpEndpoint({ path, view: limitView(view, access), access, gateway: this.#gateway, table: this.#table })
    this.#used.set(key, { endpoint, access, view, usedAt: this.#table.now })
    return endpoint
  }

  #makeRoom(): void {
    let idlest: readonly [string, Used] | null = null
    for (const each of this.#used) {
      if (!each[1].endpoint.isInUse && (idlest === null || each[1].usedAt < idlest[1].usedAt)) idlest = each
    }
    if (idlest !== null) this.#drop(...idlest, 'too many callers')
  }

  #drop(key: string, { endpoint }: Used, reason: string): void {
    this.#used.delete(key)
    endpoint.close(reason)
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
