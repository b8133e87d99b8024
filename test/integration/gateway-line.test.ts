import type net from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EVERYTHING, serveLines, type LineFront } from '../../src/lib/gateway/index.js'
import { waitFor } from '../helpers/wait.js'
import { createClient, createFakeGateway, createPipe, resultOf, socketPair, type FakeGateway, type LineClient } from './gateway-line-support.js'

describe('a front of lines', () => {
  let gateway: FakeGateway
  let near: net.Socket
  let far: net.Socket
  let front: LineFront
  let client: LineClient

  beforeEach(async () => {
    gateway = createFakeGateway()
    ;({ near, far } = await socketPair())
    near.on('error', () => undefined)
    front = serveLines(far, gateway, { view: EVERYTHING, kind: 'any' })
    client = createClient(near, near)
  })

  afterEach(() => {
    near.destroy()
    far.destroy()
  })

  it('answers requests, in the order the session answers them', async () => {
    for (let id = 0; id < 100; id++) client.send({ jsonrpc: '2.0', id, method: 'ping' })
    await waitFor(() => client.messages.length === 100)
    expect(client.messages.map((message) => message['id'])).toEqual(Array.from({ length: 100 }, (_, id) => id))
  })

  it('leaves in one write what one turn has brought', async () => {
    await client.ask('first', 'ping')
    let chunks = 0
    near.on('data', () => chunks++)
    near.write(Array.from({ length: 50 }, (_, id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`).join(''))
    await waitFor(() => client.messages.length === 50)
    expect(chunks).toBeLessThanOrEqual(2)
  })

  it('passes on what the session says by itself and before an answer', async () => {
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hang' } })
    await waitFor(() => gateway.last().hanging.length === 1)
    gateway.last().channel.send('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}')
    gateway.last().hanging[0]?.reply.send('{"jsonrpc":"2.0","method":"notifications/progress"}')
    gateway.last().hanging[0]?.reply.answer(resultOf(1, {}), 200)
    await waitFor(() => client.messages.length === 3)
    expect(client.messages.map((message) => message['method'] ?? message['id'])).toEqual(['notifications/tools/list_changed', 'notifications/progress', 1])
  })

  it('answers what is no message and goes on', async () => {
    client.send('this is not JSON\n')
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32700 } })
    client.send('[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n')
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32600 } })
    expect(await client.ask(2, 'ping')).toHaveProperty('result')
  })

  it('answers a message that is too long under its id, wherever that stands, and goes on', async () => {
    const filling = Buffer.alloc(65 * 1024 * 1024, 'x')
    near.write('{"jsonrpc":"2.0","id":"front","method":"tools/call","params":{"a":"')
    near.write(filling)
    near.write('"}}\n{"method":"tools/call","params":{"a":"')
    near.write(filling)
    near.write('"},"jsonrpc":"2.0","id":77}\n{"jsonrpc":"2.0","method":"notifications/x","params":{"a":"')
    near.write(filling)
    near.write('"}}\n')
    expect(await client.next((message) => message['id'] === 'front')).toMatchObject({ error: { code: -32600, data: { reason: 'too-long' } } })
    expect(await client.next((message) => message['id'] === 77)).toMatchObject({ error: { code: -32600 } })
    expect(await client.ask(3, 'ping')).toHaveProperty('result')
    expect(front.dropped).toBe(1)
    expect(gateway.last().received).toHaveLength(1)
  })

  it('turns an answer that is too long into an error for whoever asked', async () => {
    near.write('{"jsonrpc":"2.0","id":5,"result":{"a":"')
    near.write(Buffer.alloc(65 * 1024 * 1024, 'x'))
    near.write('"}}\n')
    await waitFor(() => gateway.last().received.length === 1)
    expect(gateway.last().received[0]).toMatchObject({ type: 'answer', id: 5, error: { code: -32603 } })
  })

  it('keeps a defect to the one request that brings it out', async () => {
    expect(await client.ask(1, 'tools/call', { name: 'throw' })).toMatchObject({ error: { code: -32603, data: { reason: 'defect' } } })
    expect(await client.ask(2, 'ping')).toHaveProperty('result')
  })

  it('passes large answers on whole', async () => {
    gateway.resultBytes = 30 * 1024 * 1024
    const answer = await client.ask(1, 'tools/list')
    expect((answer['result'] as { text: string }).text).toHaveLength(gateway.resultBytes)
  })

  it('asks no more of a client that reads slowly', async () => {
    gateway.resultBytes = 64 * 1024
    near.pause()
    const line = `${JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'tools/list', params: { a: 'y'.repeat(10_000) } })}\n`
    near.write(line.repeat(400))
    await waitFor(() => far.isPaused())
    const received = gateway.last().received.length
    expect(received).toBeLessThan(200)
    near.resume()
    await waitFor(() => client.messages.length === 400, { timeoutMs: 25_000 })
  })

  it('gives a client up that never reads', async () => {
    near.pause()
    await waitFor(() => gateway.sessions.length === 1)
    const { channel } = gateway.last()
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: 'x'.repeat(8 * 1024 * 1024) })
    for (let sent = 0; sent < 40 && !front.closed; sent++) {
      channel.send(text)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(front.closed).toBe(true)
    expect(gateway.last().closed).toBe('the client does not read what it is sent')
    expect(far.destroyed).toBe(true)
  })

  it('closes the session when the client leaves', async () => {
    await client.ask(1, 'ping')
    near.end()
    await waitFor(() => gateway.last().closed !== null)
    expect(front.closed).toBe(true)
  })

  it('closes the session when the connection breaks', async () => {
    await client.ask(1, 'ping')
    near.resetAndDestroy()
    await waitFor(() => gateway.last().closed !== null)
  })

  it('says goodbye, after all that was said before', async () => {
    client.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    await waitFor(() => gateway.last().received.length === 1)
    front.close('{"bye":true}')
    await waitFor(() => near.readableEnded)
    expect(client.messages).toMatchObject([{ id: 1 }, { bye: true }])
    expect(gateway.last().closed).not.toBeNull()
  })

  it('writes nothing after its end', async () => {
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hang' } })
    await waitFor(() => gateway.last().hanging.length === 1)
    const [hanging] = gateway.last().hanging
    front.close()
    hanging?.reply.answer(resultOf(1, {}), 200)
    gateway.last().channel.send('{}')
    await waitFor(() => near.readableEnded)
    expect(client.messages).toEqual([])
  })
})

describe('a front on stdin and stdout', () => {
  const serve = (lingerMs: number) => {
    const gateway = createFakeGateway()
    const [input, output] = [createPipe(), createPipe()]
    const ended: string[] = []
    const front = serveLines({ input, output }, gateway, { view: EVERYTHING, kind: 'any', lingerMs, onEnd: () => ended.push('ended') })
    return { gateway, front, input, client: createClient(input, output), ended }
  }

  it('takes a last line without a line break, and still answers what is under way', async () => {
    const { gateway, front, input, client, ended } = serve(5_000)
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hang' } })
    input.end('{"jsonrpc":"2.0","id":2,"method":"ping"}')
    expect(await client.next()).toMatchObject({ id: 2 })
    expect(front.closed).toBe(false)
    gateway.last().hanging[0]?.reply.answer(resultOf(1, {}), 200)
    expect(await client.next()).toMatchObject({ id: 1 })
    await waitFor(() => ended.length === 1)
  })

  it('waits no longer than it was told', async () => {
    const { front, input, client, ended } = serve(50)
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hang' } })
    input.end()
    await waitFor(() => front.closed)
    expect(ended).toEqual(['ended'])
  })
})
