import type { SessionClient } from '../core/index.js'
import type { ReachableServer, View } from './contract.js'
import { ListWait } from './list-wait.js'
import { isLocal } from './local-source.js'
import { isRepeatableTool } from './route.js'
import type { Presence } from './source.js'
import type { CallClient } from './call-contract.js'
import type { Failure } from './failure.js'
import type { SeenServer, SeenTool, Sight } from './sight.js'
import type { Hub } from './hub.js'
import type { Upstream } from './upstream.js'
import { Group } from './group/group.js'
import { whyDown } from './group/offer.js'
import type { GroupMemories } from './group/group-memory.js'
import type { Supplier } from './group/supplier.js'
import type { ViewCatalogue } from './view-catalogue.js'

/** What a session's view is made from; implemented by the gateway. */
export interface ViewHost extends Hub {
  /** The shared process of a server. */
  shared(server: string): Upstream
  /** A process of its own for one session; null when the source can give none. */
  openOwn(server: string, client: SessionClient, owner: CallClient): Upstream | null
  closeOwn(upstream: Upstream): void
  /** The catalogue all clients with this view share. */
  sharedCatalogue(view: View): ViewCatalogue
  ownCatalogue(view: View, upstreamOf: (server: string, hasOthers: boolean) => Upstream): ViewCatalogue
  /** What all sessions together know of a group. */
  readonly groups: GroupMemories
  readonly listWaitMs: number
}

/** The best one first: what is seen under one name is as well as the best of its members. */
const PRESENCES: readonly Presence[] = ['up', 'coming', 'resting', 'down']

/** The servers as one session has them: shared ones, and processes of its own where the configuration wants that. */
export class SessionView implements Sight {
  readonly view: View
  readonly #host: ViewHost
  readonly #owner: CallClient
  readonly #own = new Map<string, Upstream>()
  readonly #groups = new Map<string, Group>()
  readonly #isStateless: boolean
  readonly #wait: ListWait
  readonly #slow = new Set<string>()
  #client: SessionClient | null = null
  #catalogue: ViewCatalogue
  #isOwnCatalogue = false

