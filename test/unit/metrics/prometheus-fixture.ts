import { readFileSync } from 'node:fs'
import type { PrometheusView, ServerView, TrafficView } from '../../../src/lib/metrics/index.js'

export const TRAFFIC: TrafficView = {
  outcomes: { ok: 7, failed: 2, error: 1, lost: 0, cancelled: 3 }, inFlight: 2, bytesIn: 1000, bytesOut: 5000,
  latency: { boundsSeconds: [0.005, 1, 2.5], cumulative: [4, 9, 9], count: 10, sumSeconds: 12.5 },
  tools: [
    { name: 'read', kind: 'tool', outcomes: { ok: 7, failed: 2, error: 0, lost: 0, cancelled: 0 }, count: 9, sumSeconds: 12 },
    { name: 'file:///home/me/secret?token=abc', kind: 'resource', outcomes: { ok: 0, failed: 0, error: 1, lost: 0, cancelled: 3 }, count: 1, sumSeconds: 0.5 },
  ],
}

export const SERVER: ServerView = {
  name: 'files', phase: 'ready', ready: true, wanted: true, transport: 'stdio', era: 'legacy', generation: 3, restartsTotal: 2, startedAt: 1_700_000_000_500, tools: 12,
  cpuSeconds: 4.25, cpuPercent: 12.5, cpuLimitPercent: 80, memoryBytes: 50 * 1024 * 1024, memoryLimitBytes: 300 * 1024 * 1024, processes: 2, processesLimit: 64,
  sessions: 3, errorPercent: 30, lastCallAt: 1_700_000_100_000, traffic: TRAFFIC,
}

export const VIEW: PrometheusView = {
  daemon: { version: '0.1.0', node: '20.19.0', startedAt: 1_700_000_000_000, cpuSeconds: 1.5, residentBytes: 60_000_000, heapBytes: 20_000_000, openDescriptors: 30, loopDelay: { meanSeconds: 0.001, maxSeconds: 0.02 } },
  servers: [SERVER, bare('search')],
  sessions: [{ door: 'stdio', era: 'legacy', count: 2 }, { door: 'http', era: 'modern', count: 1 }],
  saved: { sessions: 3, instances: 2, memoryBytes: 100, instancesOtherwise: 6, memoryOtherwiseBytes: 300, savedBytes: 200 },
  gate: { waiting: 4, cacheEntries: 1, cacheBytes: 900, servers: [{ name: 'files', hits: 7, misses: 3, cacheBytes: 900, limited: { caller: 1, server: 2, total: 0 }, overloaded: 5 }] },
  alerts: [{ kind: 'memory-near', level: 'warning', server: 'files', text: 't', hint: 'h', since: null }],
}

/** A server of which nothing is known yet. */
export function bare(name: string): ServerView {
  return {
    name, phase: 'idle', ready: false, wanted: false, transport: 'http', era: null, generation: 0, restartsTotal: 0, startedAt: null, tools: null, cpuSeconds: null, cpuPercent: null,
    cpuLimitPercent: null, memoryBytes: null, memoryLimitBytes: null, processes: null, processesLimit: null, sessions: 0, errorPercent: null, lastCallAt: null, traffic: null,
  }
}

export interface Parsed {
  readonly types: ReadonlyMap<string, string>
  /** Line without its figure to the figure. */
  readonly series: ReadonlyMap<string, number>
  /** Names of series, without labels. */
  readonly names: ReadonlySet<string>
}

const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const LINE = new RegExp(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{${LABEL}(?:,${LABEL})*\\})? (\\S+)$`)

/** Reads a page as strictly as Prometheus does; throws at whatever it would refuse. */
export function parsePage(text: string): Parsed {
  const types = new Map<string, string>()
  const series = new Map<string, number>()
  const names = new Set<string>()
  const done = new Set<string>()
  let family = ''
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('no line break at the end')
  for (const line of lines) {
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (head !== null) {
      if (family !== head[2]) {
        family = head[2] ?? ''
        if (done.has(family)) throw new Error(`two families ${family}`)
        done.add(family)
      }
      if (head[1] === 'TYPE') types.set(family, head[3] ?? '')
      continue
    }
    if (line === '# EOF') continue
    const match = LINE.exec(line)
    if (match === null) throw new Error(`not a line of figures: ${line}`)
    const [, name = '', labels = '', value = ''] = match
    if (!name.startsWith(family)) throw new Error(`${name} stands below ${family}`)
    if (series.has(name + labels)) throw new Error(`twice: ${name}${labels}`)
    const figure = value === '+Inf' ? Infinity : Number(value)
    if (Number.isNaN(figure)) throw new Error(`not a figure: ${line}`)
    series.set(name + labels, figure)
    names.add(name)
  }
  return { types, series, names }
}

/** Names of our metrics that a file speaks of. */
export function namesIn(text: string): string[] {
  return [...new Set(text.match(/\bmcp(?:ctl)?_[a-z0-9_]+/g) ?? [])]
}

export function read(file: string): string {
  return readFileSync(file, 'utf8')
}
