import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homeUnusable, openControlServer, type ApplyParams, type ControlServer, type Home } from '../control/index.js'
import { isActive, type ServerSnapshot } from '../core/index.js'
import type { Gateway } from '../gateway/index.js'
import { createClock } from './clock.js'
import { bringBack } from './desired.js'
import type { Journal } from './journal.js'
import { createRequestHandler } from './request.js'
import { openServices, type Services } from './services.js'
import { toServerSnapshot } from './snapshot.js'
import type { Supervisor } from './supervisor.js'
import { homeMark, removeRunFiles } from './survivors.js'
import { watchUse, type Use } from './use.js'

/** How often the daemon makes sure that its home is still there. */
const HOME_CHECK_MS = 5_000

export interface Daemon {
  readonly supervisor: Supervisor
  readonly gateway: Gateway
  /** One configured server now; null: there is none of that name. */
  look(name: string): ServerSnapshot | null
  /** Makes these the servers of that configuration file. Resolves when the gateway is where the settings want it. */
  readonly apply: (order: ApplyParams) => Promise<void>
  /** Resolves when the daemon has ended: everything down, socket and files gone. */
  readonly ended: Promise<void>
  /**
   * Stops everything, then ends. The same promise however often it is called. `successor`: another daemon takes over, so
   * what is wanted of the servers stays on disk.
   */
  shutdown(successor?: boolean): Promise<void>
}

export interface DaemonOptions {
  readonly home: Home
  readonly version: string
  readonly journal: Journal
  /** End by itself when no client has used it for this long; null: stay. A start that fails must leave no empty daemon. */
  readonly unusedLimitMs: number | null
}

/**
 * Runs the supervisor of this home. The caller holds the home's lock and has created its folders. Ends what an
 * earlier daemon that was killed may have left behind, then listens.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { home, version, journal } = options
  const now = createClock()
  const startedAt = now()
  const markerPrefix = `${homeMark(home)}:${startedAt.toString(36)}-${process.pid}:`
  const services = await openServices({ home, version, journal, now, markerPrefix })
  const { supervisor, watchdog, host, configs } = services
  let finish: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  let closing: Promise<void> | null = null
  let server: ControlServer | null = null
  const release = async (): Promise<void> => {
    clearInterval(homeCheck)
    await services.close('the daemon ended')
    removeRunFiles(home)
    await server?.close()
    watchdog.dismiss()
    journal.write('info', 'daemon ended', { pid: process.pid })
    finish()
  }
  const shutdown = (successor = false): Promise<void> => {
    if (successor) services.desired.keep()
    closing ??= stopServers(supervisor).then(() => {
      use.close()
      // The request that asked for this is answered before its connection ends.
      setImmediate(() => void release())
    })
    return closing
  }
  const use = watchUse(options.unusedLimitMs, () => void shutdown())
  const homeCheck = setInterval(() => {
    if (isReachable(home) || closing) return
    journal.write('error', 'the home was removed: no command can reach this daemon any more', { home: home.root })
    void shutdown()
  }, HOME_CHECK_MS)
  homeCheck.unref()
  try {
    server = await listen(services, { home, version, now, startedAt, shutdown, use })
    writeDaemonFile(home, { pid: process.pid, watchdogPid: watchdog.pid, version, startedAt, socket: home.socket, markerPrefix })
  } catch (error) {
    clearInterval(homeCheck)
    use.close()
    await services.close('the daemon could not start')
    await server?.close()
    watchdog.dismiss()
    if (server !== null) removeRunFiles(home)
    throw homeUnusable(server === null ? home.socket : home.daemonFile, error)
  }
  journal.write('info', 'daemon started', { pid: process.pid, version, home: home.root })
  const apply: Daemon['apply'] = (order) => {
    const { source, servers, settings } = order
    const sources = configs.filesOf(order)
    supervisor.send({ type: 'apply', sources, specs: servers, settings })
    bringBack(supervisor, services.desired.takeOver(sources), servers)
    configs.applied(order)
    return host.applied(source, settings.gateway)
  }
  const look: Daemon['look'] = (name) => {
    const entry = supervisor.fleet.servers.get(name)
    return entry === undefined ? null : toServerSnapshot(supervisor, entry, now())
  }
  return { supervisor, gateway: host.gateway, look, ended, shutdown, apply }
}

async function stopServers(supervisor: Supervisor): Promise<void> {
  supervisor.send({ type: 'close' })
  await supervisor.until((fleet) => [...fleet.servers.values()].every((entry) => !isActive(entry.state)))
}

interface Listening {
  readonly home: Home
  readonly version: string
  readonly now: () => number
  readonly startedAt: number
  readonly shutdown: (successor?: boolean) => Promise<void>
  readonly use: Use
}

function listen(services: Services, { use, ...facts }: Listening): Promise<ControlServer> {
  const { supervisor, usage, metrics, host, configs, desired, definitions, limits } = services
  const handler = createRequestHandler({ supervisor, usage, metrics, configs, desired, definitions, limits, gateway: host, onUsed: use.onUsed, ...facts })
  return openControlServer(facts.home, facts.version, handler, use.onAlone)
}

function isReachable(home: Home): boolean {
  return process.platform === 'win32' || existsSync(home.socket)
}

function writeDaemonFile(home: Home, facts: Record<string, unknown>): void {
  const draft = `${home.daemonFile}.${process.pid}`
  try {
    writeFileSync(draft, `${JSON.stringify(facts)}\n`, { mode: 0o600 })
    renameSync(draft, home.daemonFile)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}
