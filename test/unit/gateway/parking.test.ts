import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Call } from '../../../src/lib/gateway/call.js'
import type { RequestMessage } from '../../../src/lib/gateway/contract.js'
import { Parking } from '../../../src/lib/gateway/parking.js'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

const reply = { answer: () => undefined, send: () => undefined }
const request = (params: Record<string, unknown>, id = 1): RequestMessage => ({ type: 'request', line: Buffer.alloc(0), id, method: 'tools/call', params })

/** A call that remembers what was asked of its client. */
function park(principal: object): { parking: Parking; call: Call; handed: { requests: Record<string, unknown>; state: string }[]; aborted: string[] } {
  const parking = new Parking()
  const handed: { requests: Record<string, unknown>; state: string }[] = []
  const aborted: string[] = []
  const call = {
    principal,
    message: request({ name: 'x', arguments: { b: 1, a: [2] } }),
    handOver: (requests: Record<string, unknown>, state: string) => { handed.push({ requests, state }); return true },
    resume: () => undefined,
    abort: (reason: string) => { aborted.push(reason); parking.forget(call) },
  } as unknown as Call
  return { parking, call, handed, aborted }
}

describe('a parked call', () => {
  test('hands over the questions that come close together, and goes on with their answers', async () => {
    const me = {}
    const { parking, call, handed } = park(me)
    const first = parking.ask(call, 'elicitation/create', { message: 'name?', elicitationId: 'e' })
    const second = parking.ask(call, 'sampling/createMessage', { maxTokens: 1 })
    await vi.advanceTimersByTimeAsync(50)
    expect(handed).toHaveLength(1)
    const [{ requests, state } = { requests: {}, state: '' }] = handed
    expect(Object.values(requests)).toEqual([{ method: 'elicitation/create', params: { message: 'name?' } }, { method: 'sampling/createMessage', params: { maxTokens: 1 } }])
    const inputResponses = Object.fromEntries(Object.keys(requests).map((key, index) => [key, { index }]))
    expect(parking.resume(request({ arguments: { a: [2], b: 1 }, name: 'x', requestState: state, inputResponses }, 2), me, reply)).toBe(call)
    expect(await first).toEqual({ index: 0 })
    expect(await second).toEqual({ index: 1 })
  })

  test.each([
    ['a state that was used already', 'again'],
    ['another client', 'stranger'],
    ['other arguments', 'changed'],
    ['a state nobody gave out', 'forged'],
  ])('is not continued by %s', async (_what, how) => {
    const me = {}
    const { parking, call, handed } = park(me)
    parking.ask(call, 'elicitation/create', {}).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(50)
    const state = handed[0]?.state ?? ''
    const params = { name: 'x', arguments: { a: [2], b: 1 }, requestState: state, inputResponses: {} }
    if (how === 'again') expect(parking.resume(request(params), me, reply)).toBe(call)
    if (how === 'changed') params.arguments.b = 2
    if (how === 'forged') params.requestState = `${state}x`
    expect(parking.resume(request(params), how === 'stranger' ? {} : me, reply)).toBeNull()
  })

  test('asks again for what was left out, with another state', async () => {
    const me = {}
    const { parking, call, handed } = park(me)
    parking.ask(call, 'elicitation/create', {}).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(50)
    parking.resume(request({ name: 'x', arguments: { a: [2], b: 1 }, requestState: handed[0]?.state, inputResponses: { other: {} } }), me, reply)
    await vi.advanceTimersByTimeAsync(50)
    expect(handed).toHaveLength(2)
    expect(handed[1]?.state).not.toBe(handed[0]?.state)
    expect(handed[1]?.requests).toEqual(handed[0]?.requests)
  })

  test('is given up when its client does not come back, and its server is told no', async () => {
    const me = {}
    const { parking, call, handed, aborted } = park(me)
    const answer = parking.ask(call, 'elicitation/create', {}).catch((error: unknown) => (error as Error).message)
    await vi.advanceTimersByTimeAsync(50)
    await vi.advanceTimersByTimeAsync(11 * 60_000)
    expect(aborted).toHaveLength(1)
    expect(await answer).toContain('does not wait')
    expect(parking.resume(request({ name: 'x', arguments: { a: [2], b: 1 }, requestState: handed[0]?.state }), me, reply)).toBeNull()
    expect(vi.getTimerCount()).toBe(0)
  })
})
