import { describe, expect, it } from 'vitest'
import { Budget } from '../../../src/lib/gateway/http/budget.js'
import type { EventStream } from '../../../src/lib/gateway/http/event-stream.js'
import { messageEvent } from '../../../src/lib/gateway/http/event-stream.js'
import { ResumableStream } from '../../../src/lib/gateway/http/resumable-stream.js'

const LIMITS = { events: 5, bytes: 10_000, connections: 2 }

class Line {
  text = ''
  isOpen = true
  ended = false
  write(pieces: readonly Buffer[]): void { this.text += Buffer.concat(pieces).toString() }
  end(): void { this.ended = true }
  get data(): string[] { return [...this.text.matchAll(/data: (.+)\n/g)].map((match) => match[1] ?? '') }
}

function connect(stream: ResumableStream, after: number | null = null, primes = false): Line & EventStream {
  const line = new Line() as unknown as Line & EventStream
  stream.attach(line, after, primes)
  return line
}

const say = (stream: ResumableStream, ...texts: string[]): void => { for (const text of texts) stream.push([Buffer.from(text)]) }

describe('a stream that can be resumed', () => {
  it('sends what was said before anybody was there, once', () => {
    const stream = new ResumableStream('s1', '', LIMITS, new Budget(1e6))
    say(stream, '1', '2')
    const first = connect(stream)
    say(stream, '3')
    expect(first.data).toEqual(['1', '2', '3'])
    expect(connect(stream).data).toEqual([])
  })

  it('sends what comes after the event a client saw last', () => {
    const stream = new ResumableStream('s1', '', LIMITS, new Budget(1e6))
    const first = connect(stream)
    say(stream, '1', '2')
    stream.detach(first)
    say(stream, '3')
    expect(connect(stream, 1).data).toEqual(['2', '3'])
  })

  it('writes to one connection only, the newest that is open', () => {
    const stream = new ResumableStream('s1', '', LIMITS, new Budget(1e6))
    const [a, b] = [connect(stream), connect(stream)]
    say(stream, '1')
    b.end()
    stream.detach(b)
    say(stream, '2')
    expect([a.data, b.data]).toEqual([['2'], ['1']])
    connect(stream)
    connect(stream)
    expect(a.ended).toBe(true)
  })

  it('primes clients that understand it, with a place to come back to', () => {
    const stream = new ResumableStream('s1', 'tag', LIMITS, new Budget(1e6))
    say(stream, '1')
    const line = connect(stream, 1, true)
    expect(line.text).toMatch(/^id: s1-1-tag\nretry: \d+\ndata: \n\n$/)
    say(stream, '2')
    expect(line.text).toContain('id: s1-2-tag\ndata: 2\n\n')
  })

  it('keeps no more than its bounds, and gives back what it took', () => {
    const budget = new Budget(1e6)
    const stream = new ResumableStream('s1', '', LIMITS, budget)
    for (let n = 1; n <= 20; n++) say(stream, String(n))
    expect(connect(stream, 0).data).toEqual(['16', '17', '18', '19', '20'])
    say(stream, 'x'.repeat(9_000))
    expect(budget.used).toBeLessThanOrEqual(10_000)
    say(stream, 'x'.repeat(11_000))
    expect(stream.hasLast).toBe(false)
    stream.forget()
    expect(budget.used).toBe(0)
  })

  it('keeps nothing when all streams together have too much', () => {
    const budget = new Budget(100)
    const stream = new ResumableStream('s1', '', LIMITS, budget)
    say(stream, 'x'.repeat(200))
    expect([stream.hasLast, budget.used]).toEqual([false, 0])
  })

  it('ends its connections, and later ones after the rest', () => {
    const stream = new ResumableStream('s1', '', LIMITS, new Budget(1e6))
    const first = connect(stream)
    say(stream, '1')
    stream.end()
    say(stream, '2')
    const second = connect(stream, 0)
    expect([first.ended, second.ended, second.data]).toEqual([true, true, ['1']])
  })
})

describe('an event', () => {
  it('is one write when it is small, and keeps large parts as they are', () => {
    expect(messageEvent('a', [Buffer.from('{'), Buffer.from('}')]).map(String)).toEqual(['event: message\nid: a\ndata: {}\n\n'])
    const large = Buffer.alloc(100_000, 0x20)
    expect(messageEvent(null, [large])).toContain(large)
  })

  it('has its data in one line', () => {
    const part = Buffer.from('{\r\n  "a": 1\n}')
    expect(messageEvent(null, [part])[0]?.toString()).toBe('event: message\ndata: {    "a": 1 }\n\n')
    expect(part.toString()).toContain('\n')
  })
})
