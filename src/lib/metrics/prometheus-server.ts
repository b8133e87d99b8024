import type { Phase } from '../core/index.js'
import { eachServer, histogramLines, sample } from './prometheus-series.js'
import type { Family, Sample } from './prometheus-text.js'
import { OUTCOMES, type Outcome, type ServerView } from './prometheus-view.js'

const PHASES: readonly Phase[] = ['idle', 'waiting', 'starting', 'ready', 'unready', 'stopping', 'backoff', 'exited', 'failed']
const NOTHING: Readonly<Record<Outcome, number>> = { ok: 0, failed: 0, error: 0, lost: 0, cancelled: 0 }

const BREAKER_STATES = ['closed', 'half-open', 'open']

type Figure = readonly [name: string, type: 'gauge' | 'counter', help: string, figure: (server: ServerView) => number | boolean | null]

const STATE: readonly Figure[] = [
  ['mcpctl_server_ready', 'gauge', 'Whether the server takes requests.', ({ ready }) => ready],
  ['mcpctl_server_wanted', 'gauge', 'Whether the server is meant to run.', ({ wanted }) => wanted],
  ['mcpctl_server_generation', 'gauge', 'Number of the newest instance: it grows with every start.', ({ generation }) => generation],
  ['mcpctl_server_restarts_total', 'counter', 'Automatic restarts since the daemon started.', ({ restartsTotal }) => restartsTotal],
  ['mcpctl_server_start_time_seconds', 'gauge', 'When the running instance started, as seconds since 1970.', ({ startedAt }) => seconds(startedAt)],
  ['mcpctl_server_tools', 'gauge', 'Tools the server offers.', ({ tools }) => tools],
  ['mcpctl_breaker_state', 'gauge', 'Whether calls are let through to the server: 0 all, 1 a few as trials, 2 none.', ({ breaker }) => BREAKER_STATES.indexOf(breaker?.state ?? 'closed')],
  ['mcpctl_breaker_opened_total', 'counter', 'How often calls were stopped because of how they ended, since the daemon started.', ({ breaker }) => breaker?.opened ?? 0],
  ['mcpctl_server_sessions', 'gauge', 'Sessions of clients that can reach the server.', ({ sessions }) => sessions],
]

const USAGE: readonly Figure[] = [
  ['mcpctl_server_cpu_seconds_total', 'counter', 'Processor time of the whole process tree since the daemon started, as far as it was measured.', ({ cpuSeconds }) => cpuSeconds],
  ['mcpctl_server_cpu_ratio', 'gauge', 'Processor time of the whole process tree per time, lately; 1 is one core.', ({ cpuPercent }) => share(cpuPercent)],
  ['mcpctl_server_cpu_limit_ratio', 'gauge', 'Limit of processor time; 1 is one core. Absent without a limit.', ({ cpuLimitPercent }) => share(cpuLimitPercent)],
  ['mcpctl_server_memory_bytes', 'gauge', 'Memory of the whole process tree.', ({ memoryBytes }) => memoryBytes],
  ['mcpctl_server_memory_limit_bytes', 'gauge', 'Limit of memory. Absent without a limit.', ({ memoryLimitBytes }) => memoryLimitBytes],
  ['mcpctl_server_processes', 'gauge', 'Processes of the tree.', ({ processes }) => processes],
  ['mcpctl_server_processes_limit', 'gauge', 'Limit of processes and threads. Absent without a limit.', ({ processesLimit }) => processesLimit],
]

const TRAFFIC: readonly Figure[] = [
  ['mcpctl_server_requests_in_flight', 'gauge', 'Requests of clients without an answer yet.', ({ traffic }) => traffic?.inFlight ?? 0],
  ['mcpctl_server_request_bytes_total', 'counter', 'JSON of the requests.', ({ traffic }) => traffic?.bytesIn ?? 0],
  ['mcpctl_server_response_bytes_total', 'counter', 'JSON of the answers.', ({ traffic }) => traffic?.bytesOut ?? 0],
  ['mcpctl_server_last_request_time_seconds', 'gauge', 'When the server was last asked, as seconds since 1970. Absent: never.', ({ lastCallAt }) => seconds(lastCallAt)],
]

/** What is known of the servers: state, use of the machine, traffic. Counts are since the daemon started. */
export function* serverFamilies(servers: readonly ServerView[]): Generator<Family> {
  yield { name: 'mcpctl_server_info', type: 'info', help: 'How the server is spoken to.', samples: infos(servers) }
  yield { name: 'mcpctl_server_phase', type: 'gauge', help: 'Phase of the server: 1 for the one it is in, 0 for all others.', samples: phases(servers) }
  yield* figures(STATE, servers)
  yield* figures(USAGE, servers)
  yield { name: 'mcpctl_server_requests_total', type: 'counter', help: OUTCOME_HELP, samples: requests(servers) }
  yield* figures(TRAFFIC, servers)
  yield { name: 'mcpctl_server_request_duration_seconds', type: 'histogram', help: 'Time until a request was answered or given up; those taken back do not count.', samples: durations(servers) }
}

const OUTCOME_HELP =
  'Requests of clients by how they ended: ok, failed (the tool said so), error (of the protocol), lost (no answer of the server), cancelled (taken back).'

function* figures(table: readonly Figure[], servers: readonly ServerView[]): Generator<Family> {
  for (const [name, type, help, figure] of table) yield { name, type, help, samples: eachServer(servers, figure) }
}

function* infos(servers: readonly ServerView[]): Generator<Sample> {
  for (const { name, transport, era } of servers) yield sample(1, ['server', name], ['transport', transport], ...(era === null ? [] : [['era', era] as const]))
}

function* phases(servers: readonly ServerView[]): Generator<Sample> {
  for (const server of servers) for (const phase of PHASES) yield sample(Number(server.phase === phase), ['server', server.name], ['phase', phase])
}

/** Every outcome from the first look on: a rate needs a beginning. */
function* requests(servers: readonly ServerView[]): Generator<Sample> {
  for (const { name, traffic } of servers) {
    const outcomes = traffic?.outcomes ?? NOTHING
    for (const outcome of OUTCOMES) yield sample(outcomes[outcome], ['server', name], ['outcome', outcome])
  }
}

function* durations(servers: readonly ServerView[]): Generator<Sample> {
  const bounds = servers.find(({ traffic }) => traffic !== null)?.traffic?.latency.boundsSeconds
  for (const { name, traffic } of servers) {
    if (traffic !== null) yield* histogramLines(traffic.latency, ['server', name])
    else if (bounds !== undefined) yield* histogramLines({ boundsSeconds: bounds, cumulative: bounds.map(() => 0), count: 0, sumSeconds: 0 }, ['server', name])
  }
}

function seconds(epochMs: number | null): number | null {
  return epochMs === null ? null : epochMs / 1000
}

function share(percent: number | null): number | null {
  return percent === null ? null : Math.round(percent * 1000) / 100_000
}
