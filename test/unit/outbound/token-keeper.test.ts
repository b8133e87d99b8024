import { expect, test } from 'vitest'
import { OutboundError } from '../../../src/lib/outbound/failure.js'
import { TokenKeeper, type Token, type TokenOrigin } from '../../../src/lib/outbound/token-keeper.js'

/** An origin that gives t1, t2, ... for 100 s each, or fails with what stands in `failure`. */
function keep(changes: Partial<TokenOrigin> = {}) {
  const world = { now: 0, renewals: 0, failure: null as OutboundError | null, there: null as Token | null }
  const make = (value: string): Token => ({ value, obtainedAt: world.now, renewAt: world.now + 90_000, expiresAt: world.now + 100_000 })
  const origin: TokenOrigin = {
    hint: 'look', asksFirst: false,
    begin: () => undefined,
    look: () => world.there,
    renew: async () => {
      await Promise.resolve()
      world.renewals++
      if (world.failure !== null) throw world.failure
      return make(`t${world.renewals}`)
    },
    close: () => undefined,
    ...changes,
  }
  return { world, make, keeper: new TokenKeeper(origin, () => world.now) }
}

const refusal = (headers: Readonly<Record<string, string>>, status = 401) => ({ status, challenge: null, headers })

test('a token in hand is handed out at once, and as the same object', async () => {
  const { keeper } = keep()
  const first = await keeper.headers()
  expect(first).toEqual({ authorization: 'Bearer t1' })
  expect(keeper.headers()).toBe(first)
  expect(keeper.secrets).toEqual(['t1'])
})

test('20 requests that need a token wait for one renewal', async () => {
  const { keeper, world } = keep()
  const all = await Promise.all(Array.from({ length: 20 }, async () => keeper.headers()))
  expect(new Set(all).size).toBe(1)
  expect(world.renewals).toBe(1)
})

test('20 requests that were refused with the same token lead to one renewal, and those told late to none', async () => {
  const { keeper, world } = keep()
  const old = await keeper.headers()
  world.now = 10_000
  expect(await Promise.all(Array.from({ length: 20 }, () => keeper.refused(refusal(old))))).toEqual(Array(20).fill(true))
  expect(world.renewals).toBe(2)
  world.now = 60_000
  expect(await keeper.refused(refusal(old))).toBe(true)
  expect(world.renewals).toBe(2)
})

test('a token that is refused as soon as it was got is not exchanged for the next one', async () => {
  const { keeper, world } = keep()
  expect(await keeper.refused(refusal(await keeper.headers()))).toBe(false)
  expect(world.renewals).toBe(1)
})

test('while it cannot be renewed, the old token is used until it has run out; the origin is asked less and less often', async () => {
  const { keeper, world } = keep()
  const old = await keeper.headers()
  world.failure = new OutboundError('unreachable', 'away')
  world.now = 91_000
  expect(await keeper.headers()).toBe(old)
  expect(keeper.headers()).toBe(old)
  expect(world.renewals).toBe(2)
  world.now = 92_500
  await keeper.headers()
  expect(world.renewals).toBe(3)
  world.now = 94_000
  expect(keeper.headers()).toBe(old)
  world.now = 101_000
  await expect(Promise.resolve().then(() => keeper.headers())).rejects.toThrow('away')
  expect(() => keeper.headers()).toThrow('away')
  world.failure = null
  world.now = 140_000
  expect(await keeper.headers()).toEqual({ authorization: 'Bearer t5' })
})

test('when somebody has to log in, nothing is sent any more, until a new connection finds a token', async () => {
  const { keeper, world, make } = keep()
  const old = await keeper.headers()
  world.failure = new OutboundError('login-needed', 'log in')
  world.now = 10_000
  await expect(keeper.refused(refusal(old))).rejects.toThrow('log in')
  expect(() => keeper.headers()).toThrow('log in')
  world.there = make('new')
  keeper.begin()
  expect(keeper.headers()).toEqual({ authorization: 'Bearer new' })
})

test('a token somebody else put there is taken instead of getting one', async () => {
  const { keeper, world, make } = keep()
  const old = await keeper.headers()
  world.there = make('theirs')
  expect(await keeper.refused(refusal(old))).toBe(true)
  expect(keeper.headers()).toEqual({ authorization: 'Bearer theirs' })
  expect(world.renewals).toBe(1)
})

test('where the server tells who gives tokens, the first requests go without, and their refusals lead to one', async () => {
  const { keeper, world } = keep({ asksFirst: true })
  const none = await keeper.headers()
  expect(none).toEqual({})
  expect(await Promise.all([keeper.refused(refusal(none)), keeper.refused(refusal(none))])).toEqual([true, true])
  expect(keeper.headers()).toEqual({ authorization: 'Bearer t1' })
  expect(await keeper.refused(refusal(none))).toBe(true)
  expect(world.renewals).toBe(1)
})
