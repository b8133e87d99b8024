import { expect, test } from 'vitest'
import { LineFramer, type FramerOptions, type OversizeLine } from '../../../src/lib/mcp/framer.js'

function collect(options: Partial<FramerOptions> = {}): { framer: LineFramer; lines: string[]; oversize: OversizeLine[] } {
  const lines: string[] = []
  const oversize: OversizeLine[] = []
  const framer = new LineFramer({ onLine: (line) => { lines.push(line.toString('utf8')) }, onOversize: (line) => { oversize.push(line) }, ...options })
  return { framer, lines, oversize }
}

const text = '\uFEFF{"a":"größe €"}\r\n\r\n{"b":2}\n\nbanner\r\n{"c":"\\r"}\n{"last":true}'
const expected = ['{"a":"größe €"}', '{"b":2}', 'banner', '{"c":"\\r"}', '{"last":true}']

test('a stream cut in two at any byte gives the same lines', () => {
  const bytes = Buffer.from(text)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { framer, lines } = collect()
    framer.push(bytes.subarray(0, cut))
    framer.push(bytes.subarray(cut))
    framer.end()
    expect(lines, `cut at ${cut}`).toEqual(expected)
  }
})

test('a stream that drips in byte by byte gives the same lines', () => {
  const { framer, lines } = collect()
  for (const byte of Buffer.from(text)) framer.push(Buffer.from([byte]))
  framer.end()
  expect(lines).toEqual(expected)
})

test('a partial last line is kept back until the end', () => {
  const { framer, lines } = collect()
  framer.push(Buffer.from('one\ntw'))
  expect(lines).toEqual(['one'])
  framer.push(Buffer.from('o'))
  framer.end()
  framer.end()
  expect(lines).toEqual(['one', 'two'])
})

test('a line of exactly the bound passes and one byte more is dropped, with the neighbours intact, however it is cut', () => {
  for (const step of [1, 3, 7, 100]) {
    const { framer, lines, oversize } = collect({ maxLineBytes: 10 })
    const bytes = Buffer.from('before\n0123456789\n0123456789A\nafter\n')
    for (let at = 0; at < bytes.length; at += step) framer.push(bytes.subarray(at, at + step))
    expect(lines).toEqual(['before', '0123456789', 'after'])
    expect(oversize).toHaveLength(1)
    expect(oversize[0]?.bytes).toBe(11)
  }
})

test('an overlong line reports its size and both its ends', () => {
  const { framer, lines, oversize } = collect({ maxLineBytes: 5000 })
  framer.push(Buffer.from('{"jsonrpc":"2.0","result":"'))
  for (let i = 0; i < 100; i++) framer.push(Buffer.alloc(1000, 'x'))
  framer.push(Buffer.from('","id":'))
  framer.push(Buffer.from('7}\nnext\n'))
  expect(lines).toEqual(['next'])
  expect(oversize[0]?.bytes).toBe(27 + 100_000 + 9)
  expect(oversize[0]?.head.toString().startsWith('{"jsonrpc":"2.0","result":"xxx')).toBe(true)
  expect(oversize[0]?.tail.toString().endsWith('xxx","id":7}')).toBe(true)
})

test('an overlong line without an end is dropped when the stream ends', () => {
  const { framer, lines, oversize } = collect({ maxLineBytes: 4 })
  framer.push(Buffer.from('0123456789'))
  framer.end()
  expect(lines).toEqual([])
  expect(oversize.map((line) => line.bytes)).toEqual([10])
})

test('lines built from large and small chunks keep their bytes in order', () => {
  const { framer, lines } = collect()
  const pieces = Array.from({ length: 60 }, (_, index) => String.fromCharCode(97 + (index % 26)).repeat(index % 3 === 0 ? 20_000 : index * 7))
  for (const piece of pieces) framer.push(Buffer.from(piece))
  framer.push(Buffer.from('\n'))
  expect(lines).toEqual([pieces.join('')])
})

test('memory for a line that drips in grows with its bytes, not with the number of chunks', () => {
  const { framer, lines } = collect()
  const one = Buffer.from('x')
  const before = process.memoryUsage()
  for (let i = 0; i < 2_000_000; i++) framer.push(one)
  const after = process.memoryUsage()
  // Two million kept chunks would be some 200 MB.
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(60 * 1024 * 1024)
  framer.push(Buffer.from('\n'))
  expect(lines[0]?.length).toBe(2_000_000)
})

test('a 32 MiB line in 64 KiB chunks is not searched or copied again for every chunk', () => {
  const { framer, lines } = collect()
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const started = process.cpuUsage()
  for (let i = 0; i < 512; i++) framer.push(chunk)
  framer.push(Buffer.from('\n'))
  const used = process.cpuUsage(started)
  expect(lines[0]?.length).toBe(32 * 1024 * 1024)
  // Copying what has come for each chunk moves 8 GiB, which takes seconds.
  expect((used.user + used.system) / 1000).toBeLessThan(1500)
})

test('with any line ending a bare carriage return ends a line too, and a pair cut in half counts once', () => {
  const bytes = Buffer.from('a\rb\r\nc\n\r\n\rd')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { framer, lines } = collect({ endings: 'any', keepEmpty: true })
    framer.push(bytes.subarray(0, cut))
    framer.push(bytes.subarray(cut))
    framer.end()
    expect(lines, `cut at ${cut}`).toEqual(['a', 'b', 'c', '', '', 'd'])
  }
})
