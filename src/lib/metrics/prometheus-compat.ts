import { shortHash } from '../base/index.js'
import { histogramLines, sample } from './prometheus-series.js'
import { toMetricName, type Family } from './prometheus-text.js'
import { OUTCOMES, type ServerView } from './prometheus-view.js'

const MEGABYTE = 1024 * 1024

/**
 * Figures of each server under names that hold its name (`mcp_NAME_requests_total`), for dashboards made for that. Units are as
 * those dashboards expect them: megabytes of 1024², the share of errors from 0 to 1 over the last five minutes.
 */
export function* compatFamilies(servers: readonly ServerView[]): Generator<Family> {
  const names = nameServers(servers.map(({ name }) => name))
  for (const server of servers) {
    const { name, traffic, sessions, errorPercent, memoryBytes } = server
    const start = `mcp_${names.get(name) ?? toMetricName(name)}`
    const requests = traffic === null ? 0 : OUTCOMES.reduce((sum, outcome) => sum + traffic.outcomes[outcome], 0)
    yield { name: `${start}_requests_total`, type: 'counter', help: `Requests for ${name}.`, samples: [sample(requests)] }
    if (traffic !== null) yield { name: `${start}_request_duration_seconds`, type: 'histogram', help: `Time until a request for ${name} was answered.`, samples: histogramLines(traffic.latency) }
    yield { name: `${start}_active_connections`, type: 'gauge', help: `Sessions of clients that can reach ${name}.`, samples: [sample(sessions)] }
    yield { name: `${start}_error_rate`, type: 'gauge', help: `Share of failed requests for ${name}, last five minutes.`, samples: [sample((errorPercent ?? 0) / 100)] }
    if (memoryBytes !== null) yield { name: `${start}_memory_usage_mb`, type: 'gauge', help: `Memory of ${name}.`, samples: [sample(Math.round((memoryBytes / MEGABYTE) * 1000) / 1000)] }
  }
}

/**
 * What stands for each server's name in metric names. Two that would look the same there (`a-b`, `a.b`) are told apart by a
 * piece of a hash, unless one of them is written like that anyway; the same names always give the same.
 */
export function nameServers(names: readonly string[]): Map<string, string> {
  const users = new Map<string, number>()
  for (const name of names) users.set(toMetricName(name), (users.get(toMetricName(name)) ?? 0) + 1)
  return new Map(names.map((name) => {
    const plain = toMetricName(name)
    return [name, users.get(plain) === 1 || plain === name ? plain : `${plain}_${shortHash(name).slice(0, 6)}`]
  }))
}
