import { describe, expect, it } from 'vitest'
import type { Alert, MemorySaved } from '../../../src/lib/core/index.js'
import { renderTable } from '../../../src/lib/verbs/status-table.js'
import { COLORED, downOf, PLAIN, serverOf, snapshotOf } from './snapshot-fixture.js'

describe('the status table', () => {
  it('has a row for each server, numbers aligned to the right, and a verdict', () => {
    const text = renderTable(snapshotOf(serverOf('files'), serverOf('a-longer-name', { pid: 7, tools: 3, restarts: 12, uptimeSeconds: 7500 }), downOf('off')), PLAIN)
    expect(text.split('\n')).toEqual([
      '   NAME           PHASE  ERA      PID  UPTIME  RESTARTS   CPU  MEMORY  TOOLS',
      '+  files          ready  modern  4242   1m15s         0  1.3%   61 MB     14',
      '+  a-longer-name  ready  modern     7    2h5m        12  1.3%   61 MB      3',
      '-  off            idle   -          -       -         0     -       -      -',
      '',
      '2 ready, 1 idle',
    ])
  })

  it('names the groups of members, where there are any, and drops them last on a narrow terminal', () => {
    const snapshot = snapshotOf(serverOf('main', { group: 'search' }), serverOf('alone', { group: null }))
    expect(renderTable(snapshot, PLAIN).split('\n').slice(0, 3)).toEqual([
      '   NAME   GROUP   PHASE  ERA      PID  UPTIME  RESTARTS   CPU  MEMORY  TOOLS',
      '+  main   search  ready  modern  4242   1m15s         0  1.3%   61 MB     14',
      '+  alone          ready  modern  4242   1m15s         0  1.3%   61 MB     14',
    ])
    expect(renderTable(snapshot, { ...PLAIN, columns: 31 }).split('\n')[0]).toBe('   NAME   GROUP   PHASE  TOOLS')
    expect(renderTable(snapshot, { ...PLAIN, columns: 24 }).split('\n')[0]).toBe('   NAME   GROUP   PHASE')
    expect(renderTable(snapshot, { ...PLAIN, columns: 20 }).split('\n')[0]).toBe('   NAME   PHASE')
  })

  it('tells a disabled server from a stopped one', () => {
    expect(renderTable(snapshotOf(downOf('a', { enabled: false }), downOf('b')), PLAIN)).toMatch(/^- {2}a {5}disabled .*\n- {2}b {5}idle /m)
  })

  it('gives the reason of everything that is in trouble or waits, and of nothing else', () => {
    const text = renderTable(
      snapshotOf(serverOf('ok'), downOf('idle'), downOf('bad', { phase: 'failed', reason: 'exited with code 1' }), downOf('next', { phase: 'waiting', reason: 'waits for bad (failed)' })),
      PLAIN,
    )
    expect(text).toContain('\n\nbad: exited with code 1\n    hint: mcpctl why bad\nnext: waits for bad (failed)\n\n1 ready, 1 idle, 1 failed, 1 waiting')
    expect(text).not.toContain('ok:')
    expect(text).not.toContain('idle:')
  })

  it('says when a server in backoff is tried again', () => {
    expect(renderTable(snapshotOf(downOf('a', { phase: 'backoff', retryAt: Date.now() + 3_600_000 })), PLAIN)).toMatch(/backoff (1h|60m)/)
    expect(renderTable(snapshotOf(downOf('a', { phase: 'backoff', retryAt: Date.now() - 5_000 })), PLAIN)).toContain('backoff 0ms')
  })

  it('says which servers run an older configuration and what to type', () => {
    expect(renderTable(snapshotOf(serverOf('a', { changed: true }), serverOf('b'), serverOf('c', { changed: true })), PLAIN)).toContain('configuration changed since the start of a, c: mcpctl reload a c')
  })

  it('shows a start in the first second as 0s and unknown usage as a dash', () => {
    expect(renderTable(snapshotOf(serverOf('a', { uptimeSeconds: 0, cpuPercent: null, memoryBytes: null })), PLAIN)).toMatch(/ 0s +0 +- +- +14$/m)
  })

  it('cannot be abused by what a server says', () => {
    expect(renderTable(snapshotOf(downOf('a', { phase: 'failed', reason: 'bad\u001B[2Jthing\nfaked: row' })), PLAIN)).toContain('a: bad\\x1b[2Jthing\\x0afaked: row')
  })

  it('uses colour and signs only where the terminal shows them', () => {
    expect(renderTable(snapshotOf(serverOf('a')), COLORED)).toContain('\u001B[32m●\u001B[39m')
    expect(renderTable(snapshotOf(serverOf('a')), PLAIN)).not.toContain('\u001B')
  })

  it('has the same columns with colour as without', () => {
    const servers = [serverOf('a'), downOf('failed-one', { phase: 'failed' })]
    // eslint-disable-next-line no-control-regex
    const uncolored = renderTable(snapshotOf(...servers), { ...COLORED, unicode: false }).replace(/\u001B\[\d+m/g, '').split('\n').map((line) => line.trimEnd())
    expect(uncolored).toEqual(renderTable(snapshotOf(...servers), PLAIN).split('\n'))
  })

  it.each([76, 60, 40, 30])('leaves out columns rather than wrap in %i columns', (columns) => {
    const servers = [serverOf('files'), serverOf('memory-server')]
    const lines = renderTable(snapshotOf(...servers), { ...PLAIN, columns }).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
    expect(lines[0]).toMatch(/^ {3}NAME +PHASE/)
    expect(lines[2]).toMatch(/^\+ {2}memory-server {2}ready/)
  })

  it('keeps what matters most longest', () => {
    const heads = (columns: number): string[] => (renderTable(snapshotOf(serverOf('files')), { ...PLAIN, columns }).split('\n')[0] ?? '').trim().split(/ +/)
    expect(heads(Infinity)).toEqual(['NAME', 'PHASE', 'ERA', 'PID', 'UPTIME', 'RESTARTS', 'CPU', 'MEMORY', 'TOOLS'])
    expect(heads(60)).toEqual(['NAME', 'PHASE', 'PID', 'UPTIME', 'RESTARTS', 'CPU', 'MEMORY', 'TOOLS'])
    expect(heads(40)).toEqual(['NAME', 'PHASE', 'UPTIME', 'MEMORY', 'TOOLS'])
    expect(heads(5)).toEqual(['NAME', 'PHASE'])
  })

  it('says so when there is no server', () => {
    expect(renderTable(snapshotOf(), PLAIN)).toBe('the daemon runs, but no server is configured')
  })
})

describe('under the status table', () => {
  const alert = (kind: Alert['kind'], server: string | null, text: string, hint: string): Alert => ({ kind, server, text, hint, level: 'warning', since: null })
  const saved = (changes: Partial<MemorySaved> = {}): MemorySaved => ({ sessions: 3, instances: 5, memoryBytes: 412 * 1024 ** 2, instancesOtherwise: 15, memoryOtherwiseBytes: 1.2 * 1024 ** 3, savedBytes: 0.8 * 1024 ** 3, ...changes })
  const below = (text: string): string[] => text.split('\n').slice(text.split('\n').indexOf('') + 1)

  it('is one line of what sharing saves, when it saves anything', () => {
    const lines = (figures: MemorySaved | null): string[] => below(renderTable(snapshotOf(serverOf('a')), PLAIN, { saved: figures, alerts: [] }))
    expect(lines(saved())).toEqual(['1 ready', '3 clients share 5 processes: 412 MB instead of 1.2 GB'])
    expect(lines(saved({ sessions: 2, instances: 1 })).at(-1)).toBe('2 clients share 1 process: 412 MB instead of 1.2 GB')
    expect(lines(saved({ savedBytes: 0 }))).toEqual(['1 ready'])
    expect(lines(null)).toEqual(['1 ready'])
  })

  it('every alert has its hint, and says nothing a second time', () => {
    const down = downOf('db', { phase: 'failed', reason: 'crash loop', lastErrors: ['first', 'ECONNREFUSED \u001B[2J'] })
    const alerts = [alert('crash-loop', 'db', 'db is down', 'mcpctl why db'), alert('slow', 'web', 'web takes 9s', 'mcpctl trace web --slow 5s'), alert('log', null, 'the log cannot be written', 'free some space')]
    expect(below(renderTable(snapshotOf(down, serverOf('web')), PLAIN, { saved: null, alerts }))).toEqual([
      'db: crash loop', '    it said: ECONNREFUSED \\x1b[2J', '    hint: mcpctl why db',
      'web takes 9s', '    hint: mcpctl trace web --slow 5s',
      'the log cannot be written', '    hint: free some space',
      '', '1 failed, 1 ready'.split(', ').reverse().join(', '),
    ])
  })

  it('what is over says how long ago, what goes on does not', () => {
    const alerts = [{ ...alert('restarting', 'db', 'db was restarted: killed by SIGKILL', 'mcpctl why db'), since: 88_000 }, { ...alert('memory-near', 'web', 'web is near its limit', 'mcpctl why web'), since: 88_000 }]
    const lines = below(renderTable(snapshotOf(serverOf('db'), serverOf('web')), PLAIN, { saved: null, alerts, now: 100_000 }))
    expect([lines[0], lines[2]]).toEqual(['db was restarted: killed by SIGKILL (12s ago)', 'web is near its limit'])
  })

  it('a configuration that is not in effect is told once, with and without servers', () => {
    const broken = { source: '/p/mcp.config.json', trouble: '1:1: a value is expected', watched: true }
    const snapshot = snapshotOf(serverOf('a'))
    const expected = ['configuration not in effect: /p/mcp.config.json (everything runs on as before)', '    1:1: a value is expected', '    hint: correct the file: it takes effect as soon as it can be read', '']
    const alerts = [alert('config', null, 'a configuration is broken', 'mcpctl config validate')]
    expect(below(renderTable({ ...snapshot, daemon: { ...snapshot.daemon, configs: [broken] } }, PLAIN, { saved: null, alerts }))).toEqual([...expected, '1 ready'])
    expect(renderTable({ ...snapshotOf(), daemon: { ...snapshot.daemon, configs: [{ ...broken, watched: false }] } }, PLAIN).split('\n').slice(2)).toEqual(['    hint: correct the file, then mcpctl reload', '', 'the daemon runs, but no server is configured'])
  })
})
