import { expect, test } from 'vitest'
import { whoIsAsked, whoIsMeant } from '../../../src/lib/gateway/attribution.js'
import type { Call } from '../../../src/lib/gateway/call.js'
import type { CallClient } from '../../../src/lib/gateway/call-contract.js'

const client = (name: string): CallClient => ({ name }) as unknown as CallClient
const call = (of: CallClient, parts: Partial<Record<'isParked' | 'linkId' | 'clientKey', unknown>> = {}): Call => ({ client: of, clientKey: of, linkId: null, isParked: false, ...parts }) as unknown as Call

const [a, b] = [client('a'), client('b')]

test('with calls of one client under way it is that client, and its newest call', () => {
  const calls = [call(a), call(a)]
  expect(whoIsMeant(calls, null, null)).toEqual({ session: a, call: calls[1] })
})

test('with calls of two clients under way nobody is guessed', () => {
  expect(whoIsMeant([call(a), call(b)], null, null)).toBeNull()
  expect(whoIsAsked([call(a), call(b)], null, null)).toBeNull()
  expect(whoIsMeant([], null, null)).toBeNull()
})

test('the call a message came with is certain, and one that came with an unknown call is nobody\'s', () => {
  const calls = [call(a, { linkId: 5 }), call(b, { linkId: 6 })]
  expect(whoIsMeant(calls, 5, null)).toEqual({ session: a, call: calls[0] })
  expect(whoIsMeant([call(a, { linkId: 5 })], 7, null)).toBeNull()
})

test('a process of its own can only mean its owner, even when no call is under way', () => {
  expect(whoIsMeant([], null, a)).toEqual({ session: a, call: null })
  expect(whoIsAsked([call(a, { isParked: true })], null, a)?.session).toBe(a)
})

test('a question comes from a call whose client is present rather than from one that waits for an answer already', () => {
  const present = call(b)
  expect(whoIsAsked([call(a, { isParked: true }), present], null, null)).toEqual({ session: b, call: present })
  const parked = call(a, { isParked: true })
  expect(whoIsAsked([parked], null, null)).toEqual({ session: a, call: parked })
  expect(whoIsAsked([call(a), call(b), call(b, { isParked: true })], null, null)).toBeNull()
})
