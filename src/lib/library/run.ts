import { closeSync, openSync } from 'node:fs'
import type { Fleet, ServerSpec } from '../core/index.js'
import type { Daemon } from '../daemon/index.js'
import { McpctlError } from '../errors/index.js'
import type { SupervisorOptions, ToolResult } from './contract.js'
import { loadServers, type Loaded } from './load-servers.js'
import { openPlace } from './place.js'
import type { ServerSnapshot } from './types.js'

const MAX_JOURNAL_BYTES = 5 * 1024 * 1024

/** A supervisor that runs, with all it consists of. */
export interface Run {
  readonly gateway: Daemon['gateway']
  /** One listener. */
  tell(listener: (name: string, status: ServerSnapshot | null) => void): void
  start(names: readonly string[] | null, timeoutMs: number | null): Promise<ServerSnapshot[]>
  stop(names: readonly string[] | null): Promise<void>
  status(): ServerSnapshot[]
  call(server: string, tool: string, how: { readonly args: Readonly<Record<string, unknown>>; readonly signal: AbortSignal | null }): Promise<ToolResult>
  close(): Promise<void>
}

/**
 * Loads the configuration and brings a supervisor up, without starting a server. Throws CONFIG_* errors, and HOME_UNUSABLE when
 * another supervisor runs in that home. What was opened until then is given back.
 */
export async function openRun(options: SupervisorOptions): Promise<Run> {
  const place = await openPlace(options)
  try {
    const loaded = await loadServers(options, place)
    const [{ openJournal, startDaemon }, { VERSION }] = await Promise.all([import('../daemon/index.js'), import('../control/index.js')])
    const descriptor = openSync(place.home.daemonLog, 'a', 0o600)
    const journal = openJournal(descriptor, Date.now, { path: place.home.daemonLog, maxBytes: MAX_JOURNAL_BYTES })
    const release = (): void => { closeSync(descriptor) }
    try {
      const daemon = await startDaemon({ home: place.home, version: VERSION, journal, unusedLimitMs: null })
      await daemon.apply(loaded.order)
      return new LocalRun(daemon, loaded, async () => {
        release()
        await place.close()
      })
    } catch (error) {
      release()
      throw error
    }
  } catch (error) {
    await place.close()
    throw error
  }
}

class LocalRun implements Run {
  readonly #daemon: Daemon
  readonly #specs: readonly ServerSpec[]
  readonly #release: () => Promise<void>
  #listener: ((name: string, status: ServerSnapshot | null) => void) | null = null
  #closing: Promise<void> | null = null

  constructor(daemon: Daemon, { order }: Loaded, release: () => Promise<void>) {
    this.#daemon = daemon
    this.#specs = order.servers
    this.#release = release
    daemon.supervisor.onChange((name) => {
      if (this.#specs.some((spec) => spec.name === name)) this.#listener?.(name, this.#daemon.look(name))
    })
  }

  get gateway(): Daemon['gateway'] {
    return this.#daemon.gateway
  }

  tell(listener: (name: string, status: ServerSnapshot | null) => void): void {
    this.#listener = listener
  }

  async start(names: readonly string[] | null, timeoutMs: number | null): Promise<ServerSnapshot[]> {
    const wanted = this.#namesOf(names, ({ enabled, start }) => enabled && start === 'auto')
    this.#daemon.supervisor.send({ type: 'start', names: wanted })
    await within(this.#daemon.supervisor.until((fleet) => wanted.every((name) => isSettled(fleet, name))), timeoutMs, () => {
      const late = wanted.filter((name) => !isSettled(this.#daemon.supervisor.fleet, name))
      return new McpctlError('TIMEOUT', `${late.join(', ')} did not become ready within ${timeoutMs} ms`, { hint: 'See status() for what each one waits for.', details: { names: late } })
    })
    const found = wanted.flatMap((name) => this.#daemon.look(name) ?? [])
    const lost = found.filter(({ ready }) => !ready)
    const [first] = lost
    if (first !== undefined) {
      const said = first.lastErrors.at(-1)
      throw new McpctlError('SERVER_FAILED', `${first.name} is ${first.phase}: ${first.reason}${lost.length > 1 ? ` (and ${lost.length - 1} more)` : ''}`, { hint: said === undefined ? 'See status() for the reasons.' : `It said: ${said}`, details: { names: lost.map(({ name }) => name) } })
    }
    return found
  }

  async stop(names: readonly string[] | null): Promise<void> {
    const wanted = this.#namesOf(names, () => true)
    this.#daemon.supervisor.send({ type: 'stop', names: wanted })
    await this.#daemon.supervisor.until((fleet) => wanted.every((name) => isDown(fleet, name)))
  }

  status(): ServerSnapshot[] {
    return this.#specs.flatMap(({ name }) => this.#daemon.look(name) ?? [])
  }

  async call(server: string, tool: string, { args, signal }: Parameters<Run['call']>[2]): Promise<ToolResult> {
    const [name = server] = this.#namesOf([server], () => true)
    const { openLocalSession } = await import('./local-session.js')
    const session = openLocalSession(this.#daemon.gateway, { servers: [name], tags: [], prefix: 'none', separator: null })
    try {
      return await session.request('tools/call', { name: tool, arguments: args }, signal)
    } finally {
      session.close()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#daemon.shutdown().then(() => this.#daemon.ended).then(this.#release)
    return this.#closing
  }

  #namesOf(names: readonly string[] | null, isMeant: (spec: ServerSpec) => boolean): string[] {
    const known = this.#specs.map(({ name }) => name)
    const unknown = names?.find((name) => !known.includes(name))
    if (unknown !== undefined) throw new McpctlError('SERVER_UNKNOWN', `there is no server "${unknown}"`, { hint: `Known servers: ${known.join(', ')}.`, details: { name: unknown } })
    return names === null ? this.#specs.filter(isMeant).map(({ name }) => name) : [...new Set(names)]
  }
}

function isSettled(fleet: Fleet, name: string): boolean {
  const phase = fleet.servers.get(name)?.state.phase
  return phase === undefined || phase === 'ready' || phase === 'failed' || phase === 'exited' || phase === 'idle'
}

function isDown(fleet: Fleet, name: string): boolean {
  const phase = fleet.servers.get(name)?.state.phase
  return phase === undefined || phase === 'idle' || phase === 'failed' || phase === 'exited'
}

async function within(done: Promise<void>, timeoutMs: number | null, late: () => McpctlError): Promise<void> {
  if (timeoutMs === null) return done
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([done, new Promise((_resolve, reject) => { timer = setTimeout(() => { reject(late()) }, timeoutMs) })])
  } finally {
    clearTimeout(timer)
  }
}
