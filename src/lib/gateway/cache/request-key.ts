import { createHash } from 'node:crypto'
import { findMember } from '../../base/index.js'
import type { CacheSpec } from '../../core/index.js'
import type { RequestMessage } from '../contract.js'
import type { Destination } from '../route.js'
import { toMatcher } from '../tool-filter.js'
import { canonicalText } from './canonical.js'

/** Longer requests are not looked up: writing their key costs more than it saves. */
const MAX_REQUEST_BYTES = 64 * 1024
/** Longer keys are kept as their hash. */
const MAX_KEY_LENGTH = 512
/** The name is that of the server's own; `_meta` is about the request, not about what is asked. */
const NOT_ASKED: ReadonlySet<string> = new Set(['name', '_meta'])
/** Such a request goes on with an earlier one, or is to be answered in another way. */
const OF_ONE_CLIENT = ['requestState', 'inputResponses', 'task']

/**
 * Whether answers to this request are kept. Tools that are not named have to say that they only read: one that is
 * merely idempotent has effects, and a call that has effects must not be left out because somebody made it before.
 */
export function isWorthKeeping(spec: CacheSpec, { method, params, line }: RequestMessage, { target, isReadOnly }: Destination): boolean {
  if (target === null || line.length > MAX_REQUEST_BYTES || OF_ONE_CLIENT.some((key) => params?.[key] !== undefined)) return false
  switch (method) {
    case 'tools/call': return spec.tools === null ? isReadOnly : matchersOf(spec.tools).some((matches) => matches(target))
    case 'resources/read': return spec.resources
    case 'prompts/get': return spec.prompts
    default: return false
  }
}

/** The same for requests that ask for the same, whoever asks; null: it cannot be told. `server`: as clients know it. */
export function requestKey(server: string, { method, line }: RequestMessage, target: string): string | null {
  const params = findMember(line, 0, 'params')
  const text = params === null ? null : canonicalText(line, params, NOT_ASKED)
  if (text === null) return null
  const key = JSON.stringify([server, method, target, text])
  return key.length <= MAX_KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64')
}

function matchersOf(patterns: readonly string[]): readonly ((name: string) => boolean)[] {
  const known = matchers.get(patterns)
  if (known !== undefined) return known
  const made = patterns.map(toMatcher)
  matchers.set(patterns, made)
  return made
}

const matchers = new WeakMap<readonly string[], readonly ((name: string) => boolean)[]>()
