import { createHealthMemory, judgeHealth, type HealthMemory, type Judgement, type ProbeOutcome, type ProcessVitals, type ServerSpec } from '../core/index.js'
import type { Established, Link } from '../mcp/index.js'
import { startCommandProbe } from './probe-command.js'
import { startHttpProbe } from './probe-http.js'
import { createRepeatedProbe, type Probe, type ProbeEnd } from './probe-kind.js'
import { McpProbe } from './probe-mcp.js'
import { startTcpProbe } from './probe-tcp.js'

/** What is needed of a running instance. */
export interface ProbedInstance {
  readonly generation: number
  readonly pid: number | null
  readonly link: Link | null
  readonly established: Established | null
}

export interface WatchServices {
  readonly now: () => number
  /** Time between two looks at the clock. */
  readonly tickMs: () => number
  readonly marker: string
  readonly isThrottled: () => boolean
  readonly readVitals: (leader: number) => Promise<readonly ProcessVitals[]>
  /** Out of rotation at present. */
  readonly isUnready: () => boolean
  readonly report: (news: { readonly type: 'probed'; readonly ok: boolean; readonly reason: string } | { readonly type: 'unhealthy'; readonly reason: string }) => void
}

/**
 * `resting`: until the next question. `asked`: a question is under way, and it has not been looked at why. `waiting`: until
 * its time is over. `looking`: its processes are being read. `over`: nothing more is asked.
 */
type Stage = 'resting' | 'asked' | 'waiting' | 'looking' | 'over'

/** Probes one instance. It has no timer: `look` is called when `dueAt` has come. Silent and almost free while all is well. */
export class ServerWatch {
  readonly spec: ServerSpec
  readonly instance: ProbedInstance
  /** Never comes while something else has to happen first. */
  dueAt: number
  readonly #services: WatchServices
  readonly #probe: Probe
  readonly #isOwnProbe: boolean
  readonly #createdAt: number
  #hasWorked = false
  #memory: HealthMemory
  #stage: Stage = 'resting'
  /** Start of the time in which an answer is due. */
  #sentAt = 0
  /** Changes with every question and every outcome: what was begun before is void. */
  #epoch = 0

  /** `share`: which part of the first interval passes before the first probe. */
  constructor(spec: ServerSpec, instance: ProbedInstance, share: number, services: WatchServices) {
    this.spec = spec
    this.instance = instance
    this.#services = services
    this.#isOwnProbe = spec.health.probe.type !== 'mcp'
    this.#probe = createProbe(spec, instance, services.marker, (failure) => this.#ended(failure))
    this.#createdAt = services.now()
    this.#memory = createHealthMemory(this.#createdAt)
    this.dueAt = this.#createdAt + spec.health.intervalMs * share
  }

  get isResting(): boolean {
    return this.#stage === 'resting'
  }

  look(now: number): void {
    if (this.#stage === 'resting') this.#ask(now)
    else if (this.#stage === 'asked') this.#lookEarly()
    else if (this.#stage === 'waiting') this.#examine({ type: 'unanswered', sentAt: this.#sentAt })
  }

  /** We did not run for this long: the server could not be heard meanwhile. */
  excuse(lateMs: number, now: number): void {
    this.#sentAt += lateMs
    if (this.#stage !== 'resting') this.dueAt += lateMs
    if (lateMs > this.spec.health.intervalMs) this.#memory = createHealthMemory(now)
  }

  close(): void {
    this.#begin('over', Infinity)
    this.#probe.cancel()
  }

  #begin(stage: Stage, dueAt: number): void {
    this.#epoch++
    this.#stage = stage
    this.dueAt = dueAt
  }

  #ask(now: number): void {
    const { intervalMs, timeoutMs } = this.spec.health
    const tickMs = this.#services.tickMs()
    if (!this.#isOwnProbe) {
      const activity = this.instance.link?.activity
      // A link that is over is told of elsewhere.
      if (activity === undefined) return this.#rest(now)
      const nextAt = restUntil(activity.lastHeardAt, intervalMs, tickMs)
      if (nextAt > now && activity.queuedBytes === 0 && !this.#services.isUnready()) {
        this.dueAt = nextAt
        return
      }
    }
    this.#sentAt = now
    const looksEarly = !this.#isOwnProbe && this.#memory.look === null
    this.#begin(looksEarly ? 'asked' : 'waiting', now + (looksEarly ? Math.min(tickMs, timeoutMs / 2) : timeoutMs) - tickMs / 4)
    this.#probe.ask()
  }

  #rest(now: number): void {
    const tickMs = this.#services.tickMs()
    this.#begin('resting', Math.max(restUntil(now, this.spec.health.intervalMs, tickMs), now + tickMs / 2))
  }

  /** Waits for the rest of the time. */
  #wait(): void {
    this.#begin('waiting', this.#sentAt + this.spec.health.timeoutMs - this.#services.tickMs() / 4)
  }

