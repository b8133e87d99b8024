import { createFleet, DEFAULT_GATEWAY, stepFleet, type Breach, type Effect, type Fleet, type FleetEvent, type InstanceEvent, type ServerSpec, type SwapEffect } from '../../../src/lib/core/index.js'

/** What a simulated process does when asked to go. */
export interface Temper {
  readonly heedsInput: boolean
  readonly heedsTerm: boolean
}

interface Process {
  name: string
  readonly generation: number
  temper: Temper
  alive: boolean
}

/**
 * A fleet in a simulated world: launches become processes, signals end them, timers are kept, time is a number.
 * It breaks on its own the moment a promise of the supervisor is broken.
 */
export class World {
  fleet: Fleet
  now = 1_000_000
  readonly processes: Process[] = []
  /** Reports that have happened but were not yet delivered, in order. */
  readonly pending: { name: string; readonly event: InstanceEvent }[] = []
  /** Automatic and asked-for launches per server. */
  readonly launches = new Map<string, number[]>()
  readonly #timers = new Map<string, { epoch: number; at: number }>()
  temper: Temper = { heedsInput: true, heedsTerm: true }
  launchFails = false
  /** Calls are under way that do not end. */
  busy = false

  constructor(specs: readonly ServerSpec[], maxConcurrentStarts = 32) {
    const settings = { maxConcurrentStarts, gateway: DEFAULT_GATEWAY }
    this.fleet = createFleet(settings)
    this.send({ type: 'apply', sources: ['/project/mcp.config.json'], specs, settings })
  }

  send(event: FleetEvent): void {
    const step = stepFleet(this.fleet, [event], { now: this.now, random: () => 0.5 })
    this.fleet = step.fleet
    for (const { name, effect } of step.effects) this.#perform(name, effect)
  }

  state(name: string) {
    const entry = this.fleet.servers.get(name)
    if (!entry) throw new Error(`no ${name}`)
    return entry.state
  }

  phases(): Record<string, string> {
    return Object.fromEntries([...this.fleet.servers].map(([name, entry]) => [name, entry.state.phase]))
  }

  report(name: string, event: InstanceEvent): void {
    this.send({ type: 'server', name, event })
  }

  /** Delivers the oldest report. */
  deliver(): boolean {
    const next = this.pending.shift()
    if (next) this.report(next.name, next.event)
    return next !== undefined
  }

  settle(): void {
    while (this.deliver());
  }

  living(name: string): Process[] {
    return this.processes.filter((process) => process.name === name && process.alive)
  }

  die(process: Process, code: number | null = 1, signal: string | null = null, duringProbe = false, breach: Breach | null = null): void {
    if (!process.alive) return
    process.alive = false
    this.pending.push({ name: process.name, event: { type: 'exited', generation: process.generation, code, signal, duringProbe, breach } })
  }

  /** Lets time pass to the next timer and fires it; false when none is armed. */
  fireTimer(): boolean {
    const next = [...this.#timers].sort((a, b) => a[1].at - b[1].at)[0]
    if (!next) return false
    const [name, timer] = next
    this.#timers.delete(name)
    this.now = Math.max(this.now, timer.at)
    this.send({ type: 'server', name, event: { type: 'timer', epoch: timer.epoch } })
    return true
  }

  #perform(name: string, effect: Effect | SwapEffect): void {
    switch (effect.type) {
      case 'swap':
        this.#swap(name, effect.with)
        return
      case 'drain':
        if (!this.busy) this.pending.push({ name, event: { type: 'drained', generation: effect.generation } })
        return
      case 'launch':
        this.#launch(name, effect.generation)
        return
      case 'end-input':
        for (const process of this.living(name)) if (process.temper.heedsInput) this.die(process, 0)
        return
      case 'signal':
        for (const process of this.living(name)) {
          if (effect.signal === 'SIGKILL' || process.temper.heedsTerm) this.die(process, null, effect.signal)
        }
        return
      case 'sweep':
        this.pending.push({ name, event: { type: 'swept', generation: effect.generation, remaining: 0 } })
        return
      case 'arm-timer':
        this.#timers.set(name, { epoch: effect.epoch, at: this.now + effect.delayMs })
        return
      case 'close-link':
    }
  }

  /** What is filed under the two names changes places; reports on their way follow their process. */
  #swap(name: string, other: string): void {
    const swapped = (of: string): string => (of === name ? other : of === other ? name : of)
    for (const process of this.processes) process.name = swapped(process.name)
    for (const report of this.pending) report.name = swapped(report.name)
    const [mine, theirs] = [this.#timers.get(name), this.#timers.get(other)]
    this.#timers.delete(name)
    this.#timers.delete(other)
    if (mine) this.#timers.set(other, mine)
    if (theirs) this.#timers.set(name, theirs)
  }

  #launch(name: string, generation: number): void {
    const entry = this.fleet.servers.get(name)
    if (this.living(name).length > 0) throw new Error(`second live instance of ${name}`)
    if (!entry || entry.state.desired !== 'up') throw new Error(`${name} launched though it should be down`)
    if (this.fleet.closing) throw new Error(`${name} launched while everything goes down`)
    this.launches.set(name, [...(this.launches.get(name) ?? []), this.now])
    if (this.launchFails) {
      this.pending.push({ name, event: { type: 'launch-failed', generation, reason: 'no', permanent: false } })
      return
    }
    if (entry.spec.launch !== null) {
      this.processes.push({ name, generation, temper: this.temper, alive: true })
      this.pending.push({ name, event: { type: 'spawned', generation, pid: 1000 + this.processes.length } })
    }
  }
}
