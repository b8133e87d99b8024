import { describe, expect, test } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { modern, type Json, type LineClient, type Message } from './gateway-client.js'
import { talkative, useGateway } from './gateway-support.js'
import { kill, pidOf, serverOf, untilServer } from './support.js'

const CLIENTS = 8
const CALLS = 1250
const AT_ONCE = 16
const KILLS = 5
const QUICK = { policy: 'always', backoff: { initial: '10ms', max: '50ms' }, intensity: { restarts: 1000, window: '1m' } }

const rig = useGateway((gateway) => gateway.start({
  legacy: { ...talkative(gateway, 'legacy', [], { restart: QUICK }), env: {} },
  modern: { ...talkative(gateway, 'modern', ['--era', 'modern'], { restart: QUICK }), env: {} },
}))

type Send = (id: string, text: string) => Promise<Message>

/** How each client calls: three through `mcpctl proxy`, one over HTTP, the others on the socket; two of the modern era. */
async function openClient(index: number): Promise<{ send: Send; client: LineClient | null }> {
  const params = (text: string): Json => ({ name: `${index % 2 === 0 ? 'legacy' : 'modern'}__echo`, arguments: { text } })
  if (index === 0) {
    const session = await rig().http()
    return { client: null, send: (id, text) => session.request('tools/call', params(text), id) }
  }
  const client = index <= 3 ? rig().proxy() : await rig().socket()
  if (index >= 6) return { client, send: (id, text) => client.request('tools/call', modern(params(text)), id, 30_000) }
  await client.initialize()
  return { client, send: (id, text) => client.request('tools/call', params(text), id, 30_000) }
}

describe('10,000 calls of 8 clients while their servers are killed again and again', () => {
  test('have one answer each: the right one, or an error that says that the outcome is unknown', async () => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => openClient(index)))
    const answers: { index: number; call: number; answer: Message }[] = []
    let done = 0
    const running = Promise.all(clients.map(async ({ send }, index) => {
      let next = 0
      // All use the same ids at the same time.
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (let call = next++; call < CALLS; call = next++) {
          answers.push({ index, call, answer: await send(`id-${call}`, `${index}/${call} ü€😀`) })
          done++
        }
      }))
    }))
    for (let round = 1; round <= KILLS; round++) {
      await waitFor(() => done > (CLIENTS * CALLS * round) / (KILLS + 1), { timeoutMs: 60_000, what: `call ${round} of ${KILLS} kills` })
      for (const server of ['legacy', 'modern']) kill((await untilServer(rig().home, server, ({ ready, restarts }) => ready && restarts === round - 1)).pid)
    }
    await running
    expect(answers).toHaveLength(CLIENTS * CALLS)
    const wrong = answers.filter(({ index, call, answer: { result, error, id } }) => {
      if (id !== `id-${call}`) return true
      if (error !== undefined) return error.data?.['outcome'] !== 'unknown'
      return (result?.['content'] as Json[])[0]?.['text'] !== `${index}/${call} ü€😀`
    })
    expect(wrong.slice(0, 5)).toEqual([])
    const lost = answers.filter(({ answer }) => answer.error !== undefined)
    expect(lost.length).toBeGreaterThan(0)
    expect(lost.length).toBeLessThanOrEqual(CLIENTS * AT_ONCE * KILLS)
    // A second answer to anything would have been heard here, and so would a list that changed.
    expect(clients.flatMap(({ client }) => client?.heard ?? [])).toEqual([])
    for (const { send } of clients) expect((await send('last', 'still there')).result).toMatchObject({ content: [{ text: 'still there' }] })
    expect((await serverOf(rig().home, 'legacy')).restarts).toBe(KILLS)
    expect(await pidOf(rig().home, 'modern')).toBeGreaterThan(0)
  }, 180_000)
})
