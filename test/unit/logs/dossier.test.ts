import { describe, expect, it, test } from 'vitest'
import { isUnexpected, parseDossier, type Dossier } from '../../../src/lib/logs/index.js'
import { fitDossier } from '../../../src/lib/logs/dossier-fit.js'
import { dossierOf } from './dossier-fixture.js'

describe('an end', () => {
  it.each(['exit', 'launch-failed', 'handshake-failed', 'unauthorised', 'login-needed', 'start-timeout', 'link-closed', 'unhealthy', 'oom', 'limit-poll', 'heap', 'pids', 'recycled'] as const)('by %s is unexpected', (cause) => {
    expect(isUnexpected({ cause, code: 1 }, 'up')).toBe(true)
  })

  it.each(['stop', 'restart', 'replaced', 'probe-exit'] as const)('by %s was asked for', (cause) => {
    expect(isUnexpected({ cause, code: 1 }, 'up')).toBe(false)
  })

  test('that is clean is unexpected only while the server is wanted', () => {
    expect(isUnexpected({ cause: 'exit', code: 0 }, 'up')).toBe(true)
    expect(isUnexpected({ cause: 'exit', code: 0 }, 'down')).toBe(false)
    expect(isUnexpected({ cause: 'exit', code: 1 }, 'down')).toBe(true)
  })
})

describe('the text of a dossier', () => {
  const full = dossierOf({
    limits: { memoryBytes: 1, memorySoftBytes: 2, cpuPercent: 3, pids: 4, required: true },
    usage: { memoryBytes: 5, processes: 6, cpuPercent: null },
  })

  it.each([['with everything', full], ['with nothing that may be missing', dossierOf({ readyAt: null, code: null, pid: null, lastHeardAt: null, lastErrors: [], lastFrames: [], inFlight: [] })]])('%s is read as it was written', (_what, dossier) => {
    expect(parseDossier(fitDossier(dossier, 64 * 1024))).toEqual(dossier)
  })

  test('of a later version of the same form loses only what is new', () => {
    expect(parseDossier(JSON.stringify({ ...full, later: { a: 1 }, verdict: { ...full.verdict, later: 1 } }))).toEqual(full)
  })

  it.each<[string, (value: Dossier) => unknown]>([
    ['the file is not an object', () => []],
    ['schemaVersion is not 1', (value) => ({ ...value, schemaVersion: 2 })],
    ['server is not text', (value) => ({ ...value, server: 7 })],
    ['cause is not one of exit', (value) => ({ ...value, cause: 'bad luck' })],
    ['code is not a number', (value) => ({ ...value, code: '1' })],
    ['endedAt is not a number', (value) => ({ ...value, endedAt: undefined })],
    ['limits.pids is not a number', (value) => ({ ...value, limits: { pids: 'many' } })],
    ['usage is not an object', (value) => ({ ...value, usage: 5 })],
    ['lastErrors[1] is not text', (value) => ({ ...value, lastErrors: ['a', null] })],
    ['lastFrames[0].direction is not one of in, out', (value) => ({ ...value, lastFrames: [{ at: 1, direction: 'up', bytes: 1, head: '' }] })],
    ['inFlight is not a list', (value) => ({ ...value, inFlight: {} })],
    ['verdict.policy is not one of always', (value) => ({ ...value, verdict: { ...value.verdict, policy: 'sometimes' } })],
    ['verdict.restartedAt[0] is not a number', (value) => ({ ...value, verdict: { ...value.verdict, restartedAt: ['x'] } })],
  ])('is refused where it is not as it must be: %s', (message, change) => {
    expect(() => parseDossier(JSON.stringify(change(full)))).toThrow(message)
  })

  it.each(['', '{', '{"schemaVersion":1', 'null', '"text"'])('that is no dossier at all is refused: %j', (text) => {
    expect(() => parseDossier(text)).toThrow(Error)
  })
})

describe('the size of a dossier', () => {
  const lines = (text: string, count = 40): string[] => Array.from({ length: count }, (_, index) => `${index} ${text}`)
  const frames = (head: string): Dossier['lastFrames'] => Array.from({ length: 16 }, (_, at) => ({ at, direction: 'in', bytes: 1_000_000, head }))

  test('is no reason to shorten what fits', () => {
    const dossier = dossierOf({ lastErrors: lines('a'.repeat(800)), lastFrames: frames('b'.repeat(512)) })
    expect(parseDossier(fitDossier(dossier, 64 * 1024))).toEqual(dossier)
  })

  it.each([['letters', 'a'], ['control characters', '\u0001'], ['three-byte characters', '中']])('stays within its bound, were it full of %s', (_what, character) => {
    const much = character.repeat(2048)
    const dossier = dossierOf({
      reason: much.repeat(20), lastErrors: lines(much), lastFrames: frames(character.repeat(512)), source: 'p'.repeat(4096),
      inFlight: Array.from({ length: 16 }, () => ({ method: much.repeat(50), ms: 1 })),
      verdict: { ...dossierOf().verdict, reason: much.repeat(20), restartedAt: Array.from({ length: 10_000 }, (_, at) => at) },
    })
    for (const most of [64 * 1024, 32 * 1024]) {
      const text = fitDossier(dossier, most)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(most)
      const kept = parseDossier(text)
      // The newest stay.
      expect(kept.lastErrors.at(-1)).toMatch(/^39 .+…$/u)
      expect(kept.lastFrames.at(-1)?.at).toBe(15)
      expect(kept.verdict.restartedAt.at(-1)).toBe(9999)
      expect(kept.generation).toBe(3)
    }
  })
})
