import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eachMember, findMember, skipBlank, skipBlankBack, skipString, skipValue } from '../../../src/lib/base/index.js'

describe('members', () => {
  test('have the spans of their values, whatever the values are', () => {
    fc.assert(fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue()), fc.constantFrom(0, 2), (object, indent) => {
      const bytes = Buffer.from(JSON.stringify(object, null, indent))
      const seen: Record<string, unknown> = {}
      expect(eachMember(bytes, 0, (keyStart, keyEnd, start, end) => {
        seen[bytes.toString('utf8', keyStart, keyEnd)] = JSON.parse(bytes.toString('utf8', start, end))
        return false
      })).toBe(true)
      expect(seen).toEqual(JSON.parse(bytes.toString('utf8')))
    }))
  })

  test('written twice or with escapes are not found, so that nobody edits the wrong one', () => {
    expect(findMember(Buffer.from('{"name":"a","name":"b"}'), 0, 'name')).toBeNull()
    expect(findMember(Buffer.from('{"n\\u0061me":"a"}'), 0, 'name')).toBeNull()
    expect(findMember(Buffer.from('{"x":{"name":"a"},"name":"b"}'), 0, 'name')).toEqual({ start: 25, end: 28 })
  })
})

describe('a value', () => {
  const written = fc.tuple(fc.jsonValue(), fc.constantFrom(0, 1, 2)).map(([value, indent]) => JSON.stringify(value, null, indent))

  test('ends where it was written to end, whatever stands around it', () => {
    fc.assert(fc.property(written, fc.constantFrom(',', '}', ']', ' ', '\n'), fc.string(), (text, next, rest) => {
      const bytes = Buffer.from(`[${text}${next}${rest}`)
      const end = 1 + Buffer.byteLength(text)
      expect(skipValue(bytes, 1)).toBe(end)
      expect(skipValue(bytes, 1, end + 1)).toBe(end)
    }))
  })

  test('that goes on behind the end of its line has none there, though more lines follow', () => {
    fc.assert(fc.property(written.filter((text) => /^["[{]/.test(text)), fc.nat(), (text, cut) => {
      const line = Buffer.from(text).subarray(0, Math.max(1, cut % Buffer.byteLength(text)))
      const bytes = Buffer.concat([line, Buffer.from('\n"}]]}}","x":1}\n')])
      expect(skipValue(bytes, 0, line.length)).toBe(-1)
    }))
  })

  test.each([
    ['short', 'x'], ['longer than is walked', 'x'.repeat(300)], ['with escaped quotes close together', '\\"'.repeat(200)],
    ['with an escaped quote far in', `${'x'.repeat(100)}\\"${'y'.repeat(400)}`], ['that ends with backslashes', `${'x'.repeat(100)}\\\\`],
  ])('that is text, %s, ends behind its own quote', (_what, inside) => {
    const bytes = Buffer.from(`"${inside}","other"`)
    expect(skipString(bytes, 0)).toBe(inside.length + 2)
    expect(skipString(bytes, 0, inside.length + 2)).toBe(inside.length + 2)
    expect(skipString(bytes, 0, inside.length + 1)).toBe(-1)
  })
})

test('blanks are skipped in both directions, and no further than asked', () => {
  const bytes = Buffer.from(' \t\n a \r ')
  expect([skipBlank(bytes, 0), skipBlank(bytes, 5), skipBlank(bytes, 0, 2)]).toEqual([4, bytes.length, 2])
  expect([skipBlankBack(bytes, 7), skipBlankBack(bytes, 3), skipBlankBack(bytes, 3, 2)]).toEqual([4, -1, 1])
})
