import { DEFAULT_GATEWAY, type GateMetrics, type GatewaySettings, type SessionMetrics } from '../core/index.js'
import { watchKeyFile, type Home } from '../control/index.js'
import { createAudit } from './audit.js'
import { createGateway, EVERYTHING, joinObservers, openHttpFront, type BreakerChange, type CallObserver, type Gateway, type HttpFront, type Management } from '../gateway/index.js'
import type { FiguresSource } from '../metrics/index.js'
import { openCatalogueMemory } from './catalogue-memory.js'
import type { Definitions } from './definitions.js'
import { openFrontSocket, type FrontSocket } from './front-socket.js'
import type { Journal } from './journal.js'
import { createMonitor } from './prometheus.js'
import { isConfigured } from './server-name.js'
import { createServerSource } from './server-source.js'
import { openSessionStore } from './session-store.js'
import type { Supervisor } from './supervisor.js'

export interface GatewayHostOptions {
  readonly home: Home
  readonly supervisor: Supervisor
  /** Hears what servers list. */
  readonly definitions: Definitions
  readonly journal: Journal
  readonly version: string
  readonly now: () => number
  /** Hears of every call. */
  readonly observer?: CallObserver
  /** Lets clients that may do so change which servers there are. */
  readonly management?: Management
  /** What `/metrics` and `/health` show; absent: there is nothing at these paths. */
  readonly figures?: FiguresSource
}

/** Where HTTP clients come in, or why they cannot. */
export interface HttpStatus {
  readonly url: string | null
  readonly trouble: string | null
}

export interface GatewayHost {
  readonly gateway: Gateway
  /** A configuration was applied: its gateway settings hold from now on. Resolves when the HTTP front is where they want it. */
  applied(source: string, settings: GatewaySettings): Promise<void>
  readonly http: HttpStatus
  /** The servers of each profile. */
  profiles(): Readonly<Record<string, readonly string[]>>
  /** The clients there are. */
  sessions(): readonly SessionMetrics[]
  /** What was limited, what was kept, and who waits. */
  gate(): GateMetrics
  /** Calls of a server that failed may be worth a try. */
  tryNow(server: string): void
  /** `successor`: another daemon is about to take over. */
  close(reason: string, successor: boolean): Promise<void>
}

/** A daemon that just started is given this long to get its configuration before clients are let in. */
const CONFIGURED_WITHIN_MS = 10_000

/** The gateway of this daemon, with its doors: the home's socket and, where configured, HTTP. */
export async function openGatewayHost(options: GatewayHostOptions): Promise<GatewayHost> {
  const { home, supervisor, definitions, journal, version, now, observer, figures, management } = options
  const memory = openCatalogueMemory(home.state)
  const chosen = new ChosenSettings()
  const log = (level: 'info' | 'warn', message: string): void => { journal.write(level, `gateway: ${message}`) }
  const audit = createAudit({ home, now, isOn: () => chosen.effective.audit, isTaken: () => supervisor.fleet.servers.has('audit') })
  const gateway = createGateway({
    source: createServerSource(supervisor, { memory, definitions }, now), settings: () => chosen.effective, version, now,
    warn: (text) => { log('warn', text) },
    onBreaker: (change) => { tellBreaker(options, change) },
    observer: joinObservers(observer === undefined ? [audit.observer] : [observer, audit.observer]),
    ...(management && { management }),
  })
  const keys = watchKeyFile(home, (message) => { log('warn', message) })
  supervisor.breakers.follow((server) => gateway.breaker(server))
  const inner = await openHttpFront({ gateway, settings: { ...DEFAULT_GATEWAY, port: null }, view: EVERYTHING, store: null, log })
  const monitor = figures && createMonitor({ supervisor, figures, version, startedAt: now(), now, compat: () => chosen.effective.metrics.compat })
  const http = new HttpKeeper((settings) => openHttpFront({ gateway, settings, view: EVERYTHING, store: openSessionStore(home.state), log, keys, onRefused: (request) => { audit.refused(request) }, ...(monitor && { monitor }) }), log)
  let markConfigured: () => void = () => undefined
  const configured = new Promise<void>((resolve) => {
    markConfigured = resolve
    setTimeout(resolve, CONFIGURED_WITHIN_MS).unref()
  })
  let doors: FrontSocket
  try {
    doors = await openFrontSocket({
      home, gateway, http: inner, log, configured,
      names: () => ({ servers: [...supervisor.fleet.servers.values()].filter(isConfigured).map(({ spec }) => spec.name), profiles: Object.keys(chosen.effective.profiles) }),
    })
  } catch (error) {
    gateway.close('the daemon could not start')
    await inner.close()
    throw error
  }
  return {
    gateway,
    get http() {
      return http.status
    },
    profiles: () => Object.fromEntries(Object.keys(chosen.effective.profiles).map((name) => {
      const view = gateway.viewOfProfile(name)
      return [name, view === null ? [] : gateway.sourcesOf(view)]
    })),
    sessions: () => gateway.sessions(),
    tryNow: (server) => { gateway.tryNow(server) },
    gate: () => gateway.gateFigures(),
    async applied(source, settings) {
      chosen.take(source, settings)
      gateway.settingsChanged()
      await http.follow(chosen.effective)
      markConfigured()
    },
    async close(reason, successor) {
      gateway.close(reason)
      memory.close()
      monitor?.close()
      await Promise.all([doors.close(successor), inner.close(), http.close()])
      await audit.close()
    },
  }
}

