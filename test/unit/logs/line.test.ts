import { describe, expect, it } from 'vitest'
import { formatBlock, formatPrefix, parseLine } from '../../../src/lib/logs/line.js'
import { mergeByTime } from '../../../src/lib/logs/merge.js'
import { cutAt, PartialLine } from '../../../src/lib/logs/partial-line.js'

const TIME = Date.parse('2026-11-21T03:44:00.123Z')

describe('a line of a log file', () => {
  it('can be found with grep and read back', () => {
    expect(formatPrefix(TIME, 3, 'err')).toBe('2026-11-21T03:44:00.123Z 3 err ')
    expect(formatPrefix(TIME + 1, 3, 'mark')).toBe('2026-11-21T03:44:00.124Z 3 --- ')
    expect(parseLine(`${formatPrefix(TIME, 12, 'mark')}started pid 7`, 'web')).toEqual({ time: TIME, name: 'web', generation: 12, stream: 'mark', text: 'started pid 7' })
    expect(parseLine(`${formatPrefix(TIME, 0, 'out')}`, 'web')).toMatchObject({ stream: 'out', text: '' })
  })

  it('that was torn or comes from elsewhere is not taken for one', () => {
    for (const text of ['', 'hello', '2026-11-21T03:44:00.123Z 3 er', '2026-11-21T03:44 3 err x', '2026-11-21T03:44:00.123Z x err y']) {
      expect(parseLine(text, 'web'), text).toBeNull()
    }
  })
})

describe('formatting whole lines', () => {
  const format = (text: string | Buffer): Buffer => formatBlock(Buffer.from(text), '> ')

  it('puts the prefix before each, empty ones too, and makes CRLF LF', () => {
    expect(format('a\r\n\nb\rc\n').toString()).toBe('> a\n> \n> b\rc\n')
  })

  it('keeps every byte as it came, whatever the encoding', () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10 && byte !== 13))
    expect(format(Buffer.concat([every, Buffer.from('\n')]))).toEqual(Buffer.concat([Buffer.from('> '), every, Buffer.from('\n')]))
    expect(format('$& $1 🙂\n').toString()).toBe('> $& $1 🙂\n')
  })
})

describe('a line without end', () => {
  it('is put together from any pieces, its own copy of them', () => {
    const partial = new PartialLine()
    const piece = Buffer.from('a')
    for (let count = 0; count < 1000; count++) partial.append(piece)
    piece[0] = 98
    expect(partial.length).toBe(1000)
    expect(partial.take().toString()).toBe('a'.repeat(1000))
    expect(partial.length).toBe(0)
    expect(partial.take()).toHaveLength(0)
  })

  it('is cut between characters', () => {
    expect(cutAt(Buffer.from('abc'), 3)).toBe(3)
    expect(cutAt(Buffer.from('abcd'), 3)).toBe(3)
    expect(cutAt(Buffer.from('ab🙂'), 4)).toBe(2)
    expect(cutAt(Buffer.from('aé🙂'), 3)).toBe(3)
    expect(cutAt(Buffer.alloc(10, 0x80), 4), 'what is no UTF-8 is cut anywhere').toBe(4)
  })
})

describe('merging by time', () => {
  const line = (time: number, text: string) => ({ time, name: 'x', generation: 1, stream: 'out' as const, text })
  async function* source(...blocks: number[][]) {
    await Promise.resolve()
    for (const block of blocks) yield block.map((time) => line(time, `${time}`))
  }

  it('keeps the order of time over blocks, empty ones too', async () => {
    const times: number[] = []
    for await (const { time } of mergeByTime([source([1, 4], [], [9]), source([2, 3, 5]), source()])) times.push(time)
    expect(times).toEqual([1, 2, 3, 4, 5, 9])
  })

  it('closes its sources when the reader stops early', async () => {
    let closed = 0
    async function* endless() {
      try {
        for (let time = 0; ; time++) {
          await Promise.resolve()
          yield [line(time, '')]
        }
      } finally {
        closed++
      }
    }
    for await (const { time } of mergeByTime([endless(), endless()])) if (time > 3) break
    expect(closed).toBe(2)
  })
})
