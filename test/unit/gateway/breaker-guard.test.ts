import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DEFAULT_BREAKER, type BreakerSpec } from '../../../src/lib/core/index.js'
import { LinkError } from '../../../src/lib/mcp/index.js'
import { createRig } from './rig.js'

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }) })
afterEach(() => { vi.useRealTimers() })

const LOOK = { name: 'look', annotations: { readOnlyHint: true } }
const SPEC: BreakerSpec = { ...DEFAULT_BREAKER, failures: 1, trials: 1, recoveryMs: 1000 }
const server = (breaker: BreakerSpec | null = SPEC) => ({ catalogue: { tools: [LOOK] }, traffic: { breaker } })

function open() {
  const rig = createRig({ solo: server() })
  const client = rig.client()
  client.initialize()
  const call = (): number => client.request('tools/call', { name: 'solo__look' })
  const hang = (): void => { rig.link('solo').passed.at(-1)?.request.receiver.failed(new LinkError('timeout', 'no answer')) }
  const state = (): string | undefined => rig.gateway.breaker('solo')?.state
  const respecify = (breaker: BreakerSpec | null): void => { rig.change('solo', { traffic: { ...rig.server('solo').traffic, breaker } }) }
  return { rig, client, call, hang, state, respecify }
}

describe('the breaker of a server', () => {
  test('misses no trial that a server did not get because it had just ended', async () => {
    const { rig, client, call, hang, state } = open()
    call()
    hang()
    await vi.advanceTimersByTimeAsync(1300)
    expect(state()).toBe('half-open')
    // Its link is over; the source does not know it yet.
    rig.link('solo').closed = true
    const id = call()
    rig.change('solo', { presence: 'coming', up: null })
    const renewed = rig.replace('solo', server())
    expect(renewed.of('tools/call')).toHaveLength(1)
    renewed.answer(1, {})
    expect(client.answerTo(id)).toMatchObject({ result: {} })
    expect(state()).toBe('closed')
  })

  test('that was switched off holds nothing back, nor when it is switched on again', async () => {
    const { rig, client, call, hang, state, respecify } = open()
    call()
    hang()
    expect(state()).toBe('open')
    respecify(null)
    await vi.advanceTimersByTimeAsync(5000)
    respecify(SPEC)
    expect(state()).toBe('closed')
    const id = call()
    rig.link('solo').answer(2, {})
    expect(client.answerTo(id)).toMatchObject({ result: {} })
  })

  test('that was switched off during its trials lets calls through when it is switched on again', async () => {
    const { rig, call, hang, state, respecify } = open()
    call()
    hang()
    await vi.advanceTimersByTimeAsync(1300)
    call()
    expect(state()).toBe('half-open')
    respecify(null)
    rig.link('solo').answer(2, {})
    respecify(SPEC)
    call()
    call()
    expect(rig.link('solo').of('tools/call')).toHaveLength(4)
  })
})
