import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { FrameMemory, HEAD_BYTES, KEPT_FRAMES } from '../../../src/lib/mcp/frame-memory.js'

function sendText(memory: FrameMemory, at: number, ...pieces: (Buffer | string)[]): void {
  memory.sent(at, pieces, pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0))
}

describe('the memory of a link', () => {
  test('is empty before the first message', () => {
    expect(new FrameMemory().list()).toEqual([])
  })

  test('keeps both directions in the order of time', () => {
    const memory = new FrameMemory()
    memory.received(20, Buffer.from('{"answer":1}'))
    sendText(memory, 10, '{"question":1}')
    sendText(memory, 30, '{"question":2}')
    expect(memory.list()).toEqual([
      { at: 10, direction: 'out', bytes: 14, head: '{"question":1}' },
      { at: 20, direction: 'in', bytes: 12, head: '{"answer":1}' },
      { at: 30, direction: 'out', bytes: 14, head: '{"question":2}' },
    ])
  })

  test('keeps the newest eight each way, however many came before', () => {
    const memory = new FrameMemory()
    for (let at = 1; at <= 100; at++) {
      memory.received(at, Buffer.from(`in ${at}`))
      if (at % 10 === 0) sendText(memory, at, `out ${at}`)
    }
    const heads = (direction: string): string[] => memory.list().filter((frame) => frame.direction === direction).map(({ head }) => head)
    expect(heads('in')).toEqual(Array.from({ length: KEPT_FRAMES }, (_, index) => `in ${93 + index}`))
    expect(heads('out')).toEqual(['out 30', 'out 40', 'out 50', 'out 60', 'out 70', 'out 80', 'out 90', 'out 100'])
  })

  test('copies: what becomes of the buffer afterwards does not matter', () => {
    const memory = new FrameMemory()
    const text = Buffer.from('{"id":1}')
    memory.received(1, text)
    text.fill('x')
    expect(memory.list()[0]?.head).toBe('{"id":1}')
  })

  test('keeps the beginning and the size of a message that is longer', () => {
    const memory = new FrameMemory()
    const text = `{"text":"${'a'.repeat(5000)}"}`
    memory.received(1, Buffer.from(text))
    memory.received(2, Buffer.from('only the head of a large one'), 100_000_000)
    expect(memory.list()).toEqual([
      { at: 1, direction: 'in', bytes: text.length, head: text.slice(0, HEAD_BYTES) },
      { at: 2, direction: 'in', bytes: 100_000_000, head: 'only the head of a large one' },
    ])
  })

  test('puts the pieces of a message together, as buffers or as text, without its line ending', () => {
    const memory = new FrameMemory()
    const pieces = [Buffer.from('{"id":'), '7', Buffer.from(',"a":"ü"}'), Buffer.from('\n')]
    memory.sent(1, pieces, 17)
    expect(memory.list()).toEqual([{ at: 1, direction: 'out', bytes: 17, head: '{"id":7,"a":"ü"}' }])
    const long = [Buffer.alloc(400, 'a'), Buffer.alloc(400, 'b'), 'never looked at']
    memory.sent(2, long, 815)
    expect(memory.list()[1]).toEqual({ at: 2, direction: 'out', bytes: 815, head: 'a'.repeat(400) + 'b'.repeat(112) })
  })

  test.each(['é', '中', '😀'])('ends with a whole character (%s)', (character) => {
    for (let shift = 0; shift < 4; shift++) {
      for (const whole of [Buffer.from('x'.repeat(shift) + character.repeat(HEAD_BYTES)), 'x'.repeat(shift) + character.repeat(HEAD_BYTES)]) {
        const memory = new FrameMemory()
        sendText(memory, 1, whole)
        const head = memory.list()[0]?.head ?? ''
        expect(whole.toString().startsWith(head)).toBe(true)
        expect(Buffer.byteLength(head)).toBeGreaterThan(HEAD_BYTES - Buffer.byteLength(character))
      }
    }
  })

  test('shows bytes that are no text without failing', () => {
    const memory = new FrameMemory()
    memory.received(1, Buffer.alloc(600, 0xbf))
    memory.received(2, Buffer.from([0x7b, 0xff, 0x7d]))
    expect(memory.list().map(({ head }) => head)).toEqual(['\uFFFD'.repeat(HEAD_BYTES), '{\uFFFD}'])
  })

  test('costs eight kilobytes, once there was a message each way', () => {
    const many = Array.from({ length: 500 }, () => new FrameMemory())
    const collect = openCollector()
    collect()
    const before = process.memoryUsage().arrayBuffers
    for (const memory of many) {
      for (let at = 0; at < 20; at++) {
        memory.received(at, Buffer.alloc(100_000, 'a'))
        sendText(memory, at, 'b')
      }
    }
    collect()
    const perLink = (process.memoryUsage().arrayBuffers - before) / many.length
    expect(perLink).toBeGreaterThanOrEqual(8 * 1024)
    expect(perLink).toBeLessThan(9 * 1024)
  })
})

/** Collects garbage, that of earlier tests in this process too, until nothing more goes. */
function openCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc !== 'function') throw new Error('this engine lets nobody collect garbage')
  return () => { for (let round = 0; round < 5; round++) Reflect.apply(gc, undefined, []) }
}
