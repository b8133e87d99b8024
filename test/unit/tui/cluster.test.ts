import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitText, textWidth, toClusters } from '../../../src/lib/tui/term/cluster.js'
import { span, toCells } from '../../../src/lib/tui/term/line.js'
import { wrapText } from '../../../src/lib/tui/dash/wrap.js'

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string())

describe('text in cells', () => {
  it('counts what a terminal shows', () => {
    expect(textWidth('files')).toBe(5)
    expect(textWidth('日本')).toBe(4)
    expect(textWidth('e\u0301')).toBe(1)
    expect(textWidth('a\u200bb')).toBe(2)
    expect(textWidth('\u001b[31m')).toBe(4)
  })

  it('leaves only the first sign of sequences whose width terminals disagree about', () => {
    expect(toClusters('👨‍👩‍👧').map((cluster) => cluster.text)).toEqual(['👨'])
    expect(toClusters('⚠️').map((cluster) => cluster.text)).toEqual(['⚠'])
  })

  it('makes any text fit any width exactly, and never lets a control character through', () => {
    fc.assert(fc.property(text, fc.integer({ min: 1, max: 20 }), (value, width) => {
      const fitted = fitText(value, width, '…')
      expect(textWidth(fitted)).toBe(width)
      const cells = toCells([span(value)], width)
      expect(cells.text).toHaveLength(width)
      // eslint-disable-next-line no-control-regex
      expect(cells.text.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
    }))
  })

  it('wraps at blanks, and inside words that are too long', () => {
    expect(wrapText('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrapText('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
    fc.assert(fc.property(text, fc.integer({ min: 2, max: 20 }), (value, width) => {
      for (const part of wrapText(value, width)) expect(textWidth(part)).toBeLessThanOrEqual(width)
    }))
  })
})
