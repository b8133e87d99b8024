import { describe, expect, it } from 'vitest'
import type { TracedMessage, TraceEvent } from '../../../src/lib/core/index.js'
import { createTraceFilter, readLast, readTraceDuration } from '../../../src/lib/verbs/trace-filter.js'
import { renderTraceEvent, type TraceLook } from '../../../src/lib/verbs/trace-render.js'

const NOON = new Date(2026, 10, 21, 12, 3, 4, 56).getTime()
const request: TracedMessage = {
  type: 'message', time: NOON, server: 'files', generation: 1, direction: 'out', kind: 'request', id: 7, method: 'tools/call', target: 'read_file', durationMs: null,
  bytes: 120, failed: false, code: null, summary: '{"path":"/a"}', remembered: false, probe: false,
}
const answer: TracedMessage = { ...request, direction: 'in', kind: 'result', durationMs: 17.4, bytes: 2048, summary: 'first line' }
const PIPE = { interactive: false, color: false, columns: Infinity, unicode: true }
const look = (changes: Partial<TraceLook> = {}): TraceLook => ({ terminal: PIPE, only: null, nameChars: 6, body: false, widthOf: (text) => text.length, ...changes })
const render = (event: TraceEvent, changes: Partial<TraceLook> = {}): string => renderTraceEvent(event, look(changes))