  /** A live server has answered by now. What it uses of the processor from here on tells whether it works. */
  #lookEarly(): void {
    const activity = this.instance.link?.activity
    if (activity !== undefined && activity.lastHeardAt > this.#sentAt && activity.queuedBytes === 0) return this.#wait()
    this.#probe.rephrase?.()
    this.#examine({ type: 'waiting', sentAt: this.#sentAt })
  }

  #ended(failure: string | null): void {
    if (this.#stage === 'over') return
    if (failure !== null) return this.#examine({ type: 'failed', sentAt: this.#sentAt, reason: failure })
    const now = this.#services.now()
    this.#hasWorked = true
    // The usual case leaves nothing behind to be forgotten.
    if (this.#memory.look !== null || this.#memory.failures > 0 || this.#memory.unreadSince !== null) this.#memory = createHealthMemory(now)
    this.#rest(now)
    if (this.#services.isUnready()) this.#services.report({ type: 'probed', ok: true, reason: 'answers again' })
  }

  #examine(outcome: Exclude<ProbeOutcome, { type: 'answered' }>): void {
    this.#begin('looking', Infinity)
    const epoch = this.#epoch
    void this.#readVitals().then((processes) => {
      if (epoch !== this.#epoch) return
      if (processes === 'gone') return this.#wait()
      const now = this.#services.now()
      const { link } = this.instance
      const asked = this.#isOwnProbe || outcome.type === 'failed' ? 0 : 1
      const activity = link?.activity ?? { lastHeardAt: 0, inFlight: 0, queuedBytes: 0 }
      const facts = {
        probe: outcome,
        heardAt: activity.lastHeardAt,
        processes,
        throttled: this.#services.isThrottled(),
        callsInFlight: Math.max(0, activity.inFlight - asked),
        unreadBytes: activity.queuedBytes,
      }
      this.#act(judgeHealth(this.#memory, facts, now, this.spec.health), outcome, now)
    })
  }

  /** Null: there are none to read, or they do not matter. `gone`: its exit is being told. */
  async #readVitals(): Promise<readonly ProcessVitals[] | null | 'gone'> {
    if (this.spec.launch === null || this.#isOwnProbe) return null
    const { pid } = this.instance
    return pid === null ? 'gone' : this.#services.readVitals(pid).catch(() => [])
  }

  #act({ memory, verdict, reason }: Judgement, outcome: ProbeOutcome, now: number): void {
    this.#memory = memory
    switch (verdict) {
      case 'undecided':
        return this.#wait()
      case 'busy':
        return this.#goOnWaiting(now)
      case 'fine':
        // Heard, but without an answer: as long as it leaves input unread, the answer is what counts.
        if (memory.unreadSince !== null) this.#goOnWaiting(now)
        else this.#askLater(now)
        if (this.#services.isUnready()) this.#services.report({ type: 'probed', ok: true, reason: 'heard again' })
        return
      case 'not-ready':
        return this.#takeOut(outcome, reason, now)
      case 'hung':
        if (this.#isStartingUp(now)) return this.#takeOut(outcome, reason, now)
        this.close()
        this.#services.report({ type: 'unhealthy', reason })
    }
  }

  #takeOut(outcome: ProbeOutcome, reason: string, now: number): void {
    if (outcome.type === 'waiting') this.#wait()
    else this.#askLater(this.#sentAt)
    this.#services.report({ type: 'probed', ok: false, reason })
    if (this.isResting && this.dueAt <= now) this.#ask(now)
  }

  /** Nobody but a probe of the user's own knows when a helper works for the first time. */
  #isStartingUp(now: number): boolean {
    return this.#isOwnProbe && !this.#hasWorked && now - this.#createdAt < this.spec.startTimeoutMs
  }

  /** The same question stays open: the server has not come to it yet. */
  #goOnWaiting(now: number): void {
    this.#sentAt = now
    this.#begin('waiting', now + this.spec.health.intervalMs - this.#services.tickMs() / 4)
  }

  #askLater(since: number): void {
    this.#probe.cancel()
    this.#begin('resting', since + this.spec.health.intervalMs - this.#services.tickMs() / 4)
  }
}

/** When to ask after a sign of life: a little early rather than a tick late. */
function restUntil(heardAt: number, intervalMs: number, tickMs: number): number {
  return heardAt + intervalMs - tickMs * 0.75
}

function createProbe(spec: ServerSpec, instance: ProbedInstance, marker: string, onEnd: ProbeEnd): Probe {
  const { probe } = spec.health
  switch (probe.type) {
    case 'http':
      return createRepeatedProbe((end) => startHttpProbe(probe.url, end), onEnd)
    case 'tcp':
      return createRepeatedProbe((end) => startTcpProbe(probe, end), onEnd)
    case 'command':
      return createRepeatedProbe((end) => startCommandProbe({ spec, command: probe.command, args: probe.args, marker }, end), onEnd)
    case 'mcp':
    case 'none':
      return new McpProbe(() => instance.link, instance.established, onEnd)
  }
}
