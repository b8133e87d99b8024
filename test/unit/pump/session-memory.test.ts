import { describe, expect, it } from 'vitest'
import { SessionMemory } from '../../../src/lib/pump/session-memory.js'

const line = (message: unknown): Buffer => Buffer.from(`${JSON.stringify(message)}\n`)
const initialize = (params: unknown): Buffer => line({ jsonrpc: '2.0', id: 0, method: 'initialize', params })
const ANSWER = line({ jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-06-18', capabilities: { tools: { listChanged: true }, prompts: {} } } })

describe('what is remembered of a session', () => {
  it('is nothing before initialize was answered with a result', () => {
    const memory = new SessionMemory()
    memory.onInitialized(ANSWER)
    expect(memory.resume).toBeNull()
    memory.onRequest('initialize', initialize({ protocolVersion: '2025-11-25', capabilities: {} }))
    expect(memory.resume).toBeNull()
    memory.onInitialized(line({ jsonrpc: '2.0', id: 0, error: { code: -32602, message: 'no' } }))
    expect(memory.resume).toBeNull()
    expect(memory.newsLines).toEqual([])
  })

  it('is the version that was agreed on and what the client said of itself', () => {
    const memory = new SessionMemory()
    memory.onRequest('initialize', initialize({ protocolVersion: '2025-11-25', capabilities: { sampling: {} }, clientInfo: { name: 'c', version: '2', title: 'C' } }))
    memory.onInitialized(ANSWER)
    expect(memory.resume).toEqual({ protocolVersion: '2025-06-18', capabilities: { sampling: {} }, clientInfo: { name: 'c', version: '2' }, logLevel: null, subscriptions: [] })
  })

  it('does not trip over a client that says nothing, or nonsense, of itself', () => {
    const memory = new SessionMemory()
    memory.onRequest('initialize', initialize({ capabilities: [], clientInfo: 'me' }))
    memory.onInitialized(ANSWER)
    expect(memory.resume).toMatchObject({ capabilities: {}, clientInfo: null })
    memory.onRequest('logging/setLevel', Buffer.from('{'))
    memory.onRequest('resources/subscribe', line({ params: { uri: 5 } }))
    expect(memory.resume).toMatchObject({ logLevel: null, subscriptions: [] })
  })

  it('has the newest log level and the subscriptions that hold', () => {
    const memory = new SessionMemory()
    memory.onRequest('initialize', initialize({ capabilities: {} }))
    memory.onInitialized(ANSWER)
    for (const level of ['debug', 'error']) memory.onRequest('logging/setLevel', line({ params: { level } }))
    for (const uri of ['a://1', 'a://2', 'a://2', 'a://3']) memory.onRequest('resources/subscribe', line({ params: { uri } }))
    for (const uri of ['a://2', 'a://9']) memory.onRequest('resources/unsubscribe', line({ params: { uri } }))
    expect(memory.resume).toMatchObject({ logLevel: 'error', subscriptions: ['a://1', 'a://3'] })
  })

  it('stays small enough for a greeting', () => {
    const memory = new SessionMemory()
    memory.onRequest('initialize', initialize({ capabilities: {} }))
    memory.onInitialized(ANSWER)
    for (let count = 0; count < 5000; count++) memory.onRequest('resources/subscribe', line({ params: { uri: `a://${'x'.repeat(200)}${count}` } }))
    expect(JSON.stringify(memory.resume).length).toBeLessThan(300_000)
  })

  it('tells the client of the lists it was promised news of', () => {
    const memory = new SessionMemory()
    memory.onRequest('initialize', initialize({ capabilities: {} }))
    memory.onInitialized(ANSWER)
    expect(memory.newsLines.map(String)).toEqual(['{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n'])
  })
})
