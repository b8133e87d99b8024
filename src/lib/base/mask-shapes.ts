/** A part of a text that must not be shown: from `start` up to `end`. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** What the beginning of a token of a known kind looks like. Nothing here repeats without a bound, so the search is linear. */
const TOKEN_START = /(?<![A-Za-z0-9])(?:[spr]k[-_]|gh[pousr]_|github_pat_|glpat-|npm_(?=[A-Za-z0-9]{30})|hf_(?=[A-Za-z0-9]{20})|xox[a-z]-|(?:AKIA|ASIA)(?=[A-Z0-9])|AIza|ya29\.|eyJ)/g
const TOKEN_LEAST_CHARS = 16
const SCHEME = /\b(?:Bearer|Basic)[ \t]{1,4}/gi
const SCHEME_LEAST_CHARS = 6
/** A name that holds a secret, with what stands between it and its value. Progress tokens and counts of tokens are no secrets. */
const MEMBER =
  /(?:passw(?:or)?d|(?<![A-Za-z])pass(?=\\{0,7}["'=])|passphrase|pwd|(?<!progress[-_]?)token(?!s)|secret|api[-_]?key|access[-_]?key|private[-_]?key|account[-_]?key|authorization|cookie|credentials?)[\w-]{0,24}(\\{0,7})(["']?)\s{0,4}([:=])\s{0,4}(\\{0,7})(["']?)/gi
/** After a colon without quotes stands as often a sentence ("invalid token: end of input"). */
const LOOSE_LEAST_CHARS = 8
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----/g

/**
 * What looks like a secret whoever it belongs to: tokens of well-known kinds, credentials in headers and URLs, values
 * of members called password, token and the like (in JSON, also in JSON inside a JSON string, and in `name=value`),
 * private keys. `isCut`: the text is only the beginning of one, so what would be too short for a secret may be one.
 * Linear in the length of the text: each search moves on behind what the one before it looked at.
 */
export function findShapes(text: string, isCut: boolean): Stretch[] {
  return [...findTokens(text, isCut), ...findCredentials(text, isCut), ...findUserinfo(text, isCut), ...findMembers(text, isCut), ...findPrivateKeys(text)]
}

function findTokens(text: string, isCut: boolean): Stretch[] {
  const found: Stretch[] = []
  eachMatch(TOKEN_START, text, (match) => {
    const end = runEnd(text, match.index, isTokenChar)
    // A web token is known by its dots: "eyJ" is how any base64 of JSON begins.
    const isToken = end - match.index >= TOKEN_LEAST_CHARS && (match[0] !== 'eyJ' || text.slice(match.index, end).includes('.'))
    if (isToken || (isCut && end === text.length)) found.push({ start: match.index, end })
    return end
  })
  return found
}

function findCredentials(text: string, isCut: boolean): Stretch[] {
  const found: Stretch[] = []
  eachMatch(SCHEME, text, (match) => {
    const start = match.index + match[0].length
    const end = runEnd(text, start, isCredentialChar)
    if (end - start >= SCHEME_LEAST_CHARS || (isCut && end === text.length)) found.push({ start, end })
    return end
  })
  return found
}

/** `//user:password@host`. Of a name without a password only a long one is hidden: that is where tokens stand. */
function findUserinfo(text: string, isCut: boolean): Stretch[] {
  const found: Stretch[] = []
  for (let at = text.indexOf('//'); at >= 0; at = text.indexOf('//', at + 2)) {
    const start = at + 2
    const end = runEnd(text, start, isAuthorityChar)
    const authority = text.slice(start, end)
    const atSign = authority.lastIndexOf('@')
    const colon = authority.indexOf(':')
    if (atSign >= 0 && colon >= 0 && colon < atSign) found.push({ start: start + colon + 1, end: start + atSign })
    else if (atSign >= 20) found.push({ start, end: start + atSign })
    // Cut off before the @ that would tell: a port is all digits.
    else if (isCut && end === text.length && colon >= 0 && !/^\d{0,5}$/.test(authority.slice(colon + 1))) found.push({ start: start + colon + 1, end })
  }
  return found
}

function findMembers(text: string, isCut: boolean): Stretch[] {
  const found: Stretch[] = []
  eachMatch(MEMBER, text, (match) => {
    const [whole, , keyQuote = '', separator, slashes = '', quote = ''] = match
    const start = match.index + whole.length
    if (quote !== '') {
      const end = quotedEnd(text, start, quote, slashes.length)
      if (end > start) found.push({ start, end })
      return end
    }
    const end = runEnd(text, start, isLooseChar)
    const value = text.slice(start, end)
    const mayBeCut = isCut && end === text.length
    // Behind a quoted name and without quotes stands a number, a list, null.
    const counts = keyQuote === '' && (separator === '=' ? end > start : mayBeCut || (value.length >= LOOSE_LEAST_CHARS && /\d/.test(value)))
    if (counts) found.push({ start, end })
    return end
  })
  return found
}

function findPrivateKeys(text: string): Stretch[] {
  const found: Stretch[] = []
  eachMatch(PRIVATE_KEY, text, (match) => {
    const start = match.index + match[0].length
    const foot = text.indexOf('-----END', start)
    const end = foot < 0 ? text.length : foot
    found.push({ start, end })
    return end
  })
  return found
}

/** Calls `visit` for each match; it says where the search goes on, never before the end of the match. */
function eachMatch(pattern: RegExp, text: string, visit: (match: RegExpExecArray) => number): void {
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    pattern.lastIndex = Math.max(pattern.lastIndex, visit(match))
  }
}

/**
 * The end of a string that was opened with this quote behind so many backslashes: JSON inside a string of JSON has its
 * quotes behind one, three, seven. What ends the string stands at the same depth; a quote of its text stands deeper.
 */
function quotedEnd(text: string, start: number, quote: string, depth: number): number {
  for (let at = text.indexOf(quote, start); at >= 0; at = text.indexOf(quote, at + 1)) {
    let first = at
    while (first > start && text[first - 1] === '\\') first--
    const slashes = at - first
    if (slashes >= depth && (slashes - depth) % (2 * (depth + 1)) === 0) return at - depth
    // Not as deep as it began: the text around it ends here.
    if (slashes < depth) return first
  }
  return text.length
}

function runEnd(text: string, start: number, belongs: (code: number) => boolean): number {
  let end = start
  while (end < text.length && belongs(text.charCodeAt(end))) end++
  return end
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}

/** Letters, digits, `-`, `.`, `_`. */
function isTokenChar(code: number): boolean {
  return isAlphanumeric(code) || code === 0x2d || code === 0x2e || code === 0x5f
}

/** The same and `+`, `/`, `=`, `~` (RFC 6750, token68). */
function isCredentialChar(code: number): boolean {
  return isTokenChar(code) || code === 0x2b || code === 0x2f || code === 0x3d || code === 0x7e
}

/** Up to a blank, a quote, a slash, a backslash, `?`, `#`, `<` or `>`. */
function isAuthorityChar(code: number): boolean {
  return code > 0x20 && code !== 0x22 && code !== 0x27 && code !== 0x2f && code !== 0x5c && code !== 0x3f && code !== 0x23 && code !== 0x3c && code !== 0x3e
}

/** Up to a blank, a quote, `&`, a comma, `;`, a backslash or a closing bracket. */
function isLooseChar(code: number): boolean {
  return code > 0x20 && code !== 0x22 && code !== 0x27 && code !== 0x26 && code !== 0x2c && code !== 0x3b && code !== 0x5c && code !== 0x29 && code !== 0x5d && code !== 0x7d
}
