import { expect, test } from 'vitest'
import { SseParser } from '../../../src/lib/mcp/sse-parser.js'

function parse(chunks: readonly Buffer[], maxEventBytes?: number): { events: [string, string][]; oversize: number } {
  const events: [string, string][] = []
  let oversize = 0
  const parser = new SseParser({
    onEvent: ({ event, data }) => { events.push([event, data.toString('utf8')]) },
    onOversize: () => { oversize++ },
    ...(maxEventBytes === undefined ? {} : { maxEventBytes }),
  })
  for (const chunk of chunks) parser.push(chunk)
  return { events, oversize }
}

const stream = '\uFEFF: comment\r\n\r\nevent: endpoint\ndata: /messages\n\ndata:{"a":"ö"}\r\rid: 5\nretry: 100\ndata: one\ndata:  two\ndata\n\nevent: empty\n\ndata: :colon\n\ndata: never ended'
const expected = [['endpoint', '/messages'], ['message', '{"a":"ö"}'], ['message', 'one\n two\n'], ['message', ':colon']]

test('events are the same wherever the stream is cut', () => {
  const bytes = Buffer.from(stream)
  expect(parse([bytes]).events).toEqual(expected)
  for (let cut = 0; cut <= bytes.length; cut++) expect(parse([bytes.subarray(0, cut), bytes.subarray(cut)]).events, `cut at ${cut}`).toEqual(expected)
  expect(parse([...bytes].map((byte) => Buffer.from([byte]))).events).toEqual(expected)
})

test('an event over the bound is dropped and the next one is read', () => {
  const result = parse([Buffer.from(`data: ${'x'.repeat(200)}\n\ndata: ok\n\n`)], 100)
  expect(result.events).toEqual([['message', 'ok']])
  expect(result.oversize).toBeGreaterThan(0)
})

test('an event of many small lines is bounded by what it costs in memory', () => {
  const result = parse([Buffer.from(`${'data: x\n'.repeat(1000)}\ndata: ok\n\n`)], 10_000)
  expect(result.events).toEqual([['message', 'ok']])
  expect(result.oversize).toBe(1)
})

test('an event of exactly the bound passes', () => {
  expect(parse([Buffer.from(`data: ${'x'.repeat(100)}\n\n`)], 100).events).toEqual([['message', 'x'.repeat(100)]])
})

test('the place to go on from is that of the last whole event, data or not', () => {
  const parser = new SseParser({ onEvent: () => undefined })
  const place = (text: string): unknown => {
    parser.push(Buffer.from(text))
    return parser.position
  }
  expect(place('data: no id\n\n')).toEqual({ lastEventId: null, retryMs: null })
  expect(place('id: 1\nretry: 500\ndata: \n')).toEqual({ lastEventId: null, retryMs: 500 })
  expect(place('\n')).toEqual({ lastEventId: '1', retryMs: 500 })
  expect(place('id: 2\ndata: x\n\ndata: y\n\nid: 3')).toEqual({ lastEventId: '2', retryMs: 500 })
  expect(place('\nretry: soon\nretry: -1\nretry: 99999999999\n\n')).toEqual({ lastEventId: '3', retryMs: 500 })
  expect(place('id: \u0000\n\nid: n\u00f6\n\n'), 'ids no header can carry are none').toEqual({ lastEventId: '3', retryMs: 500 })
  expect(place('id\n\n'), 'an empty id forgets the last one').toEqual({ lastEventId: null, retryMs: 500 })
})

test('an event without data is none', () => {
  expect(parse([Buffer.from('id: 1\ndata:\n\ndata\ndata\n\n')]).events).toEqual([['message', '\n']])
})
