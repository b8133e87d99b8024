import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DashData } from '../../../src/lib/tui/dash/model.js'
import { TABS, type Tab, type UiState } from '../../../src/lib/tui/dash/ui.js'
import { openPage } from '../../../src/lib/tui/dash/update-table.js'
import { untilNextChange, view } from '../../../src/lib/tui/dash/view.js'
import { lineWidth } from '../../../src/lib/tui/term/line.js'
import { alert, draw, history, MEGABYTE, metrics, NOW, prepare, server, traffic, world } from './support.js'

const SIZES = [[160, 45], [100, 30], [80, 24], [40, 12]] as const

const LOG = { name: 'db', lines: [
  { time: NOW - 13_000, generation: 4, stream: 'err' as const, text: 'error: connect ECONNREFUSED 127.0.0.1:5432' },
  { time: NOW - 12_900, generation: 4, stream: 'mark' as const, text: 'exit code 1; restart in 12s' },
] }

function some(): DashData {
  return world({
    servers: [
      server('browser', 'ready', { tools: 21 }),
      server('db', 'backoff', { restarts: 3, retryAt: NOW + 12_000, reason: 'exited with code 1 after 0.8s; restart 4 in 12s', lastErrors: ['error: connect ECONNREFUSED 127.0.0.1:5432'] }),
      server('files', 'ready', { tags: ['work'], limits: { memoryBytes: 64 * MEGABYTE, cpuPercent: null, pids: null, backend: 'cgroup2' } }),
      server('old', 'idle', { enabled: false }),
      server('search', 'failed', { restarts: 5, reason: 'crash loop: 5 restarts within 1m' }),
    ],
    metrics: [
      metrics('browser', { cpuPercent: 3.2, memoryBytes: 412 * MEGABYTE, traffic: traffic({ calls: 2000, callsPerSecond: 2.1, p95Ms: 310, errorPercent: 0, errors: 0 }) }),
      metrics('db', { cpuPercent: null, memoryBytes: null, restartsTotal: 3, processes: null }),
      metrics('files', { cpuPercent: 0.4, traffic: traffic({ calls: 9000, callsPerSecond: 11.8, p95Ms: 12, errorPercent: 0.1, errors: 9 }), sessions: 4 }),
      metrics('old', { cpuPercent: null, memoryBytes: null, processes: null, sessions: 0 }),
      metrics('search', { cpuPercent: null, memoryBytes: null, processes: null, restartsTotal: 5 }),
    ],
    alerts: [alert('search'), alert('files', { kind: 'memory-near', level: 'warning', text: 'files uses 61 MB of its memory limit of 64 MB', hint: 'raise limits.memory' })],
    log: LOG,
  })
}

const many = (): DashData => world({ servers: Array.from({ length: 204 }, (_, at) => server(`server-${String(at).padStart(3, '0')}`, at % 40 === 7 ? 'failed' : 'ready')) })
const WORLDS: Readonly<Record<string, () => DashData>> = { '0': () => world({ servers: [] }), '1': () => world({ servers: [server('files')] }), '5': some, '204': many }

const golden = (name: string): string => join(import.meta.dirname, 'golden', `${name}.txt`)
const asFile = (lines: readonly string[]): string => `${lines.join('\n')}\n`

