import { withDependencies } from './dependency.js'
import type { Effect, ServerEvent } from './event.js'
import { createIdleState, transition } from './lifecycle.js'
import { nextMoves } from './reconcile.js'
import { canReplaceBeside, createCandidate, promote, standInName, verdictOn, type StandIn } from './replacement.js'
import { planReload, type ReloadAction } from './reload-plan.js'
import { diffSpecs, withLiveFields } from './spec-diff.js'
import type { FleetSettings, ServerSpec } from './spec.js'
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
  /** Set for the second instance of a server that is being replaced; null for a server as configured. */
  readonly standIn: StandIn | null
  /** Why its changed configuration is not in effect although that was asked for; null otherwise. */
  readonly trouble: string | null
  readonly state: ServerState
}

/** All servers in configuration order, and whether everything is going down. */
export interface Fleet {
  readonly servers: ReadonlyMap<string, FleetEntry>
  readonly settings: FleetSettings
  readonly closing: boolean
}

export type FleetEvent =
  | { readonly type: 'apply'; readonly sources: readonly string[]; readonly specs: readonly ServerSpec[]; readonly settings: FleetSettings }
  /** `apply`, and what runs follows: new servers start, gone ones stop, changed ones (the named, or all) are replaced. */
  | { readonly type: 'reload'; readonly sources: readonly string[]; readonly specs: readonly ServerSpec[]; readonly settings: FleetSettings; readonly names: readonly string[] | null }
  /** Exchanges the running instance of a server for a new one. */
  | { readonly type: 'replace'; readonly name: string }
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

/** Two servers exchange their instances, with timers and all that belongs to them. */
export interface SwapEffect {
  readonly type: 'swap'
  readonly with: string
}

export interface FleetStep {
  readonly fleet: Fleet
  /** To be performed in this order. */
  readonly effects: readonly { readonly name: string; readonly effect: Effect | SwapEffect }[]
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
export function findConflicts(fleet: Fleet, specs: readonly ServerSpec[]): { name: string; source: string }[] {
  return specs.flatMap((spec) => {
    const entry = fleet.servers.get(spec.name)
    return entry && entry.spec.source !== spec.source && !entry.removed && (isActive(entry.state) || entry.state.desired === 'up') ? [{ name: spec.name, source: entry.spec.source }] : []
  })
}

/**
 * One step of the whole fleet: the events are applied in order, then every server is moved one step toward what is wanted,
 * until nothing moves. Ordered start, ordered stop and the bound on concurrent starts all come out of `nextMoves`.
 */
export function stepFleet(fleet: Fleet, events: readonly FleetEvent[], moment: Moment): FleetStep {
  const work = new FleetWork(fleet, moment)
  for (const event of events) work.accept(event)
  do {
    for (let moves = nextMoves(work.fleet()); moves.length > 0; moves = nextMoves(work.fleet())) {
      for (const move of moves) work.send(move.name, move.event)
    }
  } while (work.settleReplacements() || work.forgetRemoved())
  return { fleet: work.fleet(), effects: work.effects, changed: work.changed }
}

/** The draft of a step: a private copy that is filled in and handed out. */
class FleetWork {
  readonly effects: { name: string; effect: Effect | SwapEffect }[] = []
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
      case 'stop':
        for (const name of event.names) this.#wantDown(name)
        return
      case 'drop':
        this.#drop(event.name)
        return
      case 'server':
        this.send(event.name, event.event)
        return
      case 'apply':
        this.#apply(event.sources, event.specs)
        this.#settings = event.settings
        return
      case 'close':
        this.#closing = true
        for (const name of this.#servers.keys()) this.#wantDown(name)
        return
      default:
        if (!this.#closing) this.#bringUp(event)
    }
  }

  /** What is not done any more when everything goes down. */
  #bringUp(event: Extract<FleetEvent, { type: 'start' | 'restart' | 'add' | 'reload' | 'replace' }>): void {
    switch (event.type) {
      case 'start':
        for (const name of this.#withDependencies(event.names)) this.send(name, { type: 'want-up' })
        return
      case 'restart':
        return this.#restart(event.names)
      case 'add':
        this.#applyOne(event.spec)
        return this.send(event.spec.name, { type: 'want-up' })
      case 'reload':
        return this.#reload(event)
      case 'replace':
        return this.#replace(event.name)
    }
  }

