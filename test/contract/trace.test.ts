import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readTraceParams, type TraceParams } from '../../src/lib/control/index.js'
import type { TraceEvent } from '../../src/lib/core/index.js'

/*
 * What `trace` asks for and gets over the control socket, and prints under --json. Append only.
 */
const GOLDEN: TraceEvent[] = [
  {
    type: 'message', time: 1, server: 'files', generation: 2, direction: 'in', kind: 'result', id: 7, method: 'tools/call', target: 'read_file', durationMs: 17.4,
    bytes: 120, failed: false, code: null, summary: 's', remembered: false, probe: false, text: '{}', cut: true,
  },
  { type: 'phase', time: 1, server: 'files', generation: 2, phase: 'ready', reason: 'proven ready' },
  { type: 'lost', time: 1, count: 4 },
  { type: 'closing', time: 1 },
]
const KINDS = ['request', 'notification', 'result', 'error', 'given-up', 'unreadable']

it('reads what is asked for, and names what it refuses', () => {
  const params: TraceParams = { names: ['a'], last: 3, follow: true, textBytes: 1024, probes: false }
  expect(readTraceParams(params)).toEqual(params)
  expect(readTraceParams({ ...params, names: null })).toEqual({ ...params, names: null })
  for (const [change, message] of [
    [{ last: -1 }, /last must be a whole number from 0 to 1000/],
    [{ last: 1.5 }, /last must be/],
    [{ textBytes: 2 ** 21 }, /textBytes must be a whole number from 0 to 1048576/],
    [{ follow: 1 }, /follow must be true or false/],
    [{ probes: undefined }, /probes must be/],
    [{ names: 'a' }, /names must be a list/],
  ] as const) expect(() => readTraceParams({ ...params, ...change })).toThrow(message)
})

it('has every field of its events on the reference page', () => {
  const page = readFileSync(new URL('../../docs/reference/json.md', import.meta.url), 'utf8')
  const section = /^## `?trace`?\n([^]*?)(?=^## )/m.exec(page)?.[1] ?? ''
  const fields = new Set(GOLDEN.flatMap((event) => Object.keys(event)))
  expect([...fields, 'body', 'schemaVersion'].filter((field) => !section.includes(`\`${field}\``))).toEqual(['schemaVersion'])
  expect(KINDS.filter((kind) => !section.includes(`\`${kind}\``))).toEqual([])
})
