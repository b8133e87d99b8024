import { readdir } from 'node:fs/promises'
import { readDuration } from '../base/index.js'
import { createPaint, defineVerb, neutralise, SCHEMA_VERSION, type Io, type Paint } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { followLogs, streamLogs, type LogLine } from '../logs/index.js'
import { expandNames, type Named } from './names.js'

const COLORS = ['cyan', 'magenta', 'yellow', 'green', 'blue'] as const

export const logs = defineVerb({
  id: 'logs',
  summary: "Show servers' logs: stderr, stray stdout and what happened to them.",
  description: 'Lines of several servers are interleaved by time. Reads the log files, so it also works when nothing runs; --follow goes on over restarts of servers and of the daemon.',
  examples: ['logs', 'logs files -f', 'logs --since 10m --grep error', 'logs db --tail 500'],
  names: { summary: 'Servers whose logs to show; all when none is named.', required: false },
  flags: {
    follow: { type: 'boolean', short: 'f', summary: 'Go on with new lines until interrupted.' },
    tail: { type: 'string', short: 'n', value: 'N', summary: 'The newest N lines (default 100; "all").' },
    since: { type: 'string', value: 'TIME', summary: 'Only lines newer than a duration ("10m") or a time (2026-11-21T12:00).' },
    until: { type: 'string', value: 'TIME', summary: 'Only lines older than this.' },
    grep: { type: 'string', value: 'PATTERN', summary: 'Only lines that match this regular expression.' },
    'no-prefix': { type: 'boolean', summary: 'Do not put the name in front of each line.' },
    timestamps: { type: 'boolean', short: 'T', summary: 'Put the time in front of each line.' },
  },
  run: async ({ names, flags }, io) => {
    const now = Date.now()
    const since = readTime('since', flags.since, now)
    const until = readTime('until', flags.until, now)
    const grep = readPattern(flags.grep)
    const tail = readTail(flags.tail, since)
    const { directory, known } = await locateLogs(io)
    const wanted = names.length > 0 ? expandNames(names, known) : known.map(({ name }) => name)
    const write = createWriter(io, wanted, { prefix: flags['no-prefix'] !== true && wanted.length !== 1, timestamps: flags.timestamps === true })
    const query = { directory, names: wanted, ...(since === null ? {} : { since }), ...(until === null ? {} : { until }), ...(grep === null ? {} : { grep }), ...(tail === null ? {} : { tail }) }
    if (flags.follow !== true) {
      for await (const line of streamLogs(query)) write(line)
      return {}
    }
    // Which servers exist may change while we follow: with no name, every log that appears belongs to it.
    for await (const line of followLogs({ ...query, names: names.length > 0 ? wanted : null, signal: io.signal })) write(line)
    return {}
  },
})

async function locateLogs(io: Io): Promise<{ directory: string; known: Named[] }> {
  const home = resolveHome(io.env)
  const client = await connectControl(home, VERSION)
  if (client === null) return { directory: home.logs, known: (await namesWithLogs(home.logs)).map((name) => ({ name })) }
  try {
    const { daemon, servers } = await client.request('snapshot', { names: null, detail: false })
    const gone = (await namesWithLogs(daemon.logDirectory)).filter((name) => servers.every((server) => server.name !== name))
    return { directory: daemon.logDirectory, known: [...servers, ...gone.map((name) => ({ name }))] }
  } finally {
    client.close()
  }
}

async function namesWithLogs(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => [])
  return files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length)).sort()
}

function createWriter(io: Io, names: readonly string[], show: { prefix: boolean; timestamps: boolean }): (line: LogLine) => void {
  const paint = createPaint(io.outTerminal.color)
  const width = Math.max(0, ...names.map((name) => name.length))
  const colorOf = (name: string) => COLORS[Math.max(0, names.indexOf(name)) % COLORS.length] ?? 'cyan'
  return (line) => {
    if (io.json) return io.out(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...line, time: new Date(line.time).toISOString() }))
    const prefix = show.prefix ? `${paint(colorOf(line.name), line.name.padEnd(width))} | ` : ''
    const time = show.timestamps ? `${new Date(line.time).toISOString()} ` : ''
    io.out(`${prefix}${paint('dim', time)}${renderText(line, paint)}`)
  }
}

function renderText(line: LogLine, paint: Paint): string {
  const text = neutralise(line.text)
  return line.stream === 'mark' ? paint('dim', `--- #${line.generation} ${text}`) : text
}

function readTime(flag: string, value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  const ago = readDuration(value)
  const at = ago === undefined ? Date.parse(value) : now - ago
  if (Number.isFinite(at)) return at
  throw new McpctlError('USAGE', `--${flag} ${JSON.stringify(value)} is not a time`, { hint: 'Write a duration (10m, 1h30m) or a time (2026-11-21T12:00).', details: { flag, value } })
}

function readTail(value: string | undefined, since: number | null): number | null {
  if (value === undefined) return since === null ? 100 : null
  if (value === 'all') return null
  const count = Number(value)
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new McpctlError('USAGE', `--tail ${JSON.stringify(value)} is not a number of lines`, { hint: 'Write a whole number, or "all".', details: { flag: 'tail', value } })
}

function readPattern(value: string | undefined): RegExp | null {
  if (value === undefined) return null
  try {
    return new RegExp(value)
  } catch (error) {
    throw new McpctlError('USAGE', `--grep ${JSON.stringify(value)} is not a regular expression: ${(error as Error).message}`, { hint: 'Put a backslash before characters that are meant as they are.', details: { flag: 'grep', value } })
  }
}
