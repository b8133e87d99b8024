import net from 'node:net'
import type { Readable } from 'node:stream'
import { readFairly } from '../base/index.js'
import { describeExit, type Effect, type ExitStatus, type InstanceEvent, type LaunchSpec, type ServerSpec } from '../core/index.js'
import { LinkError, openHttpLink, openStdioLink, type EraVerdict, type Established, type ClientIdentity, type Link, type LinkHooks } from '../mcp/index.js'
import { VERSION } from '../control/index.js'
import type { ServerLog } from '../logs/index.js'
import type { WatchdogKeeper } from './watchdog-keeper.js'
import { findPortHolder, LaunchError, resolveLaunch, spawnChild, type Child, type Sweeper } from '../process/index.js'

/** A process that closed its pipe is usually about to exit; only one that stays is half dead. */
const EXIT_AFTER_CLOSE_MS = 500
/** The last words on a pipe of a process that exited. */
const PIPE_DRAIN_MS = 250

export interface InstanceServices {
  readonly now: () => number
  readonly log: ServerLog
  readonly sweeper: Sweeper
  readonly watchdog: WatchdogKeeper
  readonly remembered: EraVerdict | null
  /** Reports what happened; never called from inside a method of the instance. */
  readonly report: (event: InstanceEvent) => void
  /** What a person watching should know changed. */
  readonly onProgress: () => void
  readonly onSpawned: (pid: number) => void
  readonly onGone: (pid: number) => void
  readonly onEstablished: (established: Established) => void
  /** What the server says of its own accord, once it is ready. */
  readonly onNotification: NonNullable<LinkHooks['onNotification']>
  readonly onRequest: NonNullable<LinkHooks['onRequest']>
}

/** One run of a server: its process, its link, and nothing that outlives them. */
export class Instance {
  readonly generation: number
  readonly spec: ServerSpec
  established: Established | null = null
  note: string | null = null
  progress: string | null = null
  /** It exited on the era probe, so the next one is not probed. */
  exitedOnProbe = false
  readonly #marker: string
  readonly #services: InstanceServices
  readonly #abort = new AbortController()
  readonly #stopReading: (() => void)[] = []
  readonly #noise: Buffer[] = []
  #child: Child | null = null
  #link: Link | null = null
  #establishing: Promise<void> = Promise.resolve()

