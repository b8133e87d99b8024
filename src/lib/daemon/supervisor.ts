import { DEFAULT_GATEWAY, findConflicts, createFleet, isActive, stepFleet, type Effect, type Fleet, type FleetEntry, type FleetEvent, type ServerSnapshot, type ServerSpec, type SwapEffect } from '../core/index.js'
import type { Home } from '../control/index.js'
import { openServerLog, type ServerLog } from '../logs/index.js'
import { LEGACY_VERSIONS, type EraVerdict, type Link, type ServerRequest } from '../mcp/index.js'
import type { LimitsBackend, Sweeper } from '../process/index.js'
import { BreakerBook } from './breaker-book.js'
import type { DossierWriter } from './dossier-writer.js'
import type { EraMemory } from './era-memory.js'
import { Instance } from './instance.js'
import type { Journal } from './journal.js'
import { markerOf } from './marker.js'
import type { OutboundDesk } from './outbound.js'
import { PidKeeper } from './pid-keeper.js'
import type { WatchdogKeeper } from './watchdog-keeper.js'

export interface SupervisorServices {
  readonly home: Home
  readonly now: () => number
  readonly journal: Journal
  readonly sweeper: Sweeper
  readonly watchdog: WatchdogKeeper
  readonly limits: LimitsBackend
  readonly dossiers: DossierWriter
  readonly eras: EraMemory
  readonly outbound: OutboundDesk
  /** Every instance's environment marker starts with this. */
  readonly markerPrefix: string
}

/** What happened to one server, for subscribers; null when it is gone from the fleet. */
export type ChangeListener = (name: string, before: Fleet) => void

/** Who hears what servers say of their own accord. */
export interface TrafficListener {
  notified(name: string, method: string, params: Readonly<Record<string, unknown>> | undefined, via: number | null, link: Link | null): void
  asked(name: string, request: ServerRequest, link: Link | null): Promise<Record<string, unknown>> | undefined
}

/** Who looks on at every link from its beginning. `name`: the server it belongs to, also while another instance of it runs. */
export type LinkListener = (name: string, instance: Instance, link: Link) => void

/**
 * The only effect loop: takes one event, runs the pure step, performs the effects, repeats. No other code changes
 * the state of a server. Instances report back as further events.
 */
export class Supervisor {
  /** How the calls of its servers end. */
  readonly breakers = new BreakerBook()
  #fleet: Fleet
  readonly #services: SupervisorServices
  readonly #instances = new Map<string, Instance>()
  readonly #logs = new Map<string, ServerLog>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #timerEpochs = new Map<string, number>()
  /** Eras learnt from an exit on the probe, until a handshake confirms them. */
  readonly #provisional = new Map<string, EraVerdict>()
  readonly #queue: FleetEvent[] = []
  readonly #listeners = new Set<ChangeListener>()
  /** What others know of a server, for its snapshots. */
  readonly describers = new Set<(entry: FleetEntry) => Partial<ServerSnapshot>>()
  #traffic: TrafficListener | null = null
  #linkListener: LinkListener | null = null
  readonly #pids: PidKeeper
  #busy = false
  #scheduled = false

  constructor(services: SupervisorServices) {
    this.#services = services
    this.#fleet = createFleet({ maxConcurrentStarts: 32, gateway: DEFAULT_GATEWAY })
    this.#pids = new PidKeeper(services.home, services.journal)
  }

  get fleet(): Fleet {
    return this.#fleet
  }

  instance(name: string): Instance | undefined {
    return this.#instances.get(name)
  }

  log(name: string): ServerLog | undefined {
    return this.#logs.get(name)
  }

