import { withDependencies } from './dependency.js'
import type { Effect, ServerEvent } from './event.js'
import { createIdleState, transition } from './lifecycle.js'
import { nextMoves } from './reconcile.js'
import { isSameSpec, type FleetSettings, type ServerSpec } from './spec.js'
import { isActive, type ServerState } from './state.js'
import { upcomingSpec } from './upcoming.js'

/** One server: what is wanted of it and what is. */
export interface FleetEntry {
  /** What the current instance, or the next one, is made from. */
  readonly spec: ServerSpec
  /** A changed configuration that takes effect when the server is started the next time. */
  readonly nextSpec: ServerSpec | null
  /** No longer in its configuration file; forgotten when it stops. */
  readonly removed: boolean
  readonly state: ServerState
}

/** All servers in configuration order, and whether everything is going down. */
export interface Fleet {
  readonly servers: ReadonlyMap<string, FleetEntry>
  readonly settings: FleetSettings
  readonly closing: boolean
}

export type FleetEvent =
  | { readonly type: 'apply'; readonly source: string; readonly specs: readonly ServerSpec[]; readonly settings: FleetSettings }
  /** Named servers with what they depend on. */
  | { readonly type: 'start'; readonly names: readonly string[] }
  | { readonly type: 'stop'; readonly names: readonly string[] }
  | { readonly type: 'restart'; readonly names: readonly string[] }
  /** A server no configuration names: the process of one client session. It is started, and forgotten once it was dropped and is down. */
  | { readonly type: 'add'; readonly spec: ServerSpec }
  | { readonly type: 'drop'; readonly name: string }
  | { readonly type: 'server'; readonly name: string; readonly event: ServerEvent }
  /** Everything goes down and nothing starts any more. */
  | { readonly type: 'close' }

export interface FleetStep {
  readonly fleet: Fleet
  readonly effects: readonly { readonly name: string; readonly effect: Effect }[]
  /** Servers whose entry changed in this step. */
  readonly changed: ReadonlySet<string>
}

export interface Moment {
  readonly now: number
  /** A fresh number in [0, 1) at each call. */
  readonly random: () => number
}

export function createFleet(settings: FleetSettings): Fleet {
  return { servers: new Map(), settings, closing: false }
}

/** Servers of this configuration whose name another configuration file already uses for something that runs or should. */
export function findConflicts(fleet: Fleet, source: string, specs: readonly ServerSpec[]): { name: string; source: string }[] {
  return specs.flatMap((spec) => {
    const entry = fleet.servers.get(spec.name)
    return entry && entry.spec.source !== source && !entry.removed && (isActive(entry.state) || entry.state.desired === 'up') ? [{ name: spec.name, source: entry.spec.source }] : []
  })
}

/**
 * One step of the whole fleet: the events are applied in order, then every server is moved one step toward what is wanted,
 * until nothing moves. Ordered start, ordered stop and the bound on concurrent starts all come out of `nextMoves`.
 */
export function stepFleet(fleet: Fleet, events: readonly FleetEvent[], moment: Moment): FleetStep {
  const work = new FleetWork(fleet, moment)
  for (const event of events) work.accept(event)
  for (let moves = nextMoves(work.fleet()); moves.length > 0; moves = nextMoves(work.fleet())) {
    for (const move of moves) work.send(move.name, move.event)
  }
  work.forgetRemoved()
  return { fleet: work.fleet(), effects: work.effects, changed: work.changed }
}

/** The draft of a step: a private copy that is filled in and handed out. */
class FleetWork {
  readonly effects: { name: string; effect: Effect }[] = []
  readonly changed = new Set<string>()
  readonly #servers: Map<string, FleetEntry>
  readonly #moment: Moment
  #settings: FleetSettings
  #closing: boolean

  constructor(fleet: Fleet, moment: Moment) {
    this.#servers = new Map(fleet.servers)
    this.#settings = fleet.settings
    this.#closing = fleet.closing
    this.#moment = moment
  }

