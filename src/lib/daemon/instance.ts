import type { Readable } from 'node:stream'
import { readFairly, shortHash } from '../base/index.js'
import { describeExit, isUnlimited, type Breach, type Effect, type ExitStatus, type InstanceEvent, type LaunchSpec, type ServerSpec } from '../core/index.js'
import { LinkError, type EraVerdict, type Established, type Link, type LinkHooks } from '../mcp/index.js'
import type { ServerLog } from '../logs/index.js'
import type { Remains } from './dossier-writer.js'
import { closesWithin, exitsWithin, settledWithin } from './patience.js'
import { accessCause, openLink } from './open-link.js'
import type { OutboundDesk } from './outbound.js'
import { describePortHolder } from './port-check.js'
import type { WatchdogKeeper } from './watchdog-keeper.js'
import { LaunchError, resolveLaunch, spawnChild, type Child, type LimitGroup, type LimitsBackend, type Sweeper } from '../process/index.js'

/** A process that closed its pipe is usually about to exit; only one that stays is half dead. */
const EXIT_AFTER_CLOSE_MS = 500
/** The last words on a pipe of a process that exited. */
const PIPE_DRAIN_MS = 250
/** How often a server that is to go is looked at for calls that are still under way. */
const IDLE_POLL_MS = 20
/** Newest lines on stderr in which the reason for an end is looked for. */
const LAST_LINES = 40

export interface InstanceServices {
  readonly now: () => number
  readonly log: ServerLog
  readonly sweeper: Sweeper
  readonly watchdog: WatchdogKeeper
  readonly limits: LimitsBackend
  readonly remembered: EraVerdict | null
  readonly outbound: OutboundDesk
  /** Reports what happened; never called from inside a method of the instance. */
  readonly report: (event: InstanceEvent) => void
  /** What a person watching should know changed. */
  readonly onProgress: () => void
  readonly onSpawned: (pid: number) => void
  readonly onGone: (pid: number) => void
  /** Before anything is said over it. */
  readonly onLink: (link: Link) => void
  readonly onEstablished: (established: Established) => void
  /** What the server says of its own accord, once it is ready. */
  readonly onNotification: NonNullable<LinkHooks['onNotification']>
  readonly onRequest: NonNullable<LinkHooks['onRequest']>
}

/** One run of a server: its process, its link, and nothing that outlives them. */
export class Instance {
  readonly generation: number
  /** What it was made from; fields that need no other process follow the configuration. */
  spec: ServerSpec
  /** The entry of the fleet it is filed under. */
  name: string
  established: Established | null = null
  note: string | null = null
  progress: string | null = null
  /** It exited on the era probe, so the next one is not probed. */
  exitedOnProbe = false
  readonly #marker: string
  readonly #services: InstanceServices
  readonly #abort = new AbortController()
  readonly #stopReading: (() => void)[] = []
  #child: Child | null = null
  #group: LimitGroup | null = null
  #lastUsage: Remains['usage'] = null
  #idleTimer: NodeJS.Timeout | undefined
  #link: Link | null = null
  #establishing: Promise<void> = Promise.resolve()

  constructor(spec: ServerSpec, generation: number, marker: string, services: InstanceServices) {
    this.spec = spec
    this.name = spec.name
    this.generation = generation
    this.#marker = marker
    this.#services = services
  }

  get pid(): number | null {
    return this.#child && this.#child.exited === null ? this.#child.pid : null
  }

  /** Open and proven; null otherwise. */
  get link(): Link | null {
    return this.established !== null && this.#link?.closed === false ? this.#link : null
  }

  get log(): ServerLog {
    return this.#services.log
  }

  /** What limits it; null when nothing does. */
  get group(): LimitGroup | null {
    return this.#group
  }

