import { readDuration } from '../base/index.js'
import { defineVerb, SCHEMA_VERSION, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import type { Choice, SortKey } from '../tui/index.js'
import { expandNames } from './names.js'

const DEFAULT_INTERVAL_S = 10
const LEAST_INTERVAL_S = 1
const MOST_INTERVAL_S = 86_400
const SORTS = ['name', 'state', 'up', 'restarts', 'cpu', 'memory', 'calls', 'p95', 'errors', 'tools', 'sessions'] as const satisfies readonly SortKey[]
/** 128 + the number of the signal, as a shell tells it. */
const SIGNAL_STATUS: Readonly<Partial<Record<string, number>>> = { SIGHUP: 129, SIGQUIT: 131, SIGTERM: 143 }

export const dash = defineVerb({
  id: 'dash',
  summary: 'Watch and steer all servers on one screen.',
  description:
    'State, age, restarts, CPU and memory with their recent past, calls, latency, errors and alerts of every server; changes of state show at once, figures at the interval. Enter opens a server: its log, tools, sessions, history and environment names; s, r and R start, stop, restart and reload; ? tells every key. The screen outlives the daemon and finds the next one. Without a terminal use --once for one JSON document, or --plain for a line per change (also MCPCTL_PLAIN=1), which suits screen readers. Exits 3 with --once when no daemon runs.',
  examples: ['dash', 'dash --interval 1 --sort cpu', "dash 'git*' --read-only", 'dash --once', 'dash --plain'],
  names: { summary: 'Only these servers.', required: false },
  flags: {
    interval: { type: 'string', short: 'i', value: 'TIME', summary: 'Time between figures: seconds or a duration, at least 1 s (default 10).' },
    once: { type: 'boolean', summary: 'Print one JSON document and end.' },
    plain: { type: 'boolean', summary: 'Print a line per change instead of a screen.' },
    'read-only': { type: 'boolean', summary: 'Nothing can be started, stopped or reloaded from the screen.' },
    filter: { type: 'string', value: 'PATTERN', summary: 'Only servers whose name, state or tag matches this regular expression.' },
    sort: { type: 'string', value: 'COLUMN', options: SORTS, summary: `Sort by ${SORTS.join(', ')}.` },
  },
  run: async ({ names, flags }, io) => {
    const intervalMs = readInterval(flags.interval)
    const isOnce = flags.once === true || io.json
    const isPlain = flags.plain === true || (io.env['MCPCTL_PLAIN'] ?? '') === '1'
    if (flags.plain === true && isOnce) throw new McpctlError('USAGE', '--plain and --once exclude each other', { hint: 'For a stream of JSON lines: mcpctl events --json.', details: { flags: ['plain', 'once'] } })
    if (!isOnce && !isPlain) requireScreen(io)
    const tui = await import('../tui/index.js')
    const sort = tui.SORT_KEYS.find((key) => key === flags.sort) ?? 'name'
    const choice: Choice = { sort, descending: sort !== 'name' && sort !== 'state', filter: readFilter(flags.filter), inverted: false, failing: false, only: await readNames(names, io) }
    if (isOnce) return once(io, choice)
    const { createDashServices } = await import('./dash-services.js')
    const services = createDashServices(io)
    const look = { unicode: io.outTerminal.unicode }
    if (isPlain) {
      await tui.runPlain({ services, look, choice, intervalMs, out: io.out, signal: io.signal })
      return {}
    }
    const end = await tui.runApp({
      services, look, ui: { ...choice, intervalMs, readOnly: flags['read-only'] === true }, tones: tui.createTones(io.outTerminal.color),
      openScreen: (events) => tui.openFullScreen({ input: process.stdin, output: process.stdout }, events), signal: io.signal,
    })
    if (end === 'gone' || end === 'SIGHUP') endByHangup()
    return { exitStatus: SIGNAL_STATUS[end] ?? (end === 'gone' ? 129 : 0) }
  },
})

/**
 * Ends as a program without a terminal does that knows nothing of signals. A regular end is no choice: Node aborts, with a
 * core dump, when it cannot set back a terminal that is gone.
 */
function endByHangup(): void {
  process.kill(process.pid, 'SIGHUP')
}

/** One document; exits 3 when no daemon runs, as `status` does. */
async function once(io: Io, choice: Choice): Promise<Outcome> {
  const home = resolveHome(io.env)
  const client = await connectControl(home, VERSION)
  const document = client === null ? { daemon: null, home: home.root, sampledAt: null, servers: [], totals: null, sessions: [], saved: null, alerts: [] } : await askOnce(client, choice)
  // Under --json the document is printed by whoever runs the verb.
  if (!io.json) io.out(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...document }))
  return { exitStatus: client === null ? 3 : 0, json: document }
}

async function askOnce(client: ControlClient, choice: Choice): Promise<Record<string, unknown>> {
  try {
    const { readOnce } = await import('../tui/index.js')
    return await readOnce(client, choice, Date.now())
  } finally {
    client.close()
  }
}

/** Milliseconds. Throws USAGE. */
function readInterval(value: string | undefined): number {
  if (value === undefined) return DEFAULT_INTERVAL_S * 1000
  const intervalMs = readDuration(value)
  if (intervalMs !== undefined && intervalMs >= LEAST_INTERVAL_S * 1000 && intervalMs <= MOST_INTERVAL_S * 1000) return intervalMs
  throw new McpctlError('USAGE', `--interval ${JSON.stringify(value)} is not an interval`, { hint: 'Write seconds (10) or a duration such as 2s or 1m; at least 1 s, at most a day. State changes show at once all the same.', details: { flag: 'interval', value } })
}

function readFilter(value: string | undefined): string {
  if (value === undefined) return ''
  try {
    new RegExp(value)
    return value
  } catch (error) {
    throw new McpctlError('USAGE', `--filter ${JSON.stringify(value)} is not a regular expression: ${(error as Error).message}`, { hint: 'Put a backslash before characters that are meant as they are.', details: { flag: 'filter', value } })
  }
}

/** The names that are meant; null: all. Without a daemon they cannot be checked and are taken as they are. Throws SERVER_UNKNOWN. */
async function readNames(names: readonly string[], io: Io): Promise<ReadonlySet<string> | null> {
  if (names.length === 0) return null
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) return new Set(names)
  try {
    const { servers } = await client.request('snapshot', { names: null, detail: false })
    return new Set(expandNames(names, servers))
  } finally {
    client.close()
  }
}

function requireScreen(io: Io): void {
  if (io.outTerminal.interactive && process.stdin.isTTY) return
  const isDumb = process.stdout.isTTY && process.stdin.isTTY
  throw new McpctlError('USAGE', isDumb ? `dash: this terminal (TERM=${io.env['TERM'] ?? ''}) cannot show a full screen` : 'dash: standard input and output must be a terminal', {
    hint: 'Use mcpctl dash --once for one JSON document, mcpctl dash --plain for a line per change, or mcpctl status.',
    details: { term: io.env['TERM'] ?? null },
  })
}
