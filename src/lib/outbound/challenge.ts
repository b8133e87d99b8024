/** What a server says it wants of a bearer (`WWW-Authenticate: Bearer ...`; RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  readonly error: string | null
  readonly scopes: readonly string[]
  readonly resourceMetadata: string | null
}

const MAX_CHALLENGE_CHARS = 16 * 1024
/** A parameter: a name, `=`, and a quoted text or a word. Sticky, so that the search is linear. */
const PARAMETER = /\s*,?\s*([A-Za-z0-9_!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y

/** The first challenge for a bearer in the header; null: there is none. */
export function parseChallenge(header: string | null): Challenge | null {
  if (header === null || header.length > MAX_CHALLENGE_CHARS) return null
  const start = /(?:^|,)\s*Bearer(?=\s|,|$)/i.exec(header)
  if (start === null) return null
  const values = readParameters(header, start.index + start[0].length)
  return {
    error: values.get('error') ?? null,
    scopes: (values.get('scope') ?? '').split(/\s+/).filter((scope) => scope !== ''),
    resourceMetadata: values.get('resource_metadata') ?? null,
  }
}

/** Up to where something else begins: the name of another scheme is followed by a blank, not by `=`. */
function readParameters(header: string, from: number): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  PARAMETER.lastIndex = from
  for (let match = PARAMETER.exec(header); match !== null; match = PARAMETER.exec(header)) {
    const [, name = '', quoted, word = ''] = match
    const key = name.toLowerCase()
    if (!values.has(key)) values.set(key, quoted?.replace(/\\(.)/g, '$1') ?? word)
  }
  return values
}