function tellBreaker({ supervisor, journal }: GatewayHostOptions, change: BreakerChange): void {
  const { name, from, to, reason } = change
  journal.write(to === 'open' ? 'warn' : 'info', `${name}: breaker ${to}`, { server: name, from, reason })
  supervisor.log(name)?.mark(`breaker ${to}: ${reason}`, supervisor.fleet.servers.get(name)?.state.generation ?? 0)
  supervisor.breakers.changed(change)
}

/** Several configurations can be applied to one daemon; the last one that says anything about the gateway counts. */
class ChosenSettings {
  readonly #bySource = new Map<string, GatewaySettings>()

  /** Another object only when it changed: it is asked for with every call. */
  effective: GatewaySettings = DEFAULT_GATEWAY

  take(source: string, settings: GatewaySettings): void {
    this.#bySource.delete(source)
    if (JSON.stringify(settings) !== JSON.stringify(DEFAULT_GATEWAY)) this.#bySource.set(source, settings)
    this.effective = [...this.#bySource.values()].at(-1) ?? DEFAULT_GATEWAY
  }
}

/** Keeps the HTTP front where the settings want it. A port that is taken is no reason for servers not to start: it is said, and tried again with the next configuration. */
class HttpKeeper {
  readonly #open: (settings: GatewaySettings) => Promise<HttpFront>
  readonly #log: (level: 'info' | 'warn', message: string) => void
  #front: HttpFront | null = null
  #key = ''
  #trouble: string | null = null
  #work: Promise<void> = Promise.resolve()

  constructor(open: (settings: GatewaySettings) => Promise<HttpFront>, log: (level: 'info' | 'warn', message: string) => void) {
    this.#open = open
    this.#log = log
  }

  get status(): HttpStatus {
    const address = this.#front?.address ?? null
    return { url: address === null ? null : `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}/mcp`, trouble: this.#trouble }
  }

  follow(settings: GatewaySettings): Promise<void> {
    this.#work = this.#work.then(() => this.#follow(settings))
    return this.#work
  }

  async close(): Promise<void> {
    await this.#work
    await this.#front?.close()
    this.#front = null
  }

  async #follow(settings: GatewaySettings): Promise<void> {
    const { host, port, token, allowedHosts, allowedOrigins, sse, metrics, auth, rest } = settings
    const { keys, ...others } = auth
    const key = JSON.stringify([host, port, token, allowedHosts, allowedOrigins, sse, metrics.public, others, Object.keys(keys).length > 0, rest])
    // Keys come and go often, and are no reason to break off what is under way.
    if (key === this.#key && (this.#front !== null || port === null)) return this.#front?.takeKeys(keys)
    await this.#front?.close()
    this.#front = null
    this.#key = key
    this.#trouble = null
    if (port === null) return
    try {
      this.#front = await this.#open(settings)
      this.#log('info', `listening on ${this.status.url ?? ''}`)
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error)
      this.#log('warn', this.#trouble)
    }
  }
}
