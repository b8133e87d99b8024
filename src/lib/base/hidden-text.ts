/**
 * What a reader does not see and a model reads all the same. `bidi`: changes the order in which text is shown (Boucher and
 * Anderson, "Trojan Source", 2021); `tag`: a copy of ASCII that nothing shows; `variation`: selectors that select nothing.
 */
export type HiddenKind = 'zero-width' | 'bidi' | 'tag' | 'control' | 'variation'

export interface HiddenCharacter {
  /** In UTF-16 code units. */
  readonly index: number
  readonly codePoint: number
  readonly kind: HiddenKind
}

type Ranges = readonly (readonly [from: number, to: number])[]

const KINDS: readonly (readonly [HiddenKind, Ranges])[] = [
  ['control', [[0x00, 0x08], [0x0b, 0x0c], [0x0e, 0x1f], [0x7f, 0x9f], [0x2028, 0x2029], [0x206a, 0x206f], [0xfff9, 0xfffb]]],
  ['bidi', [[0x061c, 0x061c], [0x200e, 0x200f], [0x202a, 0x202e], [0x2066, 0x2069]]],
  ['zero-width', [[0x00ad, 0x00ad], [0x034f, 0x034f], [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180e, 0x180e], [0x200b, 0x200d], [0x2060, 0x2065], [0x3164, 0x3164], [0xfeff, 0xfeff], [0xffa0, 0xffa0]]],
  ['variation', [[0x180b, 0x180d], [0xfe00, 0xfe0f], [0xe0100, 0xe01ef]]],
  ['tag', [[0xe0000, 0xe007f]]],
]

/** Any of the above: most texts hold none, and are done with here. */
const SUSPECT = new RegExp(`[${KINDS.flatMap(([, ranges]) => ranges.map(([from, to]) => `\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`)).join('')}]`, 'u')
const BLACK_FLAG = 0x1f3f4
const CANCEL_TAG = 0xe007f
/** Scripts in which a joiner or non-joiner decides how letters look. */
const JOINING = /^[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{M}]$/u
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/u
const PICTURE = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\u{fe0f}\u{1f1e6}-\u{1f1ff}]$/u
const KEYCAP_BASE = /^[0-9#*]$/
const KEYCAP = '\u20e3'

/** The characters of a text that nobody sees; those that emoji and scripts need are none of them. In order. */
export function findHidden(text: string): HiddenCharacter[] {
  if (!SUSPECT.test(text)) return []
  const found: HiddenCharacter[] = []
  const characters = [...text]
  let index = 0
  for (const [at, character] of characters.entries()) {
    const codePoint = character.codePointAt(0) ?? 0
    const kind = kindOf(codePoint)
    if (kind !== null && !isNeeded(kind, codePoint, { characters, at })) found.push({ index, codePoint, kind })
    index += character.length
  }
  return found
}

/** The text with every hidden character spelled out, such as `\u{200b}`: what can be shown to people. */
export function spellHidden(text: string): string {
  const found = findHidden(text)
  let rest = 0
  const parts = found.map(({ index, codePoint }) => {
    const before = text.slice(rest, index)
    rest = index + String.fromCodePoint(codePoint).length
    return `${before}\\u{${codePoint.toString(16)}}`
  })
  return found.length === 0 ? text : parts.join('') + text.slice(rest)
}

function kindOf(codePoint: number): HiddenKind | null {
  return KINDS.find(([, ranges]) => ranges.some(([from, to]) => codePoint >= from && codePoint <= to))?.[0] ?? null
}

interface Place {
  readonly characters: readonly string[]
  readonly at: number
}

/** Whether text that means no harm has it in such a place. */
function isNeeded(kind: HiddenKind, codePoint: number, { characters, at }: Place): boolean {
  const [before = '', after = ''] = [characters[at - 1], characters[at + 1]]
  switch (kind) {
    case 'control': return false
    // Marks of direction are used by those who write from right to left; embeddings, overrides and isolates have no use in one line.
    case 'bidi': return (codePoint === 0x200e || codePoint === 0x200f || codePoint === 0x061c) && RIGHT_TO_LEFT.test(characters.join(''))
    case 'zero-width': return isJoin(codePoint, before, after)
    case 'variation': return isVariation(codePoint, before, after)
    case 'tag': return isFlag({ characters, at })
  }
}

function isJoin(codePoint: number, before: string, after: string): boolean {
  if (codePoint === 0x200d && PICTURE.test(before) && /^\p{Extended_Pictographic}$/u.test(after)) return true
  return (codePoint === 0x200c || codePoint === 0x200d) && JOINING.test(before)
}

function isVariation(codePoint: number, before: string, after: string): boolean {
  if (codePoint === 0xfe0f || codePoint === 0xfe0e) return (/^\p{Extended_Pictographic}$/u.test(before)) || (KEYCAP_BASE.test(before) && after === KEYCAP)
  if (codePoint >= 0xe0100) return /^\p{Ideographic}$/u.test(before)
  return codePoint <= 0x180d ? /^\p{Script=Mongolian}$/u.test(before) : codePoint <= 0xfe02 && /^[\p{Ideographic}\p{Sm}]$/u.test(before)
}

/** The flags of England, Scotland and others: a black flag, up to six tag letters or digits, and the tag that ends it (UTS 51). */
function isFlag({ characters, at }: Place): boolean {
  const codeAt = (position: number): number => characters[position]?.codePointAt(0) ?? 0
  let start = at
  while (isTagLetter(codeAt(start - 1))) start--
  if (codeAt(start - 1) !== BLACK_FLAG) return false
  let end = start
  while (isTagLetter(codeAt(end))) end++
  return end > start && end - start <= 6 && codeAt(end) === CANCEL_TAG
}

function isTagLetter(codePoint: number): boolean {
  return (codePoint >= 0xe0061 && codePoint <= 0xe007a) || (codePoint >= 0xe0030 && codePoint <= 0xe0039)
}
