/**
 * Matching URIs against URI templates (RFC 6570, levels 1 to 3), well enough to know whose they are. Templates come
 * from servers and URIs from clients, so there is no regular expression that could run for ever: the time is bounded
 * by the length of the one times the length of the other, and both lengths are bounded.
 */
export interface UriMatcher {
  matches(uri: string): boolean
  /** Characters that stand as they are: the more, the more the template says. */
  readonly literalLength: number
}

/** A piece of a template: text as it is, or a variable. An optional one comes with its first character or not at all. */
type Piece =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'value'; readonly excluded: string; readonly lead: string | null }

const MAX_TEMPLATE_LENGTH = 2048
const MAX_PIECES = 64
const MAX_URI_LENGTH = 8 * 1024
/** By operator: the character each value starts with, what no value holds, and whether all values come as one run. */
const OPERATORS: Readonly<Record<string, { lead: string | null; excluded: string; joined: boolean }>> = {
  '': { lead: null, excluded: '/', joined: true },
  '+': { lead: null, excluded: '', joined: true },
  '#': { lead: '#', excluded: '', joined: true },
  '.': { lead: '.', excluded: '/', joined: true },
  '/': { lead: '/', excluded: '/', joined: false },
  ';': { lead: ';', excluded: '/?#', joined: true },
  '?': { lead: '?', excluded: '#', joined: true },
  '&': { lead: '&', excluded: '#', joined: true },
}

/** Null when the text is no template that could be matched. */
export function compileUriTemplate(template: string): UriMatcher | null {
  if (template.length > MAX_TEMPLATE_LENGTH) return null
  const pieces = parseTemplate(template)
  if (pieces === null || pieces.length > MAX_PIECES) return null
  const first = pieces[0]
  const start = first?.type === 'text' ? first.text : ''
  return {
    matches: (uri) => uri.length <= MAX_URI_LENGTH && uri.startsWith(start) && matchPieces(pieces, uri),
    literalLength: pieces.reduce((sum, piece) => sum + (piece.type === 'text' ? piece.text.length : 0), 0),
  }
}

function parseTemplate(template: string): Piece[] | null {
  const pieces: Piece[] = []
  let at = 0
  while (at < template.length) {
    const open = template.indexOf('{', at)
    const text = template.slice(at, open === -1 ? template.length : open)
    if (text.includes('}')) return null
    if (text !== '') pieces.push({ type: 'text', text })
    if (open === -1) break
    const close = template.indexOf('}', open)
    const values = close === -1 ? null : parseExpression(template.slice(open + 1, close))
    if (values === null) return null
    pieces.push(...values)
    at = close + 1
  }
  return pieces
}

function parseExpression(expression: string): Piece[] | null {
  const [, operator = '', list = ''] = /^([+#./;?&]?)(.*)$/s.exec(expression) ?? []
  const names = list.split(',')
  const rule = OPERATORS[operator]
  if (rule === undefined || !names.every((name) => /^[^{}*:=!@|]+(?:\*|:\d{1,4})?$/.test(name))) return null
  const { lead, joined } = rule
  if (joined) return [{ type: 'value', lead, excluded: rule.excluded }]
  return names.map((name) => ({ type: 'value', lead, excluded: name.endsWith('*') ? '' : rule.excluded }))
}

/** Follows all ways through the pieces at once: for each piece, every place in the URI where it can end. */
function matchPieces(pieces: readonly Piece[], uri: string): boolean {
  let reached = new Uint8Array(uri.length + 1)
  reached[0] = 1
  for (const piece of pieces) {
    const next = piece.type === 'text' ? afterText(reached, piece.text, uri) : afterValue(reached, piece, uri)
    if (!next.includes(1)) return false
    reached = next
  }
  return reached[uri.length] === 1
}

function afterText(reached: Uint8Array, text: string, uri: string): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(reached.length)
  for (let at = reached.indexOf(1); at !== -1; at = reached.indexOf(1, at + 1)) if (uri.startsWith(text, at)) next[at + text.length] = 1
  return next
}

function afterValue(reached: Uint8Array, { excluded, lead }: Piece & { type: 'value' }, uri: string): Uint8Array<ArrayBuffer> {
  const next = Uint8Array.from(reached)
  let isInside = false
  for (let at = reached.indexOf(1); at !== -1 && at < uri.length; at++) {
    const char = uri[at] ?? ''
    const starts = reached[at] === 1 && (lead === null || char === lead)
    // The first character of an optional value may be one that the rest may not hold.
    isInside = (starts && (lead !== null || !excluded.includes(char))) || (isInside && !excluded.includes(char))
    if (isInside) next[at + 1] = 1
  }
  return next
}