  /** What is left of it when it is over. */
  get remains(): Remains {
    return { pid: this.#child?.pid ?? null, link: this.#link, usage: this.#lastUsage }
  }

  /** The configuration changed in what needs no other process. `needs-restart`: a limit could not be changed in place. */
  follow(spec: ServerSpec): 'applied' | 'needs-restart' {
    const { limits } = this.spec
    this.spec = spec
    if (this.#child === null || JSON.stringify(limits) === JSON.stringify(spec.limits)) return 'applied'
    return this.#group?.update(spec.limits) ?? (isUnlimited(spec.limits) ? 'applied' : 'needs-restart')
  }

  perform(effect: Effect): void {
    switch (effect.type) {
      case 'launch':
        return void this.#launch()
      case 'close-link':
        return this.#closeLink()
      case 'drain':
        return this.#whenIdle(() => this.#report({ type: 'drained', generation: this.generation }))
      case 'end-input':
        return this.#child?.endInput()
      case 'signal':
        this.#child?.signalGroup(effect.signal)
        if (effect.signal === 'SIGKILL') this.#group?.kill()
        return
      case 'sweep':
        return void this.#sweep(effect.graceMs).catch((error: unknown) => {
          this.#services.log.mark(`cleaning up failed: ${String(error)}`, this.generation)
          this.#report({ type: 'swept', generation: this.generation, remaining: 0 })
        })
      case 'arm-timer':
    }
  }

  /** Releases pipes and link; the process is gone or given up. */
  release(): void {
    this.#closeLink()
    clearTimeout(this.#idleTimer)
    for (const stop of this.#stopReading) stop()
    void this.#child?.release()
    this.#releaseGroup()
  }

  #releaseGroup(): void {
    const group = this.#group
    this.#group = null
    void group?.release().catch((error: unknown) => this.#services.log.mark(`warning: its limits were not taken down: ${String(error)}`, this.generation))
  }

  /** At once when nothing is under way. */
  #whenIdle(act: () => void): void {
    clearTimeout(this.#idleTimer)
    if ((this.link?.activity.inFlight ?? 0) === 0) return act()
    this.#idleTimer = setTimeout(() => this.#whenIdle(act), IDLE_POLL_MS)
  }

  async #launch(): Promise<void> {
    const { generation } = this
    try {
      if (this.spec.launch !== null) {
        const holder = this.spec.endpoint === null ? null : await describePortHolder(this.spec.endpoint.url)
        if (holder !== null) throw new Error(holder)
        // Stopped while the port was being looked at: nothing was started, so nothing may start now.
        if (this.#abort.signal.aborted) return this.#report({ type: 'launch-failed', generation, reason: 'stopped before it was started', permanent: false })
        await this.#spawn(this.spec.launch)
      }
      await this.#establish()
    } catch (error) {
      this.#launchFailed(error)
    }
  }

  #launchFailed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const permanent = error instanceof LaunchError && error.permanent
    this.#services.log.mark(`not started: ${reason}`, this.generation)
    this.#report({ type: 'launch-failed', generation: this.generation, reason, permanent })
  }

  async #spawn(launch: LaunchSpec): Promise<void> {
    const { log, watchdog, onSpawned } = this.#services
    const resolved = resolveLaunch(launch)
    this.#group = this.#services.limits.open(`${this.spec.name.replaceAll(/[^A-Za-z0-9.-]/g, '_')}-${shortHash(this.#marker)}`, this.spec.limits)
    const child = await spawnChild({ launch: this.#group?.wrap(resolved) ?? resolved, marker: this.#marker })
    this.#child = child
    this.#group?.started(child)
    this.#group?.onBreach((breach) => this.#breached(breach))
    this.note = resolved.note
    child.onExit((exit) => void this.#onExit(exit))
    watchdog.record(child.pid)
    onSpawned(child.pid)
    log.mark(`started, pid ${child.pid}`, this.generation)
    this.#readLog(child.stderr, 'err')
    if (this.spec.transport !== 'stdio') this.#readLog(child.stdout, 'out')
    this.#report({ type: 'spawned', generation: this.generation, pid: child.pid })
  }

  /** Above its soft mark it is exchanged when that disturbs nobody; everything else is the end of it. */
  #breached(breach: Breach): void {
    this.#lastUsage = this.#usage()
    const tell = (): void => this.#report({ type: 'breached', generation: this.generation, breach })
    if (breach.cause === 'recycled') this.#whenIdle(tell)
    else tell()
  }

  #usage(): Remains['usage'] {
    const usage = this.#group?.usage() ?? null
    // When all of it has been killed, what is left says nothing.
    return usage === null || usage.processes === 0 ? null : { memoryBytes: usage.memoryBytes, processes: usage.processes, cpuPercent: null }
  }

  #readLog(stream: Readable, kind: 'out' | 'err'): void {
    const stop = readFairly(stream, (chunk) => {
      this.#services.log.write(kind, chunk, this.generation)
      return chunk.length
    })
    this.#stopReading.push(stop)
  }