  /** Who stops a server does not wait for the calls an instance of it still answers that was replaced. */
  #wantDown(name: string): void {
    this.send(name, { type: 'want-down' })
    for (const [other, { standIn, state }] of this.#servers) {
      if (standIn?.role === 'old' && (other === name || standIn.for === name)) this.send(other, { type: 'drained', generation: state.generation })
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

  #apply(sources: readonly string[], specs: readonly ServerSpec[]): void {
    const listed = new Set(specs.map((spec) => spec.name))
    for (const spec of specs) this.#applyOne(spec)
    for (const [name, entry] of this.#servers) {
      if (!sources.includes(entry.spec.source) || entry.standIn !== null || listed.has(name) || entry.removed) continue
      this.#remove(name)
      // What does not run is not wanted any more; what runs goes on until somebody stops it.
      if (!isActive(entry.state)) this.send(name, { type: 'want-down' })
    }
  }

  #reload({ sources, specs, settings, names }: Extract<FleetEvent, { type: 'reload' }>): void {
    const plan = planReload({ servers: this.#servers, settings, closing: this.#closing }, sources, specs, names)
    this.#apply(sources, specs)
    this.#settings = settings
    for (const { name, action } of plan) this.#carryOut(name, action)
  }

  #carryOut(name: string, action: ReloadAction): void {
    switch (action) {
      case 'start':
        return this.send(name, { type: 'want-up' })
      case 'stop':
        return this.send(name, { type: 'want-down' })
      case 'replace':
      case 'restart':
        return this.#replace(name)
      case 'update':
      case 'none':
    }
  }

  #replace(name: string): void {
    const entry = this.#servers.get(name)
    if (!entry || entry.state.desired === 'down') return
    if (!canReplaceBeside(entry)) return this.send(name, { type: 'restart' })
    for (const [other, { standIn }] of this.#servers) if (standIn?.role === 'next' && standIn.for === name) this.#drop(other)
    const candidate = standInName(name, entry.state.generation + 1, (other) => this.#servers.has(other))
    this.#servers.set(name, { ...entry, trouble: null })
    this.#servers.set(candidate, createCandidate(entry, candidate, this.#moment.now))
    this.changed.add(name).add(candidate)
    this.send(candidate, { type: 'want-up' })
  }

  /** Decides every replacement that has come to something. True: there may be more to do. */
  settleReplacements(): boolean {
    let moved = false
    for (const [name, entry] of [...this.#servers]) {
      if (entry.standIn?.role !== 'next' || entry.removed) continue
      const main = this.#servers.get(entry.standIn.for)
      const verdict = verdictOn(main, entry, this.#closing)
      if (verdict === null) continue
      moved = true
      if (verdict.type === 'promote' && main) this.#promote(entry.standIn.for, main, name, entry)
      else {
        if (verdict.type === 'failed' && main) this.#servers.set(entry.standIn.for, { ...main, trouble: verdict.reason })
        this.changed.add(entry.standIn.for)
        this.#drop(name)
      }
    }
    return moved
  }

  #promote(name: string, main: FleetEntry, candidateName: string, candidate: FleetEntry): void {
    const { entry, old } = promote(main, candidate, this.#moment.now)
    this.#servers.set(name, entry)
    this.#servers.set(candidateName, old)
    this.effects.push({ name, effect: { type: 'swap', with: candidateName } })
    this.changed.add(name).add(candidateName)
    this.send(candidateName, { type: 'want-down' })
  }

  #drop(name: string): void {
    this.#remove(name)
    this.send(name, { type: 'want-down' })
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
      this.#servers.set(spec.name, { spec, nextSpec: null, removed: false, standIn: null, trouble: null, state: createIdleState(this.#moment.now) })
      this.changed.add(spec.name)
      return
    }
    const { restart, live } = diffSpecs(entry.spec, spec)
    // The running process keeps what it was made from; everything else changes at once.
    const next = isActive(entry.state) ? { spec: withLiveFields(entry.spec, spec), nextSpec: restart.length > 0 ? spec : null } : { spec, nextSpec: null }
    if (restart.length > 0 || live.length > 0 || entry.removed || (entry.nextSpec === null) !== (next.nextSpec === null) || entry.spec.source !== spec.source) this.changed.add(spec.name)
    this.#servers.set(spec.name, { ...entry, ...next, removed: false, trouble: next.nextSpec === null ? null : entry.trouble })
  }

  /** Whether any was: others may have waited for it. */
  forgetRemoved(): boolean {
    const before = this.#servers.size
    for (const [name, entry] of this.#servers) {
      if (entry.removed && isAtRest(entry.state)) {
        this.#servers.delete(name)
        this.changed.add(name)
      }
    }
    return this.#servers.size < before
  }
}

/** Down, and nothing brings it up again but a person. */
function isAtRest(state: ServerState): boolean {
  return state.phase === 'idle' || state.phase === 'exited' || state.phase === 'failed'
}
