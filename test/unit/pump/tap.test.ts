import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tap, type LongVerdict } from '../../../src/lib/pump/tap.js'

interface Record {
  readonly lines: string[]
  readonly longEnds: { tail: string; isPassed: boolean }[]
  written: string
  writes: number
}

function tapWith(options: { passes?: (line: string) => boolean; long?: (bytes: number) => LongVerdict } = {}): { tap: Tap; record: Record } {
  const record: Record = { lines: [], longEnds: [], written: '', writes: 0 }
  const tap = new Tap({
    line: (bytes, start, end) => {
      const line = bytes.toString('utf8', start, end)
      record.lines.push(line)
      return options.passes?.(line) ?? true
    },
    long: (_head, bytes) => options.long?.(bytes) ?? 'pass',
    longEnd: (tail, isPassed) => record.longEnds.push({ tail: tail.toString(), isPassed }),
    write: (bytes) => {
      record.written += bytes.toString()
      record.writes++
    },
  })
  return { tap, record }
}

/** The pieces of a text cut at random places. */
const pieces = (text: string, cuts: readonly number[]): Buffer[] => {
  const bytes = Buffer.from(text)
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place))
}

describe('the tap', () => {
  it('shows every line once and lets exactly the wanted ones through, wherever the chunks are cut', () => {
    const line = fc.stringMatching(/^[a-z{}" é]{0,20}$/)
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 30 }), (lines, cuts) => {
        const { tap, record } = tapWith({ passes: (text) => !text.includes('a') })
        for (const piece of pieces(lines.map((text) => `${text}\n`).join(''), cuts)) tap.push(piece)
        const shown = lines.filter((text) => text !== '')
        expect(record.lines).toEqual(shown)
        expect(record.written.split('\n').filter((text) => text !== '')).toEqual(shown.filter((text) => !text.includes('a')))
      }),
    )
  })

  it('hands the lines of one chunk on as one piece', () => {
    const { tap, record } = tapWith()
    tap.push(Buffer.from('one\ntwo\nthr'))
    tap.push(Buffer.from('ee\nfour\n'))
    expect(record).toMatchObject({ lines: ['one', 'two', 'three', 'four'], written: 'one\ntwo\nthree\nfour\n', writes: 2 })
  })

  it('keeps an unfinished line until it is whole', () => {
    const { tap, record } = tapWith()
    for (const letter of 'abc') tap.push(Buffer.from(letter))
    expect(record.written).toBe('')
    tap.end()
    expect(record.written).toBe('abc\n')
  })

  it('passes a long line on while it arrives and shows its end', () => {
    const { tap, record } = tapWith()
    const part = 'x'.repeat(40_000)
    tap.push(Buffer.from(`first\n${part}`))
    tap.push(Buffer.from(part))
    expect(record.written).toBe(`first\n${part}${part}`)
    tap.push(Buffer.from('the end\nnext\n'))
    expect(record.lines).toEqual(['first', 'next'])
    expect(record.written).toBe(`first\n${part}${part}the end\nnext\n`)
    expect(record.longEnds).toEqual([{ tail: `${'x'.repeat(512)}the end`.slice(-519), isPassed: true }])
  })

  it('collects a long line as long as it is told to', () => {
    const { tap, record } = tapWith({ long: (bytes) => (bytes > 200_000 ? 'drop' : 'hold') })
    const part = Buffer.alloc(70_000, 'y')
    tap.push(part)
    tap.push(part)
    expect(record.written).toBe('')
    tap.push(part)
    tap.push(Buffer.from('end\nnext\n'))
    expect(record.written).toBe('next\n')
    expect(record.longEnds.map(({ isPassed }) => isPassed)).toEqual([false])
  })

  it('throws the rest of a long line away when its goal is gone, and says where it ended', () => {
    const { tap, record } = tapWith()
    tap.push(Buffer.alloc(70_000, 'z'))
    tap.divert()
    tap.push(Buffer.from('rest\nnext\n'))
    expect(record.written).toBe(`${'z'.repeat(70_000)}next\n`)
    expect(record.longEnds.map(({ isPassed }) => isPassed)).toEqual([false])
  })

  it('forgets what is unfinished when its source is gone, and says whether a part is out already', () => {
    const { tap, record } = tapWith()
    tap.push(Buffer.from('half a li'))
    expect(tap.abandon()).toBe(false)
    tap.push(Buffer.alloc(70_000, 'z'))
    expect(tap.abandon()).toBe(true)
    tap.push(Buffer.from('new\n'))
    expect(record.lines).toEqual(['new'])
  })

  it('takes a line that drips in byte by byte', () => {
    const { tap, record } = tapWith({ long: () => 'hold' })
    const text = 'ab'.repeat(50_000)
    for (const letter of text) tap.push(Buffer.from(letter))
    tap.push(Buffer.from('\n'))
    expect(record.lines).toEqual([text])
  })
})