  /** `isStateless`: its requests come from many clients. */
  constructor(view: View, host: ViewHost, owner: CallClient, isStateless: boolean) {
    this.view = view
    this.#isStateless = isStateless
    this.#host = host
    this.#owner = owner
    this.#catalogue = host.sharedCatalogue(view)
    this.#wait = new ListWait(() => this.#readiness(), host.listWaitMs, () => host.now(), () => {
      for (const name of this.#catalogue.pendingSources()) this.#slow.add(name)
    })
  }

  get catalogue(): ViewCatalogue {
    return this.#catalogue
  }

  /** The gateway's own tools are no server. */
  reachable(): ReachableServer[] {
    const tools = new Map<string, number>()
    for (const { server } of this.#catalogue.merged().toolRoutes.values()) tools.set(server, (tools.get(server) ?? 0) + 1)
    return this.#catalogue.everything().filter(({ name }) => !isLocal(name)).map(({ name, members: names }) => {
      const members = names.flatMap((member) => this.#host.source.get(member) ?? [])
      const best = PRESENCES.map((presence) => members.find((member) => member.presence === presence)).find((member) => member !== undefined)
      return { name, presence: best?.presence ?? 'down', reason: best?.reason ?? '', tools: tools.get(name) ?? 0 }
    })
  }

  tools(): SeenTool[] {
    const { tools, toolRoutes } = this.#catalogue.merged()
    return tools.map((definition) => {
      const server = toolRoutes.get(String(definition['name']))?.server ?? null
      return { definition, server: server !== null && isLocal(server) ? null : server }
    })
  }

  /** Null: there is no such tool. */
  look(tool: string): { readonly isRepeatable: boolean } | null {
    const found = this.#catalogue.merged().toolRoutes.get(tool)
    return found === undefined ? null : { isRepeatable: isRepeatableTool(found, this.#host.source.get(found.from)?.traffic) }
  }

  servers(): SeenServer[] {
    return this.#catalogue.everything().filter(({ name }) => !isLocal(name))
  }

  /** The client said who it is: from now on it gets processes of its own where servers are not shared. */
  introduce(client: SessionClient): void {
    this.#client = client
    // One that was made anew would have nothing to compare the next change with.
    if (this.#isOwnCatalogue) return
    const isolated = this.#catalogue.sources().some((name) => this.#host.source.get(name)?.isolation === 'per-session')
    if (!isolated) return
    this.#isOwnCatalogue = true
    this.#catalogue = this.#host.ownCatalogue(this.view, (server, hasOthers) => (hasOthers ? this.#look(server) : this.upstreamOf(server)))
  }

  /** Who serves what the client sees under this name. */
  supplierOf(name: string): Supplier {
    const members = this.#catalogue.membersOf(name)
    const [only = name] = members
    return members.length < 2 ? this.upstreamOf(only) : this.#group(name)
  }

  /** The configured name of one that serves it. */
  sourceOf(name: string): string {
    return this.#catalogue.membersOf(name)[0] ?? name
  }

  /** Why nothing can be asked of what the client sees under this name, or of one member of it; null: it is not down for good. */
  absenceOf(name: string, member: string | null): Failure | null {
    const offer = this.#catalogue.everything().find((each) => each.name === name)
    return offer === undefined ? null : whyDown(offer, member, this.#host.source)
  }

  /** Whether any calls or subscriptions went to a group. */
  get hasGroups(): boolean {
    return this.#groups.size > 0
  }

  #group(name: string): Group {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const group = new Group({
      name, hub: this.#host, memory: this.#host.groups.of(name, this.view.profile ?? null), isStateless: this.#isStateless,
      members: () => this.#catalogue.membersOf(name), look: (member) => this.#look(member), open: (member) => this.upstreamOf(member),
    })
    this.#groups.set(name, group)
    return group
  }

  /** Whether the view has this server in it: a reload may have taken it out. */
  sees(upstream: Upstream): boolean {
    const own = [...this.#own].find(([, each]) => each === upstream)
    return this.#catalogue.sources().includes(own?.[0] ?? upstream.name)
  }

  /** The process of its own, if it has one by now. */
  #look(server: string): Upstream {
    return this.#own.get(server) ?? this.#host.shared(server)
  }

  upstreamOf(server: string): Upstream {
    const client = this.#client
    const shared = this.#host.shared(server)
    if (client === null || shared.server?.isolation !== 'per-session') return shared
    const known = this.#own.get(server)
    if (known !== undefined) return known
    const opened = this.#host.openOwn(server, client, this.#owner)
    if (opened === null) return shared
    this.#own.set(server, opened)
    return opened
  }

  /** Processes of this session alone that exist by now. */
  own(): Iterable<Upstream> {
    return this.#own.values()
  }

  /** Calls back when lists may be given out; returns what takes that wish back. Servers that rest and were never listed are woken. */
  whenListed(proceed: () => void): () => void {
    this.wake()
    return this.#wait.whenSettled(proceed)
  }

  /** Starts what rests and has never been listed. */
  wake(): void {
    for (const name of this.#catalogue.pendingSources()) {
      if (this.#host.source.get(name)?.presence === 'resting') this.#host.source.wake(name)
    }
  }

  changed(): void {
    this.#wait.changed()
    for (const [name, group] of this.#groups) {
      group.changed()
      if (group.isIdle && this.#catalogue.membersOf(name).length < 2) this.#groups.delete(name)
    }
  }

  close(): void {
    this.#wait.close()
    for (const upstream of this.#own.values()) this.#host.closeOwn(upstream)
    this.#own.clear()
  }

  /** A server that failed to start, or was waited for in vain before, holds nothing up. */
  #readiness(): { pending: number; listed: number } {
    const pending = this.#catalogue.pendingSources()
    const awaited = pending.filter((name) => !this.#slow.has(name) && this.#host.source.get(name)?.retryAfterMs === null)
    // A process that was started for this client is worth more patience than one that happens to be slow.
    const hasOwn = awaited.some((name) => this.#own.has(name))
    return { pending: awaited.length, listed: hasOwn ? 0 : this.#catalogue.sources().length - pending.length }
  }
}