  constructor(spec: ServerSpec, generation: number, marker: string, services: InstanceServices) {
    this.spec = spec
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

  perform(effect: Effect): void {
    switch (effect.type) {
      case 'launch':
        return void this.#launch()
      case 'close-link':
        return this.#closeLink()
      case 'end-input':
        return this.#child?.endInput()
      case 'signal':
        return void this.#child?.signalGroup(effect.signal)
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
    for (const stop of this.#stopReading) stop()
    void this.#child?.release()
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
    const child = await spawnChild({ launch: resolved, marker: this.#marker })
    this.#child = child
    this.note = resolved.note
    child.onExit((exit) => void this.#onExit(exit))
    watchdog.record(child.pid)
    onSpawned(child.pid)
    log.mark(`started, pid ${child.pid}`, this.generation)
    this.#readLog(child.stderr, 'err')
    if (this.spec.transport !== 'stdio') this.#readLog(child.stdout, 'out')
    this.#report({ type: 'spawned', generation: this.generation, pid: child.pid })
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
      link = await this.#openLink()
    } catch (error) {
      return void this.#onLinkFailure(error, 'handshake-failed')
    }
    this.#link = link
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

  async #openLink(): Promise<Link> {
    const { log, onNotification, onRequest } = this.#services
    const common = {
      client: introduction(this.spec),
      onNotification,
      onRequest,
      onStage: (stage: string) => {
        this.progress = stage
        this.#services.onProgress()
      },
      onClosed: (reason: string) => {
        if (this.established !== null) void this.#onLinkFailure(new LinkError('closed', reason), 'link-closed')
      },
    }
    const { endpoint, launch } = this.spec
    if (endpoint !== null) {
      const transport = this.spec.transport === 'sse' ? 'sse' : 'http'
      return openHttpLink({ url: endpoint.url, headers: endpoint.headers, transport, untilListening: launch !== null, ...common })
    }
    const child = this.#child
    if (child === null) throw new Error(`${this.spec.name} has neither a process nor a URL`)
    return openStdioLink({
      input: child.stdin,
      output: child.stdout,
      onNoise: (line) => this.#takeNoise(line),
      onOversize: ({ bytes }) => log.mark(`dropped a line of ${bytes} bytes on stdout`, this.generation),
      ...common,
    })
  }

  /** Noise of one turn is written in one piece. The line may share memory that is used again, so it is copied. */
  #takeNoise(line: Buffer): void {
    if (this.#noise.length === 0) setImmediate(() => this.#services.log.write('out', Buffer.concat(this.#noise.splice(0)), this.generation))
    this.#noise.push(Buffer.from(line), NEWLINE)
  }

  /** The link is over. When the process ends too, its exit is the better story: it is given a moment to tell it. */
  async #onLinkFailure(error: unknown, cause: 'handshake-failed' | 'link-closed'): Promise<void> {
    if (this.#abort.signal.aborted) return
    if (error instanceof LinkError && error.reason === 'exits-on-probe') this.exitedOnProbe = true
    const closed = error instanceof LinkError && (error.reason === 'closed' || error.reason === 'exits-on-probe')
    if (this.#child !== null && closed && (await this.#exitsWithin(EXIT_AFTER_CLOSE_MS))) return
    if (this.#abort.signal.aborted) return
    const reason = error instanceof Error ? error.message : String(error)
    this.#services.log.mark(reason, this.generation)
    this.#report({ type: 'link-failed', generation: this.generation, cause, reason })
  }

  #exitsWithin(limitMs: number): Promise<boolean> {
    const child = this.#child
    if (child === null || child.exited !== null) return Promise.resolve(child !== null)
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs)
      child.onExit(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }

  async #onExit(exit: ExitStatus): Promise<void> {
    const { log, onGone } = this.#services
    if (this.#child !== null) onGone(this.#child.pid)
    log.mark(describeExit(exit), this.generation)
    // Whether it exited on the probe is only known when its pipe has been read to the end.
    if (this.established === null && this.#link !== null && !this.#abort.signal.aborted) await settledWithin(this.#establishing, PIPE_DRAIN_MS)
    this.#report({ type: 'exited', generation: this.generation, ...exit, duringProbe: this.exitedOnProbe && exit.signal === null })
  }

  async #sweep(graceMs: number): Promise<void> {
    const { sweeper, watchdog, log } = this.#services
    const child = this.#child
    if (child === null) return this.#report({ type: 'swept', generation: this.generation, remaining: 0 })
    const { ended, remaining } = await sweeper.end({ marker: this.#marker, leader: child.identity }, graceMs)
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

/** Who the server is told it talks to: the client its process is for, or us with what its clients can do by configuration. */
function introduction({ session, clientAbilities, roots }: ServerSpec): ClientIdentity {
  if (session !== null) return { name: session.info?.name ?? 'mcpctl', version: session.info?.version ?? VERSION, capabilities: withoutTasks(session.capabilities) }
  const abilities = Object.fromEntries(clientAbilities.map((ability) => [ability, ability === 'elicitation' ? { form: {}, url: {} } : {}]))
  return { name: 'mcpctl', version: VERSION, capabilities: { ...abilities, ...(roots === null ? {} : { roots: {} }) } }
}

/** Tasks are not passed on, so no server is told that a client can do them. */
function withoutTasks({ tasks: _dropped, ...capabilities }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return capabilities
}

const NEWLINE = Buffer.from('\n')

async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([promise, limit])
  clearTimeout(timer)
}

/** Who already listens where a local HTTP server is about to: it would be mistaken for the server. */
async function describePortHolder(url: string): Promise<string | null> {
  const { hostname, port, protocol } = new URL(url)
  const number = Number(port || (protocol === 'https:' ? 443 : 80))
  if (!(await isListening(hostname.replace(/^\[|\]$/g, ''), number))) return null
  const holder = await findPortHolder(number)
  const who = holder?.pid == null ? 'another process' : `pid ${holder.pid} (${holder.command ?? 'unknown command'})`
  return `port ${number} is already in use by ${who}`
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    const done = (listening: boolean): void => {
      socket.destroy()
      resolve(listening)
    }
    socket.setTimeout(500, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}
