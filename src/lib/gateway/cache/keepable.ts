import { findMember, type Span } from '../../base/index.js'
import type { CacheSpec, Era } from '../../core/index.js'
import { hasErrorMember, isFailedResult, type AnswerText } from '../answer-text.js'

/** What is said of a result that may be kept. */
export interface Keepable {
  readonly ttlMs: number
  readonly scope: CacheSpec['scope']
  /** Where its own time stands; null: it states none. */
  readonly ttlPlace: Span | null
}

const OPEN_OBJECT = 0x7b
/** However long a server says. */
const MAX_TTL_MS = 24 * 60 * 60_000

/**
 * Whether an answer may be given to others, and for how long: complete results only, no errors, no failures of tools, no
 * questions. A server of the modern era says itself how long and for whom (2026-07-28, CacheableResult); what it does not
 * say is as configured. Null: it may not.
 */
export function readKeepable(answer: AnswerText, era: Era, spec: CacheSpec): Keepable | null {
  const { text } = answer
  const result = findMember(text, 0, 'result')
  if (result === null || text[result.start] !== OPEN_OBJECT || hasErrorMember(text) || isFailedResult(answer)) return null
  if (era === 'legacy') return { ttlMs: spec.ttlMs, scope: spec.scope, ttlPlace: null }
  if (text.includes('"resultType"') && member(text, result, 'resultType') !== '"complete"') return null
  const ttlPlace = findMember(text, result.start, 'ttlMs')
  const ttlMs = ttlPlace === null ? spec.ttlMs : Number(text.toString('latin1', ttlPlace.start, ttlPlace.end))
  if (!(ttlMs > 0)) return null
  const scope = member(text, result, 'cacheScope')
  return { ttlMs: Math.min(ttlMs, MAX_TTL_MS), scope: scope === '"public"' ? 'public' : scope === null ? spec.scope : 'caller', ttlPlace }
}

/** The answer after it was kept for a while: what it says of its own time is what is left of it. */
export function agedAnswer(answer: AnswerText, { start, end }: Span, leftMs: number): AnswerText {
  const { text, idStart, idEnd } = answer
  const left = Buffer.from(String(Math.max(0, Math.floor(leftMs))))
  const shift = idStart > start ? left.length - (end - start) : 0
  return { text: Buffer.concat([text.subarray(0, start), left, text.subarray(end)]), idStart: idStart + shift, idEnd: idEnd + shift }
}

function member(text: Buffer, result: Span, key: string): string | null {
  const place = findMember(text, result.start, key)
  return place === null ? null : text.toString('latin1', place.start, place.end)
}