  conflicts(specs: readonly ServerSpec[]): { name: string; source: string }[] {
    return findConflicts(this.#fleet, specs)
  }

  /** Returns the function that ends the subscription. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Something that is no matter of its state changed: whoever follows the server looks again. */
  announce(name: string): void {
    for (const listener of [...this.#listeners]) listener(name, this.#fleet)
  }

  onTraffic(listener: TrafficListener): void {
    this.#traffic = listener
  }

  /** One at a time; null: nobody. */
  onLink(listener: LinkListener | null): void {
    this.#linkListener = listener
  }

  /** Resolves when the condition holds; looked at after every step. */
  until(condition: (fleet: Fleet) => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (condition(this.#fleet)) return resolve()
      const stop = this.onChange(() => {
        if (!condition(this.#fleet)) return
        stop()
        resolve()
      })
    })
  }

  /** Takes effect before it returns. */
  send(event: FleetEvent): void {
    this.#queue.push(event)
    this.#drain()
  }

  /** What instances report in one turn of the event loop is one step: 200 servers starting are not 200 steps. */
  #report(event: FleetEvent): void {
    this.#queue.push(event)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#drain()
    })
  }

  #drain(): void {
    if (this.#busy) return
    this.#busy = true
    try {
      while (this.#queue.length > 0) this.#step(this.#queue.splice(0))
    } finally {
      this.#busy = false
    }
  }

  /** Flushes and closes the logs. Only when nothing runs any more. */
  async close(): Promise<void> {
    this.#pids.close()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const instance of this.#instances.values()) instance.release()
    await Promise.all([...this.#logs.values()].map((log) => log.close()))
  }

  #step(events: readonly FleetEvent[]): void {
    const before = this.#fleet
    const step = stepFleet(before, events, { now: this.#services.now(), random: Math.random })
    this.#fleet = step.fleet
    for (const { name, effect } of step.effects) this.#perform(name, effect)
    for (const name of step.changed) this.#afterChange(name, before)
    this.#pids.flush(() => [...this.#fleet.servers.values()].some(({ state }) => state.phase === 'starting' || state.phase === 'waiting'))
  }

  #afterChange(name: string, before: Fleet): void {
    const old = before.servers.get(name)
    const entry = this.#fleet.servers.get(name)
    if (old?.state.epoch !== entry?.state.epoch) this.#disarmStale(name)
    if (entry) this.#changed(name, entry, old)
    else this.#forget(name, old)
    for (const listener of [...this.#listeners]) listener(name, before)
  }

  #changed(name: string, entry: FleetEntry, old: FleetEntry | undefined): void {
    if (old?.state.phase !== entry.state.phase) this.#tell(entry, old?.state.phase ?? null)
    if (entry.trouble !== null && entry.trouble !== old?.trouble) this.#tellTrouble(name, entry.trouble, entry.state.generation)
    if (!isActive(entry.state)) this.#releaseInstance(name)
    if (old && entry.spec !== old.spec) this.#follow(name, entry)
  }

  #tell({ spec: { name }, standIn, state }: FleetEntry, previous: string | null): void {
    const level = state.phase === 'failed' || state.phase === 'backoff' ? 'warn' : 'info'
    this.#services.journal.write(level, `${name}: ${state.phase}`, { server: name, previous, generation: state.generation, reason: state.reason })
    if (state.phase === 'backoff' || state.phase === 'failed' || state.phase === 'exited' || state.phase === 'unready') {
      this.#logs.get(standIn?.for ?? name)?.mark(`${state.phase}: ${state.reason}`, state.generation)
    }
  }

  #tellTrouble(name: string, trouble: string, generation: number): void {
    this.#services.journal.write('warn', `${name}: ${trouble}`, { server: name })
    this.#logs.get(name)?.mark(`warning: ${trouble}`, generation)
  }

  /** What of a changed configuration concerns a running instance takes effect on it. */
  #follow(name: string, { spec, standIn }: FleetEntry): void {
    this.#logs.get(standIn?.for ?? name)?.reconfigure(spec.logs)
    if (this.#instances.get(name)?.follow(spec) === 'needs-restart') queueMicrotask(() => this.#report({ type: 'replace', name }))
  }

  #releaseInstance(name: string): void {
    const instance = this.#instances.get(name)
    if (!instance) return
    this.#services.dossiers.write(this.#fleet.servers.get(name), instance)
    instance.release()
    this.#instances.delete(name)
    // It never got through its handshake: what was remembered about that may be why.
    if (instance.established === null) this.#services.eras.forget(instance.spec)
  }

  #forget(name: string, old: FleetEntry | undefined): void {
    this.#releaseInstance(name)
    if (old?.standIn == null) {
      void this.#logs.get(name)?.close()
      this.#logs.delete(name)
    }
    this.#provisional.delete(name)
  }

  /** A timer of an older epoch would be ignored; without it the daemon sleeps undisturbed. */
  #disarmStale(name: string): void {
    const timer = this.#timers.get(name)
    const entry = this.#fleet.servers.get(name)
    if (timer === undefined || (entry && this.#timerEpochs.get(name) === entry.state.epoch)) return
    clearTimeout(timer)
    this.#timers.delete(name)
    this.#timerEpochs.delete(name)
  }

  #perform(name: string, effect: Effect | SwapEffect): void {
    if (effect.type === 'swap') return this.#swap(name, effect.with)
    if (effect.type === 'arm-timer') return this.#arm(name, effect.epoch, effect.delayMs)
    if (effect.type === 'launch') this.#createInstance(name, effect.generation)
    this.#instances.get(name)?.perform(effect)
  }

  #arm(name: string, epoch: number, delayMs: number): void {
    clearTimeout(this.#timers.get(name))
    this.#timerEpochs.set(name, epoch)
    this.#timers.set(
      name,
      setTimeout(() => this.#report({ type: 'server', name, event: { type: 'timer', epoch } }), delayMs),
    )
  }

  /** Both run and neither has a timer: only instances and what is filed under their names change places. */
  #swap(name: string, other: string): void {
    const [old, next] = [this.#instances.get(name), this.#instances.get(other)]
    if (!old || !next) return
    this.#instances.set(name, next).set(other, old)
    next.name = name
    old.name = other
    next.log.mark(`replaces generation ${old.generation}`, next.generation)
    this.#services.journal.write('info', `${name}: generation ${next.generation} replaces generation ${old.generation}`, { server: name })
    for (const instance of [old, next]) if (instance.pid !== null) this.#pids.renamed(instance.name, instance.pid)
  }

  #createInstance(name: string, generation: number): void {
    const entry = this.#fleet.servers.get(name)
    if (!entry) return
    this.#releaseInstance(name)
    const { spec, standIn } = entry
    const own = standIn?.for ?? name
    const { now, sweeper, watchdog, limits, eras, outbound, markerPrefix } = this.#services
    const instance: Instance = new Instance(spec, generation, markerOf(markerPrefix, name, generation), {
      now,
      log: this.#openLog(own, spec),
      sweeper,
      watchdog,
      limits,
      outbound,
      remembered: this.#provisional.get(own) ?? (spec.transport === 'none' ? null : eras.recall(spec)),
      report: (event) => {
        this.#report({ type: 'server', name: instance.name, event })
        if (event.type === 'link-failed' && event.cause === 'handshake-failed') {
          this.#provisional.delete(own)
          eras.forget(spec)
        }
        if (event.type === 'exited' && event.duringProbe) this.#provisional.set(own, { era: 'legacy', protocolVersion: LEGACY_VERSIONS[0] ?? '', exitsOnProbe: true, decidedAt: now() })
      },
      onProgress: () => {
        for (const listener of [...this.#listeners]) listener(instance.name, this.#fleet)
      },
      onSpawned: (pid) => this.#pids.spawned(instance.name, pid),
      onGone: (pid) => this.#pids.gone(instance.name, pid),
      onNotification: (method, params, via) => {
        if (this.#roleOf(instance.name) !== 'next') this.#traffic?.notified(own, method, params, via, instance.link)
      },
      onRequest: (request) => {
        if (this.#roleOf(instance.name) !== 'next') return this.#traffic?.asked(own, request, instance.link)
        // Nobody's calls are with it yet: all it can be told is what everybody is told.
        return request.method === 'roots/list' && spec.roots !== null ? Promise.resolve({ roots: spec.roots }) : undefined
      },
      onLink: (link) => this.#linkListener?.(own, instance, link),
      onEstablished: (established) => {
        const exitsOnProbe = this.#provisional.get(own)?.exitsOnProbe ?? established.remember.exitsOnProbe
        this.#provisional.delete(own)
        if (spec.era === 'auto') eras.remember(spec, { ...established.remember, exitsOnProbe })
      },
    })
    this.#instances.set(name, instance)
  }

  #roleOf(name: string): 'next' | 'old' | null {
    return this.#fleet.servers.get(name)?.standIn?.role ?? null
  }

  #openLog(name: string, spec: ServerSpec): ServerLog {
    const known = this.#logs.get(name)
    if (known) {
      known.reconfigure(spec.logs)
      return known
    }
    const log = openServerLog({ directory: this.#services.home.logs, name, limits: spec.logs, now: this.#services.now })
    this.#logs.set(name, log)
    return log
  }
}
