import { expect } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { modern, textOf, type LineClient, type Message } from '../e2e/gateway-client.js'
import { openModern } from '../e2e/gateway-http.js'
import { talkative } from '../e2e/gateway-support.js'
import { fixture, kill, logOf, pidOf, serverOf, untilServer } from '../e2e/support.js'
import { bound, fault, scale, type Lab } from './lab.js'
import { bytesBelow, calmDelays, delaysWhile, forgetPeak, holdingsOf, MIB, peakMib, type Delays } from './measure.js'
import { faulty, QUICK, tiny } from './servers.js'

const base64 = (...lines: (string | Buffer)[]): { lines: string[] } => ({ lines: lines.map((line) => Buffer.from(line).toString('base64')) })

/**
 * With the whole numbers the bounds are strict, as far as other work on this machine lets them. A reader that gives one
 * server more than its share shows in all delays, so that with few numbers the middle one tells enough.
 */
function expectFast({ p50, p99 }: Delays, calm: Delays): void {
  expect(p50).toBeLessThan(Math.max(bound(2, 1000), bound(4, 20) * calm.p50))
  expect(p99).toBeLessThan(Math.max(bound(5, 5000), bound(4, 20) * calm.p99))
}

function showDelays(flooded: Delays, calm: Delays): string {
  return `p50 ${flooded.p50.toFixed(2)} ms, p99 ${flooded.p99.toFixed(2)} ms (before: ${calm.p50.toFixed(2)} and ${calm.p99.toFixed(2)} ms)`
}

/** Whether a call ended in an error; the tests want to see which. */
function errorOf(message: Message): NonNullable<Message['error']> {
  if (message.error === undefined) throw new Error(`no error: ${JSON.stringify(message).slice(0, 500)}`)
  return message.error
}

async function floodsLeaveOthersFast(lab: Lab, kinds: readonly string[], bytes: number): Promise<Record<'calm' | 'flooded', Delays>> {
  const [victim, flooder] = [await lab.legacy(), await lab.legacy()]
  const flood = async (amount: number): Promise<void> => {
    // It answers when all of it was taken.
    for (const kind of kinds) await flooder.request('tools/call', { name: 'noisy__flood', arguments: { kind, bytes: amount } }, undefined, 100_000)
  }
  // The memory V8 takes for its young objects at the first flood is no leak.
  await flood(bytes)
  await lab.watch()
  const ask = (): Promise<string> => victim.text('calm__echo')
  return { calm: await calmDelays(ask), flooded: await delaysWhile(ask, flood(bytes)) }
}

fault('F41', async (lab) => {
  const bytes = scale(48, 2) * MIB
  await lab.start({ noisy: { ...faulty(), logs: { maxSize: '1M', keep: 1 } }, calm: tiny() })
  const { calm, flooded } = await floodsLeaveOthersFast(lab, ['json', 'garbage'], bytes)
  expectFast(flooded, calm)
  expect(await serverOf(lab.home, 'noisy')).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`${(2 * bytes) / MIB} MiB; calls to another server meanwhile: ${showDelays(flooded, calm)}`)
}, { timeoutMs: 120_000, memoryMoreMib: 30 })

fault('F42', async (lab) => {
  const bytes = scale(1024, 16) * MIB
  await lab.start({ noisy: { ...faulty(), logs: { maxSize: '1M', keep: 2 } }, calm: tiny() })
  const { calm, flooded } = await floodsLeaveOthersFast(lab, ['stderr'], bytes)
  expectFast(flooded, calm)
  await lab.run(['stop', 'noisy'])
  expect(bytesBelow(lab.home.paths.logs)).toBeLessThan(4 * MIB)
  const lines = await logOf(lab.home, 'noisy')
  const dropped = lines.filter(({ stream, text }) => stream === 'mark' && /^\d+ bytes dropped$/.test(text))
  lab.measured(`${bytes / MIB} MiB, ${dropped.length === 0 ? 'nothing dropped in what is kept' : 'drops counted'}; calls to another server meanwhile: ${showDelays(flooded, calm)}`)
}, { timeoutMs: 120_000, memoryMoreMib: 30 })

