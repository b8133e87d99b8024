import { PassThrough } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { openStdioLink } from '../../src/lib/mcp/index.js'
import { cleanUp, client, establish, fixture, keep, openChild, probe, until } from './mcp-support.js'

afterEach(cleanUp)

test('a probe asks what every server of its era has to answer, or what it is told to', async () => {
  const legacy = openChild(fixture('mcp-legacy'))
  await establish(legacy.link, { era: 'legacy' })
  await Promise.all([probe(legacy.link), probe(legacy.link, 'tools/list')])
  const modern = openChild(fixture('mcp-dual'))
  expect((await establish(modern.link)).verdict.era).toBe('modern')
  await Promise.all([probe(modern.link), probe(modern.link, 'tools/list')])
})

test('probes are no part of the last messages, and their text is a whole request', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const sent: Record<string, unknown>[] = []
  input.on('data', (chunk: Buffer) => sent.push(...String(chunk).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)))
  const link = keep(openStdioLink({ client, input, output, onNoise: () => undefined }))
  const answer = (method: string, result: unknown): void => {
    const id = sent.findLast((message) => message['method'] === method)?.['id']
    output.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
  }
  const established = establish(link, { era: 'legacy' })
  await until(() => sent.some(({ method }) => method === 'initialize'))
  answer('initialize', { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'x', version: '1' } })
  await established
  const before = link.lastFrames()
  const answered = probe(link)
  await until(() => sent.some(({ method }) => method === 'ping'))
  expect(sent.at(-1)).toEqual({ jsonrpc: '2.0', id: expect.any(Number) as number, method: 'ping' })
  expect(link.activity.inFlight).toBe(1)
  answer('ping', {})
  await answered
  expect(link.lastFrames()).toEqual(before)
  expect(link.activity.inFlight).toBe(0)

  let wasCalled = false
  const silent = { answered: () => void (wasCalled = true), failed: () => void (wasCalled = true) }
  const id = link.probe(silent)
  await until(() => sent.at(-1)?.['id'] === id)
  expect(link.takeBack(id, 'the probe is over')).toBe(true)
  await until(() => sent.at(-1)?.['method'] === 'notifications/cancelled')
  output.write(`{"jsonrpc":"2.0","id":${id},"result":{}}\n`)
  await until(() => link.counters.unknownAnswers === 1)
  expect(wasCalled).toBe(false)
})
