import { join } from 'node:path'
import { homeUnusable, type Home } from '../control/index.js'
import { isActive } from '../core/index.js'
import { FiguresBook } from '../metrics/index.js'
import { joinObservers } from '../gateway/index.js'
import { createSweeper, openLimits, type LimitsBackend } from '../process/index.js'
import { createConfigSources, type ConfigSources } from './config-sources.js'
import { createConfigWatch } from './config-watch.js'
import { forbidCoreFiles } from './core-files.js'
import { keepDefinitions, type Definitions } from './definitions.js'
import { keepDesired, type DesiredKeeper } from './desired.js'
import { createDossierWriter } from './dossier-writer.js'
import { openEraMemory } from './era-memory.js'
import { createOutboundDesk } from './outbound.js'
import { openGatewayHost, type GatewayHost } from './gateway-host.js'
import type { Journal } from './journal.js'
import { describeLimits } from './limits-snapshot.js'
import { createManagement } from './management.js'
import { createMetrics, type Metrics, type MetricsSurroundings } from './metrics.js'
import { collectHealth } from './health-document-facts.js'
import { createProber } from './prober.js'
import { isConfigured } from './server-name.js'
import { shareFor } from './share.js'
import { Supervisor } from './supervisor.js'
import { endSurvivors } from './survivors.js'
import { startUsageMeter, type Leader, type UsageMeter } from './usage.js'
import { openTelemetryHost } from './telemetry.js'
import { WatchdogKeeper } from './watchdog-keeper.js'

/** However many clients ask how the servers are, it is found out once in this time. */
const FRESH_MS = 1000

export interface ServicesOptions {
  readonly home: Home
  readonly version: string
  readonly journal: Journal
  readonly now: () => number
  /** Every instance's environment marker starts with this. */
  readonly markerPrefix: string
}

/** Everything a daemon consists of besides its doors. */
export interface Services {
  readonly supervisor: Supervisor
  /** Dismissed by the owner, last of all. */
  readonly watchdog: WatchdogKeeper
  readonly limits: LimitsBackend
  readonly usage: UsageMeter
  readonly metrics: Metrics
  readonly configs: ConfigSources
  readonly desired: DesiredKeeper
  readonly definitions: Definitions
  readonly host: GatewayHost
  /** Only when no server runs. */
  close(reason: string): Promise<void>
}

/** Ends what an earlier daemon left behind, then opens the services in the order in which they need each other. */
export async function openServices({ home, version, journal, now, markerPrefix }: ServicesOptions): Promise<Services> {
  const sweeper = createSweeper()
  const { ended: survivors, remaining } = await endSurvivors(home, sweeper)
  if (survivors + remaining.length > 0) journal.write('warn', 'ended processes an earlier daemon left behind', { ended: survivors, remaining })
  const watchdog = new WatchdogKeeper(markerPrefix, journal)
  await forbidCoreFiles()
  const limits = await openLimits({ mark: markerPrefix.split(':')[0] ?? '', env: process.env, recordFile: join(home.state, 'limits.json') })
  journal.write('info', `limits: ${limits.name}`, { ...limits.abilities, refused: limits.refused, notes: limits.notes })
  const outbound = createOutboundDesk({ stateDirectory: home.state, now, isKnown: (name) => supervisor.fleet.servers.has(name) })
  const dossiers = createDossierWriter({ home, journal, now, tokensOf: (name) => outbound.secretsOf(name) })
  const supervisor: Supervisor = new Supervisor({ home, now, journal, sweeper, watchdog, limits, dossiers, eras: openEraMemory(home.state, now), outbound, markerPrefix })
  const figures = startFigures(supervisor, limits, now)
  const { usage, metrics, book } = figures
  const telemetry = await openTelemetryHost({ env: process.env, supervisor, journal, version })
  const definitions = keepDefinitions(supervisor, journal)
  const startedAt = now()
  const snapshot = shareFor(FRESH_MS, () => metrics.snapshot())
  const facts = async () => collectHealth(supervisor, await snapshot(), { version, startedAt, now: now() })
  const management = createManagement({ home, supervisor, journal, groups: watchdog, errorsOf: (server) => book.traffic(server, now()).errors, facts })
  const host = await openGatewayHost({ home, supervisor, definitions, management, journal, version, now, observer: joinObservers(telemetry === null ? [book] : [book, telemetry.observer]), figures: metrics }).catch(async (error: unknown) => {
    watchdog.dismiss()
    figures.close()
    await telemetry?.close()
    await limits.close()
    throw homeUnusable(home.gatewaySocket, error)
  })
  const watch = createConfigWatch({ home, journal, groups: watchdog })
  const configs = createConfigSources(watch)
  management.follow(configs)
  figures.know({ sessions: () => host.sessions(), gate: () => host.gate(), configs: () => configs.describe(sourcesOf(supervisor)) })
  const prober = createProber({ supervisor, now, markerPrefix, isThrottled: (name) => supervisor.instance(name)?.group?.isThrottled() ?? false })
  const desired = keepDesired(home, supervisor)
  return {
    supervisor, watchdog, limits, usage, metrics, desired, definitions, host, configs,
    async close(reason) {
      figures.close()
      prober.close()
      desired.close()
      definitions.close()
      management.close()
      await watch.close()
      await host.close(reason, desired.isKept)
      await telemetry?.close()
      await supervisor.close()
      outbound.close()
      await dossiers.close()
      await limits.close()
    },
  }
}

/** Where the servers that are known come from. */
function sourcesOf(supervisor: Supervisor): string[] {
  return [...new Set([...supervisor.fleet.servers.values()].filter(isConfigured).map(({ spec }) => spec.source))]
}

/** Counting and sampling. The gateway tells of calls before it can be asked for its sessions: what surrounds the figures is made known later. */
function startFigures(supervisor: Supervisor, limits: LimitsBackend, now: () => number) {
  const book = new FiguresBook()
  let known: Pick<MetricsSurroundings, 'sessions' | 'configs' | 'gate'> = { sessions: () => [], configs: () => [], gate: () => ({ waiting: 0, cacheEntries: 0, cacheBytes: 0, servers: [] }) }
  const usage = startUsageMeter({
    leadersOf: () => livingLeaders(supervisor),
    isWorth: () => [...supervisor.fleet.servers.values()].some(({ state }) => isActive(state)),
    now,
    onStep: (...step) => { metrics.step(...step) },
    onCpu: (name, cpuMs) => { metrics.usedCpu(name, cpuMs) },
  })
  const metrics: Metrics = createMetrics({
    supervisor, usage, book, now,
    surroundings: { sessions: () => known.sessions(), configs: () => known.configs(), gate: () => known.gate(), limits: () => describeLimits(limits) },
  })
  return {
    book, usage, metrics,
    know: (surroundings: typeof known): void => { known = surroundings },
    close: (): void => {
      usage.close()
      metrics.close()
    },
  }
}

function livingLeaders(supervisor: Supervisor): ReadonlyMap<string, Leader> {
  const leaders = new Map<string, Leader>()
  for (const [name, { state }] of supervisor.fleet.servers) {
    const pid = supervisor.instance(name)?.pid ?? null
    if (pid !== null && isActive(state)) leaders.set(name, { pid, startedAt: state.startedAt })
  }
  return leaders
}
