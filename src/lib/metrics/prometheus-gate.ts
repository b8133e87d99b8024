import type { GateMetrics, GateServerMetrics } from '../core/index.js'
import { sample } from './prometheus-series.js'
import type { Family, Sample } from './prometheus-text.js'

type Count = readonly [name: string, type: 'gauge' | 'counter', help: string, count: (server: GateServerMetrics) => number]

const COUNTS: readonly Count[] = [
  ['mcpctl_cache_hits_total', 'counter', 'Requests that were answered with what was kept of an earlier one.', ({ hits }) => hits],
  ['mcpctl_cache_misses_total', 'counter', 'Requests that could have been.', ({ misses }) => misses],
  ['mcpctl_cache_bytes', 'gauge', 'What the answers that are kept hold.', ({ cacheBytes }) => cacheBytes],
  ['mcpctl_overloaded_total', 'counter', 'Requests that were refused because there was no room for them.', ({ overloaded }) => overloaded],
]

/** What the gate did with requests before they went to a server. Servers and groups have the names clients see. */
export function* gateFamilies({ waiting, servers }: GateMetrics): Generator<Family> {
  yield { name: 'mcpctl_gate_queue', type: 'gauge', help: 'Requests that wait for room, their server\'s or that of all.', samples: [sample(waiting)] }
  for (const [name, type, help, count] of COUNTS) yield { name, type, help, samples: servers.map((server) => sample(count(server), ['server', server.name])) }
  yield { name: 'mcpctl_rate_limited_total', type: 'counter', help: 'Requests that were refused because they came too often, by whose limit it was: caller, server, total.', samples: servers.flatMap(limits) }
}

function limits({ name, limited }: GateServerMetrics): Sample[] {
  return (['caller', 'server', 'total'] as const).map((limit) => sample(limited[limit], ['server', name], ['limit', limit]))
}