describe('the table', () => {
  for (const [columns, rows] of SIZES) {
    for (const [count, make] of Object.entries(WORLDS)) {
      it(`shows ${count} servers at ${columns}x${rows}`, async () => {
        await expect(asFile(draw(make(), { columns, rows, ui: { selected: count === '5' ? 'db' : null } }))).toMatchFileSnapshot(golden(`table-${columns}x${rows}-${count}`))
      })
    }
  }

  it('shows the same in ASCII', async () => {
    const lines = draw(some(), { columns: 160, rows: 30, unicode: false, ui: { selected: 'db' } })
    expect(lines.join('')).toMatch(/^[\u0020-\u007e]*$/)
    await expect(asFile(lines)).toMatchFileSnapshot(golden('table-ascii'))
  })

  it('fits every size, never wider or higher than the screen, on every page', () => {
    const pages: (Tab | null)[] = [null, ...TABS]
    fc.assert(fc.property(fc.integer({ min: 1, max: 210 }), fc.integer({ min: 1, max: 60 }), fc.constantFrom(...Object.keys(WORLDS)), fc.constantFrom(...pages), fc.boolean(), (columns, rows, count, tab, unicode) => {
      const data = WORLDS[count]?.() ?? some()
      const name = [...data.servers.keys()].at(-1) ?? null
      const frame = view(prepare(data, { columns, rows, unicode, ui: { selected: name, page: tab === null || name === null ? null : openPage(name, tab) } }))
      expect(frame.lines).toHaveLength(rows)
      expect(frame.cursor.row).toBeLessThan(rows)
      if (columns >= 40 && rows >= 10) for (const line of frame.lines.slice(tab === null ? 0 : 1)) expect(lineWidth(line)).toBeLessThanOrEqual(Math.max(columns, tab === null ? 0 : 200))
    }), { numRuns: 300 })
  })

  it('keeps the selected server on the screen and shows where one is', () => {
    const lines = draw(many(), { columns: 100, rows: 30, ui: { selected: 'server-150' } })
    expect(lines.filter((line) => line.startsWith('▸'))).toEqual([expect.stringContaining('server-150') as string])
    expect(lines.at(-1)).toMatch(/151\/204$/)
    expect(lines.filter((line) => line.endsWith('█')).length).toBeGreaterThan(0)
  })

  it('says more of a server on a wide screen and less on a narrow one, but always name and state', () => {
    const heads = [200, 160, 120, 80, 60, 40].map((columns) => draw(some(), { columns, rows: 24 }).find((line) => line.includes('NAME'))?.trim().split(/\s+/).length ?? 0)
    expect([...heads].sort((a, b) => b - a)).toEqual(heads)
    expect(draw(some(), { columns: 40, rows: 24 }).join('\n')).toMatch(/db\s+backoff 12s/)
    expect(draw(some(), { columns: 20, rows: 6 }).join('\n')).toMatch(/✖ search\s+failed/)
  })

  it('tells reasons in place of figures when asked for', () => {
    const text = draw(some(), { columns: 80, rows: 24, ui: { wordy: true } }).join('\n')
    expect(text).toContain('crash loop: 5 restarts within 1m')
    expect(text).not.toContain('CPU%')
  })

  it('says what is filtered, and what to do when that hides everything', () => {
    expect(draw(some(), { columns: 100, rows: 30, ui: { filter: 'b', failing: true } })[2]).toContain('"b", failing only')
    expect(draw(some(), { columns: 100, rows: 30, ui: { filter: 'zzz' } }).join('\n')).toMatch(/no server matches "zzz"[\s\S]*esc shows all servers again/)
    expect(draw(some(), { columns: 100, rows: 30, ui: { filter: 'work' } }).at(-1)).toContain('1/1 of 5')
  })

  it('does not let a name or a reason write anywhere else', () => {
    const data = world({ servers: [server('db', 'failed', { reason: 'bad\u001b[2J\nnews\u0007' })] })
    const text = draw(data, { columns: 160, rows: 30, ui: { selected: 'db' } }).join('\n')
    expect(text).toContain('bad\\x1b[2J news\\x07')
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })
})

describe('the daemon', () => {
  const header = (data: DashData, now = NOW): string => draw(data, { columns: 100, rows: 24, now })[0] ?? ''

  it('is told to be lost, with everything else still there and grey', () => {
    const data: DashData = { ...some(), link: { state: 'lost', since: NOW - 8000, error: null } }
    expect(header(data)).toContain('disconnected 8s, retrying')
    const { lines } = view(prepare(data, { columns: 100, rows: 24 }))
    const row = lines.find((line) => line.some(({ text }) => text.includes('files')))
    expect(row?.every(({ tone }) => tone === 'dim')).toBe(true)
  })

  it('that never ran leaves a way out on the screen', () => {
    const data: DashData = { ...world({ servers: [] }), link: { state: 'absent', since: NOW, error: null }, daemon: null }
    expect(draw(data, { columns: 100, rows: 24 }).join('\n')).toMatch(/the daemon is not running[\s\S]*Press s[\s\S]*mcpctl start/)
  })

  it('of an older version is told to count nothing, and figures of the snapshot show', () => {
    const data = world({ servers: [server('files', 'ready', { cpuPercent: 7.5, memoryBytes: 33 * MEGABYTE })], metrics: null })
    const text = draw(data, { columns: 120, rows: 24 }).join('\n')
    expect(text).toContain('mcpctl daemon restart')
    expect(text).toMatch(/files\s+ready.*7\.5.*33M/)
  })

  it('that stopped answering makes the age of the figures show', () => {
    expect(header(some())).not.toContain('old')
    expect(header(some(), NOW + 60_000)).toMatch(/figures \d+s old/)
  })
})

