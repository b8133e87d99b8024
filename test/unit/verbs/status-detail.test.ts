import { describe, expect, it } from 'vitest'
import type { Phase, ServerDetail, ServerSnapshot } from '../../../src/lib/core/index.js'
import type { LogLine } from '../../../src/lib/logs/index.js'
import { renderDetail } from '../../../src/lib/verbs/status-detail.js'
import { downOf, PLAIN, serverOf } from './snapshot-fixture.js'

const DETAIL: ServerDetail = {
  name: 'db', target: 'node db.js', note: 'npx resolved to node', serverInfo: { name: 'db-server', version: '2.1.0' }, protocolVersion: '2026-07-28', processes: 3,
  ends: [], logFile: '/h/logs/db.log', logTrouble: null,
}

const rowsOf = (server: ServerSnapshot, detail?: ServerDetail, log: readonly LogLine[] = []): Map<string, string> =>
  new Map(renderDetail(server, { detail, log }, PLAIN).split('\n').map((line) => [line.slice(2, 12).trimEnd(), line.slice(14)]))

describe('the detail of a server', () => {
  it('says what it is and how it does', () => {
    const rows = rowsOf(serverOf('db', { dependsOn: ['files'], tags: ['work', 'sql'], restarts: 2, generation: 3 }), DETAIL)
    expect(Object.fromEntries(rows)).toMatchObject({
      Phase: expect.stringMatching(/^ready since 2026-01-02T03:04:05\.000Z \(\S+\)$/) as string,
      Reason: 'proven ready', Wanted: 'up', Target: 'node db.js', '': 'npx resolved to node',
      Process: 'pid 4242, generation 3, 3 processes, up 1m15s',
      Usage: '1.3% of a core, 61 MB of memory in the whole tree',
      Protocol: 'stdio, modern era (2026-07-28), 14 tools; db-server 2.1.0',
      'Depends on': 'files', Tags: 'work, sql', Restarts: '2 since it was last started by hand', Config: '/p/mcp.config.json', Log: '/h/logs/db.log',
      Try: 'mcpctl logs -f db',
    })
  })

  it('leaves out what a server without a process does not have', () => {
    const rows = rowsOf(downOf('db'), { ...DETAIL, note: null, processes: null })
    for (const absent of ['Process', 'Usage', 'Protocol', 'Depends on', 'Tags', '']) expect(rows.has(absent)).toBe(false)
    expect(rows.get('Wanted')).toBe('down')
  })

  it('tells why a server is down', () => {
    expect(rowsOf(downOf('db', { enabled: false })).get('Wanted')).toBe('down (disabled in the configuration)')
  })

  it('says that a helper speaks no protocol', () => {
    expect(rowsOf(serverOf('db', { transport: 'none', era: null, tools: null })).get('Protocol')).toBe('none: ready as soon as it runs')
  })

  it('says that the configuration or the log is not what it should be', () => {
    const rows = rowsOf(serverOf('db', { changed: true, removed: true }), { ...DETAIL, logTrouble: 'no space left' })
    expect(rows.get('Config')).toBe('/p/mcp.config.json (changed since it started) (no longer in it)')
    expect(rows.get('Log')).toBe('/h/logs/db.log (no space left)')
  })

  it('lists the newest five ends, the newest first', () => {
    const ends = [1, 2, 3, 4, 5, 6].map((generation) => ({ generation, cause: 'exit' as const, reason: `exited with code ${generation}`, code: generation, signal: null, startedAt: 0, readyAt: null, endedAt: Date.UTC(2026, 0, generation) }))
    const text = renderDetail(downOf('db', { phase: 'failed' }), { detail: { ...DETAIL, ends }, log: [] }, PLAIN)
    expect(text.match(/generation \d/g)).toEqual(['generation 6', 'generation 5', 'generation 4', 'generation 3', 'generation 2'])
    expect(text).toContain('    2026-01-06T00:00:00.000Z  generation 6  exited with code 6')
  })

  it('ends with the last log lines, made harmless', () => {
    const line: LogLine = { time: Date.UTC(2026, 0, 1, 10, 20, 30, 456), name: 'db', generation: 1, stream: 'err', text: 'red \u001B[31m' }
    const text = renderDetail(serverOf('db'), { detail: DETAIL, log: [line, { ...line, stream: 'mark', text: 'exited' }] }, PLAIN)
    expect(text).toContain('  Last log lines\n    10:20:30.456 err red \\x1b[31m\n    10:20:30.456 --- exited\n')
  })

  it('is harmless in everything a server says about itself', () => {
    const text = renderDetail(serverOf('db', { reason: 'a\u001Bb' }), { detail: { ...DETAIL, target: 'x\u0007', serverInfo: { name: 'n\u001B[2J', version: '\r1' }, protocolVersion: '\u001Bc' }, log: [] }, PLAIN)
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F]/)
  })

  it.each<[Phase, string]>([
    ['idle', 'mcpctl start db'],
    ['exited', 'mcpctl start db'],
    ['failed', 'mcpctl why db, mend the cause, then mcpctl start db'],
    ['backoff', 'wait for the next try, or mcpctl start db to try now'],
    ['waiting', 'mcpctl status files'],
    ['starting', 'mcpctl logs -f db, or mcpctl wait db'],
    ['stopping', 'mcpctl logs -f db, or mcpctl wait db'],
    ['unready', 'mcpctl why db, or mcpctl restart db'],
  ])('names the next step when it is %s', (phase, step) => {
    expect(rowsOf(serverOf('db', { phase, dependsOn: phase === 'waiting' ? ['files'] : [] })).get('Try')).toBe(step)
  })
})