describe('a line of a trace', () => {
  it('tells time, server, direction, id, method, tool, size and what is said', () => {
    expect(render(request)).toBe('12:03:04.056  files   → #7   tools/call read_file        120 B           {"path":"/a"}')
    expect(render(answer)).toBe('12:03:04.056  files   ← #7   tools/call read_file        17ms 2.0 KB     first line')
  })

  it('leaves out the name of the one server that was asked for, not that of its other processes', () => {
    expect(render(request, { only: 'files' })).toMatch(/^12:03:04\.056 {2}→ #7/)
    expect(render({ ...request, server: 'files#2' }, { only: 'files' })).toContain('files#2')
  })

  it.each([
    ['an error with its code', { ...answer, kind: 'error', failed: true, code: -32602, summary: 'bad' }, /← #7 {3}tools\/call read_file error -32602 {2}17ms 2\.0 KB {5}bad$/],
    ['a tool that failed', { ...answer, failed: true }, /read_file failed /],
    ['a request nobody waits for any more', { ...request, kind: 'given-up', failed: true, durationMs: 3000, summary: 'timeout' }, /✗ #7 {3}tools\/call read_file no answer {2}3\.0s +timeout$/],
    ['an answer to something unknown', { ...answer, id: null, method: null, target: null, durationMs: null }, /← {6}answer /],
    ['a quick answer to the tenth of a millisecond', { ...answer, durationMs: 0.4 }, / 0\.4ms /],
  ] as const)('shows %s', (_what, event, wanted) => {
    expect(render(event as TracedMessage)).toMatch(wanted)
  })

  it('needs no character a terminal may not have', () => {
    const ascii = { terminal: { ...PIPE, unicode: false } }
     
    for (const event of [request, answer, { ...request, kind: 'given-up' as const }]) expect(render(event, ascii)).toMatch(/^[\x20-\x7e]+$/)
    expect(render(request, ascii)).toContain('-> #7')
  })

  it('is red where something failed, and only where there is colour', () => {
    const terminal = { ...PIPE, color: true }
    expect(render({ ...answer, failed: true }, { terminal })).toContain('\u001B[31m←')
    expect(render(answer, { terminal })).not.toContain('\u001B[31m')
  })

  it('fits a terminal', () => {
    const terminal = { ...PIPE, interactive: true, columns: 90 }
    const widthOf = (text: string): number => [...text].reduce((sum, char) => sum + (char > '\u2e80' ? 2 : 1), 0)
    const line = render({ ...request, summary: '漢字'.repeat(50) }, { terminal, widthOf })
    expect(widthOf(line)).toBeLessThanOrEqual(90)
    expect(line).toMatch(/漢.*…$/)
    expect(render(request, { terminal: { ...terminal, columns: 20 }, widthOf })).not.toContain('path')
  })

  it('lets nothing of a server move the cursor', () => {
    const shown = [render({ ...answer, summary: 'a\u001B[2Jb', method: 'x\u0007', id: '\u009B1' }), render({ ...answer, text: '"\u009B2J"', cut: true }, { body: true })].join('')
    for (const control of ['\u0007', '\u001B', '\u009B']) expect(shown).not.toContain(control)
  })

  it('is followed by readable JSON where that is wanted, or by what there is of it', () => {
    expect(render({ ...request, text: '{"a":[1]}', cut: false }, { body: true })).toBe('12:03:04.056  files   → #7   tools/call read_file        120 B\n    {\n      "a": [\n        1\n      ]\n    }')
    expect(render({ ...request, text: '{"a":[1', cut: true }, { body: true })).toMatch(/\n {4}\{"a":\[1\n {4}… \(cut\)$/)
    expect(render({ ...request, text: '{"a":***}', cut: false }, { body: true })).toMatch(/\n {4}\{"a":\*\*\*\}$/)
  })

  it('tells of restarts, of what was left out and of the end', () => {
    expect(render({ type: 'phase', time: NOON, server: 'files', generation: 2, phase: 'ready', reason: 'proven ready' })).toBe('12:03:04.056  files   --- ready  #2  proven ready')
    expect(render({ type: 'lost', time: NOON, count: 1 })).toContain('1 message was left out')
    expect(render({ type: 'lost', time: NOON, count: 9 })).toContain('9 messages were left out')
    expect(render({ type: 'closing', time: NOON })).toContain('the daemon ends')
  })
})

describe('a filter', () => {
  const passes = (flags: Parameters<typeof createTraceFilter>[0]): string => {
    const filter = createTraceFilter(flags)
    const all = { request, answer, failed: { ...answer, failed: true }, slow: { ...answer, durationMs: 900 }, ping: { ...request, method: 'ping', target: null }, prompt: { ...request, method: 'prompts/get' } }
    return Object.entries(all).filter(([, message]) => filter(message)).map(([name]) => name).join(' ')
  }
  const NO = {} as Parameters<typeof createTraceFilter>[0]

  it('lets everything through that was not asked to be left out', () => {
    expect(passes(NO)).toBe('request answer failed slow ping prompt')
  })

  it.each([
    [{ method: 'ping' }, 'ping'],
    [{ method: 'ping, prompts/*' }, 'ping prompt'],
    [{ method: 'tools' }, ''],
    [{ tool: 'read_*' }, 'request answer failed slow'],
    [{ tool: 'read' }, ''],
    [{ errors: true }, 'failed'],
    [{ slow: '250' }, 'slow'],
    [{ slow: '1s' }, ''],
    [{ slow: '17.4' }, 'answer failed slow'],
    [{ grep: 'first|ping' }, 'answer failed slow ping'],
    [{ grep: '^tools/call read_file \\{' }, 'request'],
    [{ errors: true, slow: '250' }, ''],
  ])('%j leaves %s', (flags, wanted) => {
    expect(passes({ ...NO, ...flags })).toBe(wanted)
  })

  it('searches the text that came for it', () => {
    const filter = createTraceFilter({ ...NO, grep: 'needle' })
    expect(filter({ ...request, text: '{"hay":"needle"}' })).toBe(true)
    expect(filter({ ...request, text: '{"hay":1}' })).toBe(false)
  })

  it.each([
    [() => createTraceFilter({ ...NO, grep: '(' }), '--grep "(" is not a regular expression'],
    [() => createTraceFilter({ ...NO, slow: 'long' }), '--slow "long" is not a time'],
    [() => readTraceDuration('soon'), '--duration "soon" is not a duration'],
    [() => readTraceDuration('0'), '--duration "0" is not a duration'],
    [() => readLast('-1'), '--last "-1" is not a number of messages'],
    [() => readLast('1e9'), '--last "1e9" is not a number of messages'],
  ])('names the flag that makes no sense', (read, message) => {
    expect(read).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }))
  })

  it('reads times as people write them', () => {
    expect([readTraceDuration('30'), readTraceDuration('2m'), readTraceDuration(undefined), readLast('0'), readLast(undefined)]).toEqual([30_000, 120_000, null, 0, undefined])
  })
})
