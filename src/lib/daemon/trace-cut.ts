import { eachMember } from '../base/index.js'
import { isBlock, NOTHING, SAID_CHARS, saying, targetOf, type DecodedMessage } from './trace-message.js'
import { errorInShort, paramsInShort, resultInShort } from './trace-short.js'

/** Where what is known of an unfinished object ends: its whole members, and the name of the one that is cut. */
interface Members {
  readonly whole: ReadonlyMap<string, unknown>
  readonly cut: { readonly key: string; readonly at: number } | null
}

const ID_AT_END = /,\s*"id"\s*:\s*(\d{1,15}|"(?:[^"\\]|\\.){1,200}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/
const METHOD_AT_END = /,\s*"method"\s*:\s*"([^"\\]{1,200})"\s*(?:,\s*"(?:id|jsonrpc)"\s*:\s*[^,}]{1,200})*\}\s*$/
const IS_ERROR = /"isError"\s*:\s*true/

/** A message that is too long to be looked at whole, by its beginning and its end: that is where servers and clients write what matters. */
export function decodeBeginning(head: Buffer, tail: Buffer): DecodedMessage {
  const { whole, cut } = readMembers(head, 0)
  const end = tail.toString('latin1')
  const seen: Seen = { whole, cut, inner: cut === null ? new Map() : readMembers(head, cut.at).whole }
  const id = readId(whole.get('id')) ?? readId(parse(ID_AT_END.exec(end)?.[1]))
  const say = (key: string, inShort: (value: unknown) => string): Pick<DecodedMessage, 'said' | 'isCut'> =>
    cut?.key === key ? { ...saying(head.toString('utf8', cut.at, cut.at + 4 * SAID_CHARS)), isCut: true } : saying(whole.has(key) ? inShort(whole.get(key)) : '')
  if (has(seen, 'error')) return { ...NOTHING, id, kind: 'error', failed: true, code: codeOf(seen), ...say('error', (error) => (isBlock(error) ? errorInShort(error) : '')) }
  if (has(seen, 'result')) return { ...NOTHING, id, kind: 'result', failed: IS_ERROR.test(end) || seen.inner.get('isError') === true || isFailed(whole.get('result')), ...say('result', resultInShort) }
  const method = readText(whole.get('method')) ?? METHOD_AT_END.exec(end)?.[1] ?? null
  if (method === null) return { ...NOTHING, id, ...saying(head.toString('utf8', 0, 4 * SAID_CHARS)), isCut: true }
  const params = cut?.key === 'params' ? Object.fromEntries(seen.inner) : whole.get('params')
  return { ...NOTHING, id, kind: id === null ? 'notification' : 'request', method, target: targetOf(method, params), ...say('params', (value) => paramsInShort(method, value)) }
}

interface Seen extends Members {
  /** Whole members of the value that is cut. */
  readonly inner: ReadonlyMap<string, unknown>
}

function has({ whole, cut }: Seen, key: string): boolean {
  return cut?.key === key || whole.has(key)
}

function codeOf({ whole, inner }: Seen): number | null {
  const error = whole.get('error')
  const code = isBlock(error) ? error['code'] : inner.get('code')
  return typeof code === 'number' ? code : null
}

function isFailed(result: unknown): boolean {
  return isBlock(result) && result['isError'] === true
}

function readMembers(head: Buffer, at: number): Members {
  const whole = new Map<string, unknown>()
  let after = at
  eachMember(head, at, (keyStart, keyEnd, start, end) => {
    whole.set(head.toString('utf8', keyStart, keyEnd), parse(head.toString('utf8', start, end)))
    after = end
    return false
  })
  const next = /^[\s{,]*"(\w{1,40})"\s*:\s*/.exec(head.toString('latin1', after, after + 100))
  return { whole, cut: next === null ? null : { key: next[1] ?? '', at: after + next[0].length } }
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function readId(value: unknown): number | string | null {
  return typeof value === 'number' || typeof value === 'string' ? value : null
}

function readText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