  fleet(): Fleet {
    return { servers: this.#servers, settings: this.#settings, closing: this.#closing }
  }

  accept(event: FleetEvent): void {
    switch (event.type) {
      case 'apply':
        this.#apply(event.source, event.specs)
        this.#settings = event.settings
        return
      case 'start':
        if (this.#closing) return
        for (const name of this.#withDependencies(event.names)) this.send(name, { type: 'want-up' })
        return
      case 'stop':
        for (const name of event.names) this.send(name, { type: 'want-down' })
        return
      case 'restart':
        if (this.#closing) return
        this.#restart(event.names)
        return
      case 'add':
        if (this.#closing) return
        this.#applyOne(event.spec)
        this.send(event.spec.name, { type: 'want-up' })
        return
      case 'drop':
        this.#remove(event.name)
        this.send(event.name, { type: 'want-down' })
        return
      case 'server':
        this.send(event.name, event.event)
        return
      case 'close':
        this.#closing = true
        for (const name of this.#servers.keys()) this.send(name, { type: 'want-down' })
    }
  }

  #withDependencies(names: readonly string[]): Set<string> {
    return withDependencies(names, (other) => {
      const entry = this.#servers.get(other)
      return entry && upcomingSpec(entry)
    })
  }

  #restart(names: readonly string[]): void {
    const asked = new Set(names)
    for (const name of this.#withDependencies(names)) {
      this.send(name, { type: asked.has(name) ? 'restart' : 'want-up' })
    }
  }

  send(name: string, event: ServerEvent): void {
    const entry = this.#servers.get(name)
    if (!entry) return
    const { spec } = entry
    const step = transition(entry.state, event, { spec, now: this.#moment.now, random: this.#moment.random() })
    if (step.state === entry.state) return
    // Without an instance there is nothing the old configuration is still needed for.
    const adopts = entry.nextSpec !== null && !isActive(step.state)
    this.#servers.set(name, { ...entry, ...(adopts ? { spec: upcomingSpec(entry), nextSpec: null } : {}), state: step.state })
    this.changed.add(name)
    for (const effect of step.effects) this.effects.push({ name, effect })
  }

  #apply(source: string, specs: readonly ServerSpec[]): void {
    const listed = new Set(specs.map((spec) => spec.name))
    for (const spec of specs) this.#applyOne(spec)
    for (const [name, entry] of this.#servers) {
      if (entry.spec.source !== source || listed.has(name) || entry.removed) continue
      this.#remove(name)
      // What does not run is not wanted any more; what runs goes on until somebody stops it.
      if (!isActive(entry.state)) this.send(name, { type: 'want-down' })
    }
  }

  #remove(name: string): void {
    const entry = this.#servers.get(name)
    if (!entry) return
    this.#servers.set(name, { ...entry, removed: true })
    this.changed.add(name)
  }

  #applyOne(spec: ServerSpec): void {
    const entry = this.#servers.get(spec.name)
    if (!entry) {
      this.#servers.set(spec.name, { spec, nextSpec: null, removed: false, state: createIdleState(this.#moment.now) })
      this.changed.add(spec.name)
      return
    }
    const same = isSameSpec(entry.spec, spec)
    // The running process keeps what it was made from; what the gateway does with its traffic changes at once.
    const current = isActive(entry.state) ? { ...entry.spec, traffic: spec.traffic } : spec
    const next = { spec: current, nextSpec: isActive(entry.state) && !same ? spec : null }
    if (!same || entry.removed || entry.nextSpec !== next.nextSpec || JSON.stringify(entry.spec.traffic) !== JSON.stringify(spec.traffic)) this.changed.add(spec.name)
    this.#servers.set(spec.name, { ...entry, ...next, removed: false })
  }

  forgetRemoved(): void {
    for (const [name, entry] of this.#servers) {
      if (entry.removed && isAtRest(entry.state)) {
        this.#servers.delete(name)
        this.changed.add(name)
      }
    }
  }
}

/** Down, and nothing brings it up again but a person. */
function isAtRest(state: ServerState): boolean {
  return state.phase === 'idle' || state.phase === 'exited' || state.phase === 'failed'
}
