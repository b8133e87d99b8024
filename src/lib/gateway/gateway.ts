import type { BreakerSnapshot, GateMetrics, PrefixMode, SessionClient, SessionMetrics } from '../core/index.js'
import type { JsonObject, Link, ServerRequest } from '../mcp/index.js'
import type { BreakerChange } from './breaker-guard.js'
import { staleBy } from './cache/staleness.js'
import type { CallClient } from './call-contract.js'
import type { CallObserver } from './call-observer.js'
import { viewKey, type SessionOptions, type View } from './contract.js'
import { Gate } from './gate.js'
import { withManagement } from './local-source.js'
import { isWanted, mostVerbose } from './log-level.js'
import { managedSource } from './managed-source.js'
import { NamedUris } from './named-uris.js'
import { onlyOnce } from './once.js'
import type { GatewayOptions, OwnedGateway } from './owned-gateway.js'
import { Parking } from './parking.js'
import { GatewaySession } from './session.js'
import type { SessionHost } from './session-host.js'
import { choiceKey, type Heard, type SourceListener } from './source.js'
import { Upstream } from './upstream.js'
import { GroupMemories } from './group/group-memory.js'
import { sourcesOf } from './group/offer.js'
import { viewOfProfile, viewOfServer } from './views.js'
import { ViewCatalogue } from './view-catalogue.js'

export type { GatewayOptions, OwnedGateway }

/** Changes come in bursts (a whole fleet starting): clients are told once. */
const ANNOUNCE_AFTER_MS = 50
const MAX_WARNINGS = 1000

/** The gateway over these servers. Its owner calls `close`. */
export function createGateway(options: GatewayOptions): OwnedGateway {
  return new TheGateway(options)
}

class TheGateway implements OwnedGateway, SessionHost<GatewaySession>, SourceListener {
  readonly source: ReturnType<typeof managedSource>
  readonly version: string
  readonly parking = new Parking()
  readonly groups = new GroupMemories()
  readonly gate: Gate
  readonly observer: CallObserver | null
  readonly #options: GatewayOptions
  readonly #sessions = new Set<GatewaySession>()
  readonly #shared = new Map<string, Upstream>()
  readonly #own = new Map<string, Upstream>()
  readonly #catalogues = new Map<string, ViewCatalogue>()
  readonly #uris = new NamedUris()
  readonly #warnOnce: (text: string) => void
  #tokens = 0
  #sessionCount = 0
  #revision = 1
  #choice = ''
  #announceTimer: NodeJS.Timeout | null = null
  #changedTick = false
  #closed = false

  constructor(options: GatewayOptions) {
    this.#options = options
    this.gate = new Gate(options.settings)
    this.#warnOnce = onlyOnce(options.warn, MAX_WARNINGS)
    this.source = managedSource(options)
    this.observer = options.observer ?? null
    this.version = options.version
    this.source.listen(this)
    for (const name of this.source.names()) this.shared(name)
  }

  get listWaitMs(): number {
    return this.#options.settings().listWaitMs
  }

  get startWaitMs(): number {
    return this.#options.settings().startWaitMs
  }

  get passInstructions(): boolean {
    return this.#options.settings().instructions
  }

  // For fronts.

