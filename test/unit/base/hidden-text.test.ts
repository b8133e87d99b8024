import { describe, expect, it } from 'vitest'
import { canonicalJson, findHidden, spellHidden } from '../../../src/lib/base/index.js'

const kinds = (text: string): string[] => findHidden(text).map(({ kind }) => kind)

describe('characters nobody sees', () => {
  it.each([
    ['zero-width space', 'read\u200Ba file', ['zero-width']],
    ['word joiner and invisible plus', 'a\u2060b\u2064c', ['zero-width', 'zero-width']],
    ['byte order mark inside', 'a\uFEFFb', ['zero-width']],
    ['soft hyphen', 'de\u00ADlete', ['zero-width']],
    ['Hangul fillers', '\u3164\uFFA0', ['zero-width', 'zero-width']],
    ['right-to-left override', 'gpj.\u202Eexe', ['bidi']],
    ['isolates', '\u2066a\u2069', ['bidi', 'bidi']],
    ['marks of direction in English', 'a\u200Fb\u200E', ['bidi', 'bidi']],
    ['tag characters', 'Reads.\u{E0049}\u{E0067}\u{E006E}', ['tag', 'tag', 'tag']],
    ['tags behind a flag that is none', '\u{1F3F4}\u{E0064}\u{E006F}\u{E0020}\u{E0069}\u{E0074}', ['tag', 'tag', 'tag', 'tag', 'tag']],
    ['escape sequences', 'a\u001B[2Jb\u0007', ['control', 'control']],
    ['line separators', 'a\u2028b', ['control']],
    ['bytes in variation selectors behind an emoji', '\u{1F600}\uFE01\u{E0110}\u{E0111}', ['variation', 'variation', 'variation']],
    ['a selector behind a letter', 'a\uFE0F', ['variation']],
    ['a joiner between letters', 'a\u200Db', ['zero-width']],
  ])('%s', (_what, text, expected) => {
    expect(kinds(text)).toEqual(expected)
  })

  it.each([
    ['plain text with line breaks and tabs', 'a\r\n\tb é ß 漢字'],
    ['a family', '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'],
    ['a dark-skinned woman technologist', '\u{1F469}\u{1F3FE}\u200D\u{1F4BB}'],
    ['a heart in colour, a rainbow flag', '\u2764\uFE0F \u{1F3F3}\uFE0F\u200D\u{1F308}'],
    ['a keycap', '1\uFE0F\u20E3'],
    ['the flag of Scotland', '\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}'],
    ['Persian with a non-joiner', '\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645'],
    ['Hindi with a joiner', '\u0915\u094D\u200D\u0937'],
    ['Hebrew with a mark of direction', '\u05E9\u05DC\u05D5\u05DD\u200F!'],
    ['an ideograph with a selector', '\u845B\u{E0100}'],
  ])('are none in %s', (_what, text) => {
    expect(kinds(text)).toEqual([])
    expect(spellHidden(text)).toBe(text)
  })

  it('are spelled out where they stand, and only they', () => {
    expect(spellHidden('a\u200Bb\u{E0041}\u{1F600}c\u202E')).toBe('a\\u{200b}b\\u{e0041}\u{1F600}c\\u{202e}')
    expect(findHidden('\u{1F600}x\u200B')).toEqual([{ index: 3, codePoint: 0x200b, kind: 'zero-width' }])
  })
})

describe('canonical JSON', () => {
  it('is the same for the same content whatever the order of members, and not for another order of items', () => {
    expect(canonicalJson({ b: [1, { d: 1, c: 'ü' }], a: null, u: undefined })).toBe('{"a":null,"b":[1,{"c":"ü","d":1}]}')
    expect(canonicalJson({ a: null, b: [1, { c: 'ü', d: 1 }] })).toBe(canonicalJson({ b: [1, { d: 1, c: 'ü' }], a: null }))
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]))
    expect(canonicalJson(JSON.parse('{"__proto__":{"x":1},"a":1e3}'))).toBe('{"__proto__":{"x":1},"a":1000}')
  })

  // The example of RFC 8785, section 3.2.3: members by UTF-16 code units.
  it('sorts members as RFC 8785 does', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    expect(Object.keys(JSON.parse(canonicalJson(Object.fromEntries(names.map((name) => [name, 0])))) as object)).toEqual(['1', '\r', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'])
  })
})
