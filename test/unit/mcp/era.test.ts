import { expect, test } from 'vitest'
import { judgeProbe, mutualModern, offeredModern, type ProbeAnswer } from '../../../src/lib/mcp/era.js'

const V = '2026-07-28'
const NEXT = '2027-03-01'
const error = (code: number, data?: unknown): { code: number; message: string; data?: unknown } => ({ code, message: 'm', ...(data === undefined ? {} : { data }) })
const rows: [what: string, answer: ProbeAnswer, verdict: string, version?: string][] = [
  ['a DiscoverResult with our version', { type: 'result', result: { supportedVersions: [V], capabilities: {} } }, 'modern', V],
  ['a DiscoverResult with our version among others', { type: 'result', result: { supportedVersions: ['2099-01-01', V] } }, 'modern', V],
  ['a DiscoverResult of an unknown future', { type: 'result', result: { supportedVersions: ['2099-01-01'] } }, 'initialize'],
  ['a DiscoverResult without versions', { type: 'result', result: {} }, 'initialize'],
  ['a result that is no object', { type: 'result', result: 'ok' }, 'initialize'],
  ['-32601, as most legacy servers say', { type: 'error', error: error(-32601) }, 'initialize'],
  ['-32602, as the Python SDK says', { type: 'error', error: error(-32602) }, 'initialize'],
  ['code 0, as the Go SDK says', { type: 'error', error: error(0) }, 'initialize'],
  ['-32022 naming another version we speak', { type: 'error', error: error(-32022, { supported: [NEXT] }) }, 'ask-again', NEXT],
  ['-32022 naming the version it just refused', { type: 'error', error: error(-32022, { supported: [V] }) }, 'ask-again', V],
  ['-32022 naming legacy versions', { type: 'error', error: error(-32022, { supported: ['2025-11-25'] }) }, 'initialize'],
  ['-32022 without data', { type: 'error', error: error(-32022) }, 'initialize'],
  ['silence', { type: 'silence' }, 'initialize-too'],
  ['an exit', { type: 'exit' }, 'respawn-legacy'],
  ['HTTP 400 with -32000', { type: 'http', status: 400, error: error(-32000) }, 'initialize'],
  ['HTTP 400 without a body', { type: 'http', status: 400, error: null }, 'initialize'],
  ['HTTP 404 without a body', { type: 'http', status: 404, error: null }, 'initialize'],
  ['HTTP 405', { type: 'http', status: 405, error: null }, 'initialize'],
  ['HTTP 400 with -32020', { type: 'http', status: 400, error: error(-32020) }, 'modern-undescribed', V],
  ['HTTP 400 with -32021', { type: 'http', status: 400, error: error(-32021) }, 'modern-undescribed', V],
  ['HTTP 400 with -32022 naming another version', { type: 'http', status: 400, error: error(-32022, { supported: [NEXT] }) }, 'ask-again', NEXT],
  ['HTTP 404 with -32601', { type: 'http', status: 404, error: error(-32601) }, 'modern-undescribed', V],
  ['HTTP 400 with -32601', { type: 'http', status: 400, error: error(-32601) }, 'initialize'],
  ['HTTP 500 with a JSON-RPC body', { type: 'http', status: 500, error: error(-32603) }, 'initialize'],
  ['HTTP 500 without one', { type: 'http', status: 500, error: null }, 'no-evidence'],
  ['HTTP 503', { type: 'http', status: 503, error: null }, 'no-evidence'],
  ['HTTP 429', { type: 'http', status: 429, error: null }, 'no-evidence'],
  ['HTTP 307', { type: 'http', status: 307, error: null }, 'no-evidence'],
  ['HTTP 401', { type: 'http', status: 401, error: null }, 'no-evidence'],
  ['HTTP 401 with a modern error', { type: 'http', status: 401, error: error(-32020) }, 'no-evidence'],
  ['HTTP 403 with a legacy error', { type: 'http', status: 403, error: error(-32000) }, 'no-evidence'],
]

test.each(rows)('%s is judged rightly', (_, answer, type, version) => {
  const verdict = judgeProbe(answer, [V], [NEXT, V])
  expect(verdict.type).toBe(type)
  if (version !== undefined) expect(verdict).toMatchObject({ version })
})

test('the newest version both sides speak is chosen, whatever the order of theirs', () => {
  expect(mutualModern([V, NEXT], [NEXT, V])).toBe(NEXT)
  expect(mutualModern(['2025-11-25'], [NEXT, V])).toBeNull()
  expect(mutualModern('2026-07-28')).toBeNull()
})

test('only -32022 offers a version', () => {
  expect(offeredModern(error(-32022, { supported: [V] }))).toBe(V)
  expect(offeredModern(error(-32602, { supported: [V] }))).toBeNull()
})
