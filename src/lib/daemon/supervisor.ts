import { DEFAULT_GATEWAY, findConflicts, createFleet, isActive, stepFleet, type Effect, type Fleet, type FleetEvent, type ServerSpec } from '../core/index.js'
import type { Home } from '../control/index.js'
import { openServerLog, type ServerLog } from '../logs/index.js'
import { LEGACY_VERSIONS, type EraVerdict, type ServerRequest } from '../mcp/index.js'
import { removePidFile, writePidFile, type Sweeper } from '../process/index.js'
import type { EraMemory } from './era-memory.js'
import { Instance } from './instance.js'
import type { Journal } from './journal.js'
import { notePidName, readPidNames } from './pid-names.js'
import type { WatchdogKeeper } from './watchdog-keeper.js'

/** The longest a PID file comes after its process. */
const PID_FILE_DELAY_MS = 200

export interface SupervisorServices {
  readonly home: Home
  readonly now: () => number
  readonly journal: Journal
  readonly sweeper: Sweeper
  readonly watchdog: WatchdogKeeper
  readonly eras: EraMemory
  /** Every instance's environment marker starts with this. */
  readonly markerPrefix: string
}

/** What happened to one server, for subscribers; null when it is gone from the fleet. */
export type ChangeListener = (name: string, before: Fleet) => void

/** Who hears what servers say of their own accord. */
export interface TrafficListener {
  notified(name: string, method: string, params: Readonly<Record<string, unknown>> | undefined, via: number | null): void
  asked(name: string, request: ServerRequest): Promise<Record<string, unknown>> | undefined
}

/**
 * The only effect loop: takes one event, runs the pure step, performs the effects, repeats. No other code changes
 * the state of a server. Instances report back as further events.
 */
export class Supervisor {
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
  #traffic: TrafficListener | null = null
  readonly #pidNames: Set<string>
  /** Spawned, and no PID file written yet. */
  readonly #newPids = new Map<string, number>()
  #pidTimer: NodeJS.Timeout | undefined
  #busy = false
  #scheduled = false

  constructor(services: SupervisorServices) {
    this.#services = services
    this.#fleet = createFleet({ maxConcurrentStarts: 32, gateway: DEFAULT_GATEWAY })
    this.#pidNames = new Set(readPidNames(services.home))
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

  conflicts(source: string, specs: readonly ServerSpec[]): { name: string; source: string }[] {
    return findConflicts(this.#fleet, source, specs)
  }

  /** Returns the function that ends the subscription. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onTraffic(listener: TrafficListener): void {
    this.#traffic = listener
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
    clearTimeout(this.#pidTimer)
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
    if (this.#newPids.size > 0) this.#schedulePidFiles()
  }

  /** Two hundred small files take longer than a dozen spawns: they wait until nothing is starting, but not for long. */
  #schedulePidFiles(): void {
    const busy = [...this.#fleet.servers.values()].some(({ state }) => state.phase === 'starting' || state.phase === 'waiting')
    if (busy) {
      this.#pidTimer ??= setTimeout(() => this.#writePidFiles(), PID_FILE_DELAY_MS)
      return
    }
    this.#writePidFiles()
  }

  #writePidFiles(): void {
    clearTimeout(this.#pidTimer)
    this.#pidTimer = undefined
    for (const [name, pid] of this.#newPids) this.#writePidFile(name, pid)
    this.#newPids.clear()
  }

  #afterChange(name: string, before: Fleet): void {
    const old = before.servers.get(name)
    const entry = this.#fleet.servers.get(name)
    if (!entry || old?.state.epoch !== entry.state.epoch) this.#disarmStale(name)
    if (entry && old?.state.phase !== entry.state.phase) this.#tell(name, old?.state.phase ?? null)
    if (entry && !isActive(entry.state)) this.#releaseInstance(name)
    if (!entry) this.#forget(name)
    for (const listener of [...this.#listeners]) listener(name, before)
  }

  #tell(name: string, previous: string | null): void {
    const state = this.#fleet.servers.get(name)?.state
    if (!state) return
    const level = state.phase === 'failed' || state.phase === 'backoff' ? 'warn' : 'info'
    this.#services.journal.write(level, `${name}: ${state.phase}`, { server: name, previous, generation: state.generation, reason: state.reason })
    if (state.phase === 'backoff' || state.phase === 'failed' || state.phase === 'exited') this.#logs.get(name)?.mark(`${state.phase}: ${state.reason}`, state.generation)
  }

  #releaseInstance(name: string): void {
    const instance = this.#instances.get(name)
    if (!instance) return
    instance.release()
    this.#instances.delete(name)
    // It never got through its handshake: what was remembered about that may be why.
    if (instance.established === null) this.#services.eras.forget(instance.spec)
  }

  #forget(name: string): void {
    this.#releaseInstance(name)
    void this.#logs.get(name)?.close()
    this.#logs.delete(name)
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

  #perform(name: string, effect: Effect): void {
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

  #createInstance(name: string, generation: number): void {
    const entry = this.#fleet.servers.get(name)
    if (!entry) return
    this.#releaseInstance(name)
    const { spec } = entry
    const { home, now, sweeper, watchdog, eras, journal, markerPrefix } = this.#services
    const instance: Instance = new Instance(spec, generation, `${markerPrefix}${name}:${generation}`, {
      now,
      log: this.#openLog(spec),
      sweeper,
      watchdog,
      remembered: this.#provisional.get(name) ?? (spec.transport === 'none' ? null : eras.recall(spec)),
      report: (event) => {
        this.#report({ type: 'server', name, event })
        if (event.type === 'link-failed' && event.cause === 'handshake-failed') {
          this.#provisional.delete(name)
          eras.forget(spec)
        }
        if (event.type === 'exited' && event.duringProbe) this.#provisional.set(name, { era: 'legacy', protocolVersion: LEGACY_VERSIONS[0] ?? '', exitsOnProbe: true, decidedAt: now() })
      },
      onProgress: () => {
        for (const listener of [...this.#listeners]) listener(name, this.#fleet)
      },
      onSpawned: (pid) => void this.#newPids.set(name, pid),
      onGone: (pid) => {
        if (this.#newPids.get(name) === pid) return void this.#newPids.delete(name)
        try {
          removePidFile(home.pids, name, pid)
        } catch (error) {
          journal.write('warn', `${name}: PID file not removed`, { reason: String(error) })
        }
      },
      onNotification: (method, params, via) => this.#traffic?.notified(name, method, params, via),
      onRequest: (request) => this.#traffic?.asked(name, request),
      onEstablished: (established) => {
        const exitsOnProbe = this.#provisional.get(name)?.exitsOnProbe ?? established.remember.exitsOnProbe
        this.#provisional.delete(name)
        if (spec.era === 'auto') eras.remember(spec, { ...established.remember, exitsOnProbe })
      },
    })
    this.#instances.set(name, instance)
  }

  #writePidFile(name: string, pid: number): void {
    if (this.#instances.get(name)?.pid !== pid) return
    try {
      notePidName(this.#services.home, this.#pidNames, name)
      writePidFile(this.#services.home.pids, name, pid)
    } catch (error) {
      this.#services.journal.write('warn', `${name}: no PID file`, { reason: String(error) })
    }
  }

  #openLog(spec: ServerSpec): ServerLog {
    const known = this.#logs.get(spec.name)
    if (known) {
      known.reconfigure(spec.logs)
      return known
    }
    const log = openServerLog({ directory: this.#services.home.logs, name: spec.name, limits: spec.logs, now: this.#services.now })
    this.#logs.set(spec.name, log)
    return log
  }
}
