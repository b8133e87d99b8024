import type { InstanceEnd } from './end.js'
import type { Alert, History, TrafficFigures } from './metrics.js'
import type { ConfigSnapshot, LimitsBackendSnapshot, ServerSnapshot } from './snapshot.js'
import { judgeServer } from './alert-server.js'

/** What is known of one server when its alerts are judged. */
export interface ServerAlertFacts {
  readonly server: ServerSnapshot
  readonly traffic: TrafficFigures
  /** Calls of the last five minutes that their clients did not take back. */
  readonly recentCalls: number
  readonly history: History
  /** Newest last. */
  readonly ends: readonly InstanceEnd[]
  readonly logTrouble: string | null
}

export interface AlertFacts {
  readonly servers: readonly ServerAlertFacts[]
  readonly configs: readonly ConfigSnapshot[]
  readonly limits: LimitsBackendSnapshot | null
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * What a person should look at, the worst first, then in the order of the servers. Judged from what is known at this moment
 * alone: an alert is there for as long as its cause is, or was a short while ago.
 */
export function judgeAlerts({ servers, configs, limits, now }: AlertFacts): Alert[] {
  const alerts = [...configs.flatMap(judgeConfig), ...servers.flatMap((facts) => judgeServer(facts, limits, now))]
  return [...alerts.filter(({ level }) => level === 'critical'), ...alerts.filter(({ level }) => level === 'warning')]
}

function judgeConfig({ source, trouble }: ConfigSnapshot): Alert[] {
  if (trouble === null) return []
  return [{ kind: 'config', level: 'warning', server: null, text: `the newest version of ${source} is not in effect: ${trouble}`, hint: 'mcpctl config validate', since: null }]
}