fault('F44', async (lab) => {
  const bytes = 100 * MIB
  await lab.start({ a: faulty(), calm: tiny() })
  const client = await lab.legacy()
  const hurt = async (): Promise<void> => {
    const dropped = await client.request('tools/call', { name: 'a__line', arguments: { bytes } }, undefined, 50_000)
    expect(errorOf(dropped).message).toMatch(/dropped: \d{9} bytes in one line is more than is accepted/)
    expect(await client.text('a__echo', { text: 'next' })).toBe('next')
    expect(await client.text('calm__echo')).toBe('here')
  }
  const pid = await lab.watch()
  const { residentMib } = holdingsOf(pid)
  forgetPeak(pid)
  await hurt()
  // So much a line may have, and as much again for what the allocator keeps of it.
  expect(peakMib(pid) - residentMib).toBeLessThan(128)
  lab.measured(`peak ${(peakMib(pid) - residentMib).toFixed(0)} MiB above normal for a line of 100 MiB`)
  await lab.watch()
  for (let count = 0; count < 3; count++) await hurt()
  expect((await logOf(lab.home, 'a')).filter(({ text }) => /^dropped a line of \d{9} bytes on stdout$/.test(text))).toHaveLength(4)
  expect(await serverOf(lab.home, 'a')).toMatchObject({ ready: true, restarts: 0 })
  // The buffers of one line may wait to be collected while the next one comes.
}, { memoryMoreMib: 72 })

fault('F45', async (lab) => {
  await lab.start({ a: faulty() })
  const client = await lab.legacy()
  const text = 'größe ☂ 😀 \u0000 \ufeff end'
  for (const size of [1, 2, 3, 7]) expect(await client.text('a__pieces', { text, size })).toBe(text)
  const answer = (said: string): string => `{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"${said}"}]}}`
  for (const [what, lines] of Object.entries({
    'byte order mark': [`\ufeff${answer('fine')}\n`],
    'carriage return': [`${answer('fine')}\r\n`],
    'empty lines': ['\n\r\n  \n\n', `${answer('fine')}\n`],
    'a broken line first': [Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0xc3, 0x0a]), `${answer('fine')}\n`],
    'NUL bytes first': [Buffer.from([0, 0, 0, 0x0a]), `${answer('fine')}\n`],
  })) {
    expect([what, textOf(await client.call('a__raw', base64(...lines)))]).toEqual([what, 'fine'])
  }
  // Not UTF-8 inside a text: one answer with what can be read of it, or one error.
  const invalid = await client.call('a__raw', base64(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"a'), Buffer.from([0xff, 0xc3]), Buffer.from('b"}]}}\n')])))
  expect(invalid.error !== undefined || /^a.*b$/.test(textOf(invalid))).toBe(true)
  expect(await client.text('a__echo', { text })).toBe(text)
  expect(client.heard).toEqual([])
  expect(await serverOf(lab.home, 'a')).toMatchObject({ ready: true, restarts: 0 })
})

fault('F46', async (lab) => {
  await lab.start({ a: { ...faulty(), restart: QUICK }, calm: tiny() })
  const client = await lab.legacy()
  const others = Array.from({ length: 5 }, () => client.call('a__late', { ms: 60_000, text: 'never' }))
  const half = await client.call('a__half', { text: 'cut off he' })
  for (const failed of [half, ...(await Promise.all(others))]) expect(errorOf(failed).data).toMatchObject({ outcome: 'unknown' })
  await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  const lines = await logOf(lab.home, 'a')
  expect(lines.some(({ stream, text, generation }) => stream === 'out' && text.endsWith('"text":"cut off he') && generation === 1)).toBe(true)
  expect(lines.some(({ text }) => text === 'exited with code 9')).toBe(true)
  expect(await client.text('a__echo', { text: 'again' })).toBe('again')
})

fault('F47', async (lab) => {
  await lab.start({ a: faulty('--banner'), b: fixture('mcp-banner.mjs') })
  for (const name of ['a', 'b']) expect(await serverOf(lab.home, name)).toMatchObject({ ready: true, generation: 1 })
  const printed = (await logOf(lab.home, 'a')).filter(({ stream }) => stream === 'out').map(({ text }) => text)
  expect(printed).toEqual(['*** Welcome! ***', 'Loading... 42%', '{"level":"info","msg":"not for you"}'])
})

fault('F48', async (lab) => {
  await lab.start({ a: faulty() })
  const clients = [await lab.legacy(), await lab.legacy(), await lab.socket()]
  const answer = (id: string, said: string): string => `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"${said}"}]}}\n`
  const ask = (client: LineClient, said: string): Promise<Message> => {
    const args = { name: 'a__raw', arguments: base64(answer('999999', 'nobody'), answer('"ID"', 'as text'), answer('null', 'null'), answer('{}', 'object'), answer('-1', 'negative'), answer('1.5', 'half'), answer('ID', said), answer('ID', 'twice')) }
    return client.request('tools/call', client === clients[2] ? modern(args) : args, 'same')
  }
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(clients.map((client, index) => ask(client, `${round} for ${index}`)))
    expect(answers.map(textOf)).toEqual(clients.map((_, index) => `${round} for ${index}`))
  }
  for (const client of clients) await client.request('ping', client === clients[2] ? modern() : undefined)
  expect(clients.map(({ heard }) => heard)).toEqual([[], [], []])
  expect(await serverOf(lab.home, 'a')).toMatchObject({ ready: true, restarts: 0 })
})