  openSession(options: SessionOptions): GatewaySession {
    const session = new GatewaySession(this.#options.management === undefined ? options : withManagement(options), this)
    this.#sessions.add(session)
    return session
  }

  sessions(): SessionMetrics[] {
    return [...this.#sessions].flatMap((session) => session.figures())
  }

  gateFigures(): GateMetrics {
    const figures = this.gate.figures()
    const waiting = [...this.#shared.values(), ...this.#own.values()].reduce((sum, upstream) => sum + upstream.lane.waiting, 0)
    return { ...figures, waiting: figures.waiting + waiting }
  }

  breaker(server: string): BreakerSnapshot | null {
    return this.#upstream(server)?.guard.snapshot ?? null
  }

  tryNow(server: string): void {
    this.#upstream(server)?.guard.tryNow()
  }

  settingsChanged(): void {
    this.#soon()
  }

  viewOfServer(name: string): View | null {
    return viewOfServer(name, this.#options.source)
  }

  sourcesOf(view: View): string[] {
    return sourcesOf(view, this.#options.source)
  }

  viewOfProfile(name: string): View | null {
    return viewOfProfile(name, this.#options.settings())
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#announceTimer !== null) clearTimeout(this.#announceTimer)
    for (const session of [...this.#sessions]) session.finish(reason)
    this.parking.close()
    this.gate.close()
    this.source.close()
    for (const upstream of [...this.#shared.values(), ...this.#own.values()]) upstream.close(reason)
  }

  // For the source.

  changed(name: string): void {
    if (this.#closed) return
    const own = this.#own.get(name)
    if (own !== undefined) own.changed()
    else if (this.#shared.has(name) || this.source.names().includes(name)) this.shared(name).changed()
    if (this.source.get(name) === null) this.#drop(name)
    this.#soon()
  }

  notified(name: string, ...heard: Heard): void {
    const stale = staleBy(heard[0], heard[1])
    if (stale !== null) this.stale(name, stale.uri)
    this.#upstream(name)?.notified(...heard)
  }

  asked(name: string, request: ServerRequest, link?: Link | null): Promise<JsonObject> | undefined {
    return this.#upstream(name)?.asked(request, link)
  }

  // For sessions and the servers' side.

  now(): number {
    return this.#options.now()
  }

  nextSession(): string {
    return `s${++this.#sessionCount}`
  }

  nextToken(): number {
    return ++this.#tokens
  }

  breakerChanged(change: BreakerChange): void {
    this.#options.onBreaker?.(change)
    this.#soon()
  }

  stale(server: string, uri: string | null = null): void {
    this.gate.stale(server, uri)
    const group = this.source.get(server)?.traffic.membership?.group
    if (group !== undefined) this.gate.stale(group, uri)
  }

  catalogueChanged(isNew: boolean): void {
    if (isNew) this.#revision++
    this.#soon()
  }

  warn(server: string, text: string): void {
    this.source.note(server, `warning: ${text}`)
    this.#warnOnce(`${server}: ${text}`)
  }

  logged(server: string, params: JsonObject): void {
    for (const session of this.#sessions) {
      if (session.logLevel !== null && isWanted(params['level'], session.logLevel) && session.servers.catalogue.sources().includes(server)) session.logged(server, null, params)
    }
  }

  named(server: string, text: Buffer): void {
    this.#uris.learn(server, text)
  }

  originOf(uri: string): string | null {
    return this.#uris.originOf(uri)
  }

  prefixOf(view: View): PrefixMode {
    return view.prefix ?? this.#options.settings().prefix
  }

  separatorOf(view: View): string {
    return view.separator ?? this.#options.settings().separator
  }

  shared(server: string): Upstream {
    const known = this.#shared.get(server)
    if (known !== undefined) return known
    const upstream = new Upstream(server, null, this)
    this.#shared.set(server, upstream)
    return upstream
  }

  openOwn(server: string, client: SessionClient, owner: CallClient): Upstream | null {
    const name = this.source.openOwn(server, client)
    if (name === null) return null
    const upstream = new Upstream(name, owner, this, server)
    this.#own.set(name, upstream)
    upstream.changed()
    return upstream
  }

  closeOwn(upstream: Upstream): void {
    this.#own.delete(upstream.name)
    upstream.close('the session ended')
    this.source.closeOwn(upstream.name)
  }

  sharedCatalogue(view: View): ViewCatalogue {
    const key = viewKey(view)
    const known = this.#catalogues.get(key)
    if (known !== undefined) return known
    const catalogue = this.ownCatalogue(view, (server) => this.shared(server))
    this.#catalogues.set(key, catalogue)
    return catalogue
  }

  ownCatalogue(view: View, upstreamOf: (server: string, hasOthers: boolean) => Upstream): ViewCatalogue {
    const catalogue = new ViewCatalogue({
      view, upstreamOf, source: this.source, settings: this.#options.settings,
      revision: () => this.#revision, warn: (text) => { this.#warnOnce(text) },
    })
    catalogue.takeChanges()
    return catalogue
  }

  logLevelChanged(session: GatewaySession): void {
    for (const upstream of session.servers.own()) upstream.setLogLevel(session.logLevel)
    this.#shareLogLevel()
  }

  /** Each server hears of what its own clients want: who may not see it does not make it talk. */
  #shareLogLevel(): void {
    const wanted = [...this.#sessions].flatMap(({ logLevel, servers }) => (logLevel === null ? [] : [{ logLevel, sources: new Set(servers.catalogue.sources()) }]))
    for (const [name, upstream] of this.#shared) upstream.setLogLevel(mostVerbose(wanted.flatMap(({ logLevel, sources }) => (sources.has(name) ? [logLevel] : []))))
  }

  closed(session: GatewaySession): void {
    this.#sessions.delete(session)
    if (this.#closed) return
    if (session.logLevel !== null) this.#shareLogLevel()
    const used = new Set([...this.#sessions].map((each) => each.servers.catalogue))
    for (const [key, catalogue] of this.#catalogues) if (!used.has(catalogue)) this.#catalogues.delete(key)
  }

  #upstream(name: string): Upstream | undefined {
    return this.#own.get(name) ?? this.#shared.get(name)
  }

  #drop(name: string): void {
    const upstream = this.#shared.get(name)
    if (upstream === undefined) return
    this.#shared.delete(name)
    this.gate.forget(name)
    upstream.close(`server "${name}" is not configured any more`)
  }

  /** Looks once at everything that changed in this turn of the event loop, and announces it a little later. */
  #soon(): void {
    if (this.#changedTick || this.#closed) return
    this.#changedTick = true
    setImmediate(() => {
      this.#changedTick = false
      if (this.#closed) return
      this.#noticeChoice()
      this.#shareLogLevel()
      for (const session of [...this.#sessions]) session.serversChanged()
      this.#announceTimer ??= setTimeout(() => { this.#announce() }, ANNOUNCE_AFTER_MS)
    })
  }

  #noticeChoice(): void {
    const choice = choiceKey(this.source, this.#options.settings(), (name) => this.shared(name).catalogue === null)
    if (choice === this.#choice) return
    this.#choice = choice
    this.#revision++
  }

  #announce(): void {
    this.#announceTimer = null
    const changes = new Map<ViewCatalogue, ReturnType<ViewCatalogue['takeChanges']>>()
    for (const session of [...this.#sessions]) {
      const { catalogue } = session.servers
      const kinds = changes.get(catalogue) ?? catalogue.takeChanges()
      changes.set(catalogue, kinds)
      if (kinds.length > 0) session.listsChanged(kinds)
    }
  }
}
