import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homeUnusable, openControlServer, type Home } from '../control/index.js'
import { isActive, type FleetSettings, type ServerSpec } from '../core/index.js'
import { createSweeper } from '../process/index.js'
import { createClock } from './clock.js'
import { openEraMemory } from './era-memory.js'
import type { Journal } from './journal.js'
import { openGatewayHost } from './gateway-host.js'
import { createRequestHandler } from './request.js'
import { Supervisor } from './supervisor.js'
import { endSurvivors, homeMark, removeRunFiles } from './survivors.js'
import { startUsageMeter, type Leader } from './usage.js'
import { watchUse } from './use.js'
import { WatchdogKeeper } from './watchdog-keeper.js'

/** How often the daemon makes sure that its home is still there. */
const HOME_CHECK_MS = 5_000

export interface Daemon {
  readonly supervisor: Supervisor
  /** Makes these the servers of that configuration file. Resolves when the gateway is where the settings want it. */
  readonly apply: (source: string, servers: readonly ServerSpec[], settings: FleetSettings) => Promise<void>
  /** Resolves when the daemon has ended: everything down, socket and files gone. */
  readonly ended: Promise<void>
  /** Stops everything, then ends. The same promise however often it is called. */
  shutdown(): Promise<void>
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
  const sweeper = createSweeper()
  const { ended: survivors, remaining } = await endSurvivors(home, sweeper)
  if (survivors + remaining.length > 0) journal.write('warn', 'ended processes an earlier daemon left behind', { ended: survivors, remaining })
  const watchdog = new WatchdogKeeper(markerPrefix, journal)
  const supervisor = new Supervisor({ home, now, journal, sweeper, watchdog, eras: openEraMemory(home.state, now), markerPrefix })
  const usage = startUsageMeter(() => livingLeaders(supervisor), now)

  let finish: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  let closing: Promise<void> | null = null
  const host = await openGatewayHost({ home, supervisor, journal, version, now }).catch((error: unknown) => {
    watchdog.dismiss()
    usage.close()
    throw homeUnusable(home.gatewaySocket, error)
  })
  const use = watchUse(options.unusedLimitMs, () => void shutdown())
  const stopServers = async (): Promise<void> => {
    supervisor.send({ type: 'close' })
    await supervisor.until((fleet) => [...fleet.servers.values()].every((entry) => !isActive(entry.state)))
  }
  const shutdown = (): Promise<void> => {
    closing ??= stopServers().then(() => {
      use.close()
      // The request that asked for this is answered before its connection ends.
      setImmediate(() => void release())
    })
    return closing
  }
  const homeCheck = setInterval(() => {
    if (isReachable(home) || closing) return
    journal.write('error', 'the home was removed: no command can reach this daemon any more', { home: home.root })
    void shutdown()
  }, HOME_CHECK_MS)
  homeCheck.unref()
  const release = async (): Promise<void> => {
    usage.close()
    clearInterval(homeCheck)
    await host.close('the daemon ended')
    await supervisor.close()
    removeRunFiles(home)
    await server.close()
    watchdog.dismiss()
    journal.write('info', 'daemon ended', { pid: process.pid })
    finish()
  }
  const server = await openControlServer(
    home,
    version,
    createRequestHandler({ supervisor, usage, home, now, version, startedAt, shutdown, onUsed: use.onUsed, gateway: host }),
    use.onAlone,
  ).catch((error: unknown) => {
    watchdog.dismiss()
    usage.close()
    use.close()
    void host.close('the daemon could not start')
    throw homeUnusable(home.socket, error)
  })
  try {
    writeDaemonFile(home, { pid: process.pid, watchdogPid: watchdog.pid, version, startedAt, socket: home.socket, markerPrefix })
  } catch (error) {
    watchdog.dismiss()
    usage.close()
    use.close()
    await server.close()
    await host.close('the daemon could not start')
    removeRunFiles(home)
    throw homeUnusable(home.daemonFile, error)
  }
  journal.write('info', 'daemon started', { pid: process.pid, version, home: home.root })
  const apply: Daemon['apply'] = (source, servers, settings) => {
    supervisor.send({ type: 'apply', source, specs: servers, settings })
    return host.applied(source, settings.gateway)
  }
  return { supervisor, ended, shutdown, apply }
}

function isReachable(home: Home): boolean {
  return process.platform === 'win32' || existsSync(home.socket)
}

function livingLeaders(supervisor: Supervisor): ReadonlyMap<string, Leader> {
  const leaders = new Map<string, Leader>()
  for (const [name, { state }] of supervisor.fleet.servers) {
    const pid = supervisor.instance(name)?.pid ?? null
    if (pid !== null && isActive(state)) leaders.set(name, { pid, startedAt: state.startedAt })
  }
  return leaders
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