fault('F49', async (lab) => {
  await lab.start({ a: { ...faulty(), timeouts: { total: '2s' } } })
  const client = await lab.legacy()
  const timedOut = await client.call('a__late', { ms: 2600, text: 'too late' })
  expect(errorOf(timedOut).message).toMatch(/did not answer within 2000 ms/)
  client.send({ id: 'taken-back', method: 'tools/call', params: { name: 'a__late', arguments: { ms: 250, text: 'taken back' } } })
  client.notify('notifications/cancelled', { requestId: 'taken-back' })
  // Both late answers come while these are under way, and under the same ids.
  const until = performance.now() + 1200
  while (performance.now() < until) expect(textOf(await client.request('tools/call', { name: 'a__echo', arguments: { text: 'mine' } }, 'taken-back'))).toBe('mine')
  expect(client.heard).toEqual([])
  expect(client.lines.filter((line) => /too late|taken back/.test(line))).toEqual([])
  expect(await serverOf(lab.home, 'a')).toMatchObject({ ready: true, restarts: 0 })
})

fault('F50', async (lab) => {
  const [levels, keys] = [100_000, scale(1_000_000, 200_000)]
  await lab.start({ a: faulty(), calm: tiny() })
  const client = await lab.legacy()
  const hurt = async (): Promise<void> => {
    for (const [tool, args] of [['deep', { levels }], ['wide', { keys }]] as const) {
      const from = client.lines.length
      client.send({ id: tool, method: 'ping' })
      await client.raw(`{"jsonrpc":"2.0","id":"${tool}-call","method":"tools/call","params":{"name":"a__${tool}","arguments":${JSON.stringify(args)}}}\n`)
      await waitFor(() => client.lines.slice(from).some((line) => line.includes(`"${tool}-call"`)))
    }
    // From the client's side.
    for (const odd of ['['.repeat(levels) + ']'.repeat(levels), '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}']) {
      const from = client.lines.length
      await client.raw(`{"jsonrpc":"2.0","id":"odd","method":"tools/call","params":{"name":"calm__echo","arguments":{"x":${odd}}}}\n`)
      await waitFor(() => client.lines.slice(from).some((line) => line.includes('"odd"')))
    }
  }
  await hurt()
  await lab.watch()
  await hurt()
  expect(await client.text('a__echo', { text: 'sane' })).toBe('sane')
  expect((await lab.run(['status', '--json'])).stdout).not.toContain('polluted')
  for (const name of ['a', 'calm']) expect(await serverOf(lab.home, name)).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`${levels} levels, ${keys} keys`)
}, { timeoutMs: 60_000 })

fault('F51', async (lab) => {
  await lab.start({ a: { ...faulty(), stopTimeout: '500ms' } })
  const client = await lab.legacy()
  const pid = await pidOf(lab.home, 'a')
  await client.call('a__mute')
  const again = await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  expect(again.pid).not.toBe(pid)
  expect((await lab.run(['status', 'a'])).stdout).toMatch(/generation 1 +.*closed its output/)
  expect(await client.text('a__echo', { text: 'back' })).toBe('back')
})

fault('F52', async (lab) => {
  await lab.start({ a: talkative(lab, 'a') })
  const isCancelled = (id: unknown): boolean => lab.record('a').some(({ message }) => message.method === 'notifications/cancelled' && message.params?.['requestId'] === id)
  const underWay = async (text: string): Promise<unknown> => (await lab.untilRecorded('a', ({ line }) => line.includes(text))).message.id
  const proxy = lab.proxy()
  await proxy.initialize()
  proxy.call('a__progress', { steps: 1000, gapMs: 50, text: 'one' }, { progressToken: 't' }).catch(() => undefined)
  await proxy.until(({ method }) => method === 'notifications/progress')
  const first = await underWay('"one"')
  kill(proxy.pid)
  await waitFor(() => isCancelled(first))
  const stream = await openModern(lab.url, { id: 1, method: 'tools/call', params: modern({ name: 'a__progress', arguments: { steps: 1000, gapMs: 50, text: 'two' } }, {}, { progressToken: 't' }) })
  await stream.until(({ method }) => method === 'notifications/progress')
  const second = await underWay('"two"')
  stream.destroy()
  await waitFor(() => isCancelled(second))
  expect(textOf(await (await lab.legacy()).call('a__echo', { text: 'fine' }))).toBe('fine')
})