describe('a page', () => {
  const page = (tab: Tab, more: Partial<UiState> = {}, data = some()): string => draw(data, { columns: 120, rows: 40, ui: { page: openPage('files', tab), ...more } }).join('\n')
  const detail = {
    name: 'files', target: 'npx -y @modelcontextprotocol/server-filesystem .', note: null, serverInfo: { name: 'fs', version: '1.2' }, protocolVersion: '2025-11-25', processes: 2, logFile: '/home/ann/.mcp/logs/files.log', logTrouble: null,
    ends: [{ generation: 1, cause: 'exit' as const, reason: 'exited with code 1 after 2.0s', code: 1, signal: null, startedAt: NOW - 100_000, readyAt: NOW - 99_000, endedAt: NOW - 40_000 }],
    envNames: { own: ['API_TOKEN'], inherited: ['HOME', 'PATH'] },
  }
  const opened = (): DashData => ({ ...some(), open: { name: 'files', detail, metrics: metrics('files', { tools: [{ ...traffic({ calls: 1200, callsPerSecond: 3, p95Ms: 12, errors: 3, errorPercent: 1.5 }), name: 'read_file', kind: 'tool' }] }) } })

  it('tells everything about a server', async () => {
    await expect(`${page('overview', {}, opened())}\n`).toMatchFileSnapshot(golden('page-overview'))
  })

  it('lists tools, sessions, ends and names of variables', () => {
    expect(page('tools', {}, opened())).toMatch(/read_file\s+tool\s+1,200\s+3\.0.*12ms.*3 \(1\.5%\)/)
    expect(page('sessions', {}, opened())).toMatch(/claude-code 2\.1\s+stdio\s+modern\s+30m ago\s+321\s+1\s+2m ago/)
    expect(page('history', {}, opened())).toMatch(/14:01:51\s+#1\s+1m\s+1\s+-\s+yes\s+exited with code 1 after 2\.0s/)
    expect(page('env', {}, opened())).toMatch(/API_TOKEN[\s\S]*HOME {2}PATH/)
  })

  it('follows a log, searches in it, and wraps what is long', () => {
    const lines = Array.from({ length: 100 }, (_, at) => ({ time: NOW, generation: 1, stream: at % 2 === 0 ? ('err' as const) : ('out' as const), text: `line ${at}${at === 99 ? ` ${'long '.repeat(40)}end` : ''}` }))
    const data = { ...opened(), log: { name: 'files', lines } }
    expect(page('logs', {}, data)).toMatch(/line 98[\s\S]*line 99 long[\s\S]*end/)
    expect(page('logs', {}, data)).not.toContain('line 10\n')
    const search = draw(data, { columns: 100, rows: 30, ui: { page: { ...openPage('files', 'logs'), search: 'line 7', streams: 'err' } } }).join('\n')
    expect(search).toContain('line 74')
    expect(search).not.toMatch(/line 75|line 80/)
    expect(search).toMatch(/only stderr.*\/line 7/)
  })
})

describe('the clock', () => {
  it('asks for another frame only where something runs down', () => {
    const input = (data: DashData, ui: Partial<UiState> = {}) => prepare(data, { columns: 100, rows: 30, ui })
    expect(untilNextChange(input(world({ servers: [server('files')] })))).toBe(10_000)
    expect(untilNextChange(input(some()))).toBeLessThanOrEqual(1000)
    expect(untilNextChange(input({ ...world({ servers: [] }), link: { state: 'absent', since: NOW, error: null } }))).toBe(Infinity)
  })

  it('draws the same picture a few seconds later when nothing happened', () => {
    const data = world({ servers: [server('files'), server('git', 'failed')], alerts: [alert('git')] })
    expect(draw(data, { columns: 160, rows: 45, now: NOW + 5000 })).toEqual(draw(data, { columns: 160, rows: 45 }))
  })
})

describe('sparklines', () => {
  it('leave a gap where nothing was known', () => {
    const data = { ...world({ servers: [server('files')] }), histories: new Map([['files', history(120, (at) => (at > 110 ? 5 : null))]]) }
    expect(draw(data, { columns: 160, rows: 30 }).find((line) => line.includes('files '))).toMatch(/0\.4 {4,5}[▁-█]{3,4} /)
  })
})