  async #establish(): Promise<void> {
    const { generation } = this
    // Stopped while it was being started: the steps of the stop found no process yet.
    if (this.#abort.signal.aborted) return void this.#child?.signalGroup('SIGTERM')
    if (this.spec.transport === 'none') return this.#report({ type: 'established', generation })
    const { remembered, now } = this.#services
    let link: Link
    try {
      link = await openLink(this.spec, this.#child, {
        log: this.#services.log,
        generation,
        outbound: this.#services.outbound,
        onNotification: this.#services.onNotification,
        onRequest: this.#services.onRequest,
        onStage: (stage) => {
          this.progress = stage
          this.#services.onProgress()
        },
        onClosed: (reason) => {
          if (this.established !== null) void this.#onLinkFailure(new LinkError('closed', reason), 'link-closed')
        },
        onLoginNeeded: (error) => {
          if (this.established !== null) void this.#onLinkFailure(error, 'link-closed')
        },
      })
    } catch (error) {
      return void this.#onLinkFailure(error, 'handshake-failed')
    }
    this.#link = link
    this.#services.onLink(link)
    if (this.#abort.signal.aborted) return link.close()
    this.#establishing = link.establish({ era: this.spec.era, remembered, now, signal: this.#abort.signal }).then(
      (established) => {
        this.established = established
        this.progress = null
        for (const warning of established.warnings) this.#services.log.mark(`warning: ${warning}`, generation)
        this.#services.onEstablished(established)
        this.#report({ type: 'established', generation })
      },
      (error: unknown) => this.#onLinkFailure(error, 'handshake-failed'),
    )
  }

  /** The link is over. When the process ends too, its exit is the better story: it is given a moment to tell it. */
  async #onLinkFailure(error: unknown, cause: 'handshake-failed' | 'link-closed'): Promise<void> {
    if (this.#abort.signal.aborted) return
    if (error instanceof LinkError && error.reason === 'exits-on-probe') this.exitedOnProbe = true
    const closed = error instanceof LinkError && (error.reason === 'closed' || error.reason === 'exits-on-probe')
    if (this.#child !== null && closed && (await exitsWithin(this.#child, EXIT_AFTER_CLOSE_MS))) return
    if (this.#abort.signal.aborted) return
    const reason = error instanceof Error ? error.message : String(error)
    this.#services.log.mark(reason, this.generation)
    this.#report({ type: 'link-failed', generation: this.generation, cause: accessCause(error) ?? cause, reason })
  }

  async #onExit(exit: ExitStatus): Promise<void> {
    const { log, onGone } = this.#services
    if (this.#child !== null) onGone(this.#child.pid)
    // What a runtime says when it runs out of memory may still be in the pipe.
    if (this.#group !== null && (exit.signal === 'SIGABRT' || exit.code === 134)) await closesWithin(this.#child?.stderr, PIPE_DRAIN_MS)
    this.#lastUsage = this.#usage() ?? this.#lastUsage
    const breach = this.#group?.verdict(exit, log.lastLines(LAST_LINES, 'err')) ?? null
    log.mark(breach === null ? describeExit(exit) : `${breach.reason}; ${describeExit(exit)}`, this.generation)
    // Whether it exited on the probe is only known when its pipe has been read to the end.
    if (this.established === null && this.#link !== null && !this.#abort.signal.aborted) await settledWithin(this.#establishing, PIPE_DRAIN_MS)
    this.#report({ type: 'exited', generation: this.generation, ...exit, duringProbe: this.exitedOnProbe && exit.signal === null, breach })
  }

  async #sweep(graceMs: number): Promise<void> {
    const { sweeper, watchdog, log } = this.#services
    const child = this.#child
    if (child === null) return this.#report({ type: 'swept', generation: this.generation, remaining: 0 })
    const { ended, remaining } = await sweeper.end({ marker: this.#marker, leader: child.identity }, graceMs)
    // What threw its mark away and left its process group is still in the limits' group.
    this.#group?.kill()
    this.#releaseGroup()
    if (ended > 0) log.mark(`ended ${ended} process${ended === 1 ? '' : 'es'} it left behind`, this.generation)
    watchdog.forget(child.pid)
    this.#report({ type: 'swept', generation: this.generation, remaining: remaining.length })
  }

  #closeLink(): void {
    if (this.#abort.signal.aborted) return
    this.#abort.abort()
    this.#link?.close()
    // A server that still has something to say must not block on a pipe nobody reads.
    this.#child?.stdout.resume()
  }

  #report(event: InstanceEvent): void {
    this.#services.report(event)
  }
}
