import type { Fleet, FleetEntry, FleetEvent, ProcessVitals, ServerSpec } from '../core/index.js'
import { readVitals } from '../process/index.js'
import { markerOf } from './marker.js'
import { ServerWatch, type ProbedInstance } from './prober-watch.js'

/** The part of the supervisor that is needed. */
export interface ProberSupervisor {
  readonly fleet: Fleet
  instance(name: string): ProbedInstance | undefined
  onChange(listener: (name: string) => void): () => void
  send(event: FleetEvent): void
}

export interface ProberOptions {
  readonly supervisor: ProberSupervisor
  /** The clock the links go by, in milliseconds; one that never jumps. */
  readonly now: () => number
  /** Every instance's environment marker starts with this. */
  readonly markerPrefix: string
  /** Whether this server is being stopped and continued to hold its share of the processor. */
  readonly isThrottled?: (name: string) => boolean
  readonly readVitals?: (leader: number) => Promise<readonly ProcessVitals[]>
}

const LONGEST_TICK_MS = 250
const SHORTEST_TICK_MS = 25
/** Questions in one tick before the others wait for the next. */
const LEAST_BURST = 8
/** Spreads first probes evenly, however many servers come: multiples of the golden ratio (Knuth, TAOCP 6.4). */
const GOLDEN_RATIO = 0.618_033_988_75

/**
 * Asks every server that is up again and again whether it still works, and reports what that means: `probed` when it
 * should leave the rotation or may come back, `unhealthy` when it has to be replaced. One timer serves all; nothing runs
 * while no server is up. `close` ends it.
 */
export function createProber(options: ProberOptions): { close(): void } {
  const prober = new Prober(options)
  const stopListening = options.supervisor.onChange((name) => prober.follow(name))
  for (const name of options.supervisor.fleet.servers.keys()) prober.follow(name)
  return {
    close() {
      stopListening()
      prober.close()
    },
  }
}

class Prober {
  readonly #options: ProberOptions
  readonly #watches = new Map<string, ServerWatch>()
  #count = 0
  #tickMs = LONGEST_TICK_MS
  #shortestMs = Infinity
  #expectedAt = 0
  /** Servers came or went since the tick was set: two hundred that start do not set it two hundred times. */
  #isStale = false
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** Something about a server may have changed. */
  follow(name: string): void {
    const { supervisor } = this.#options
    const entry = supervisor.fleet.servers.get(name)
    const known = this.#watches.get(name)
    const instance = entry !== undefined && isProbed(entry) ? supervisor.instance(name) : undefined
    if (entry === undefined || instance === undefined) {
      if (known === undefined) return
      this.#forget(name)
    } else {
      if (known?.instance === instance && isSameHealth(known.spec, entry.spec)) return
      this.#watch(name, entry.spec, instance)
    }
    this.#isStale = true
    if (this.#watches.size === 0) this.#rest()
    else if (this.#timer === undefined) this.#setTick()
  }

  close(): void {
    this.#rest()
    for (const name of [...this.#watches.keys()]) this.#forget(name)
  }

  #forget(name: string): void {
    this.#watches.get(name)?.close()
    this.#watches.delete(name)
  }

  #watch(name: string, spec: ServerSpec, instance: ProbedInstance): void {
    this.#forget(name)
    const { supervisor, now, markerPrefix, isThrottled = () => false, readVitals: read = readVitals } = this.#options
    const { generation } = instance
    const share = (this.#count++ * GOLDEN_RATIO) % 1
    this.#watches.set(name, new ServerWatch(spec, instance, share, {
      now,
      tickMs: () => this.#tickMs,
      marker: markerOf(markerPrefix, spec.name, generation),
      isThrottled: () => isThrottled(name),
      readVitals: read,
      isUnready: () => supervisor.fleet.servers.get(name)?.state.phase === 'unready',
      report: (news) => supervisor.send({ type: 'server', name, event: { ...news, generation } }),
    }))
  }

  #setTick(): void {
    this.#isStale = false
    this.#shortestMs = Math.min(...[...this.#watches.values()].map(({ spec: { health } }) => Math.min(health.intervalMs, health.timeoutMs)))
    const wantedMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, Math.floor(this.#shortestMs / 4)))
    if (this.#timer !== undefined && wantedMs === this.#tickMs) return
    clearInterval(this.#timer)
    this.#tickMs = wantedMs
    this.#expectedAt = this.#options.now() + wantedMs
    // After the poll phase: answers that are there already are read first.
    this.#timer = setInterval(() => {
      this.#turn ??= setImmediate(() => this.#tick())
    }, wantedMs).unref()
  }

  #tick(): void {
    this.#turn = undefined
    const now = this.#options.now()
    const lateMs = now - this.#expectedAt
    this.#expectedAt = now + this.#tickMs
    // The machine slept, or we were too busy to listen: that is nobody's fault.
    if (lateMs > this.#tickMs) for (const watch of this.#watches.values()) watch.excuse(lateMs, now)
    if (this.#isStale) this.#setTick()
    let left = Math.max(LEAST_BURST, Math.ceil((2 * this.#watches.size * this.#tickMs) / this.#shortestMs))
    for (const watch of this.#watches.values()) {
      if (watch.dueAt > now || (watch.isResting && left-- <= 0)) continue
      watch.look(now)
    }
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#turn !== undefined) clearImmediate(this.#turn)
    this.#turn = undefined
  }
}

function isProbed({ state, spec }: FleetEntry): boolean {
  if (state.phase !== 'ready' && state.phase !== 'unready') return false
  const { type } = spec.health.probe
  return type !== 'none' && (type !== 'mcp' || spec.transport !== 'none')
}

function isSameHealth(a: ServerSpec, b: ServerSpec): boolean {
  return a === b || JSON.stringify(a.health) === JSON.stringify(b.health)
}
