import type * as crypto from 'node:crypto'
import { createHash } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { FULL_GRANT, type KeySpec } from '../../../src/lib/core/index.js'
import { createAuthenticator } from '../../../src/lib/gateway/auth/index.js'

const compared = vi.hoisted(() => ({ count: 0 }))
vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>()
  return {
    ...real,
    timingSafeEqual: (...sides: Parameters<typeof real.timingSafeEqual>) => {
      compared.count++
      return real.timingSafeEqual(...sides)
    },
  }
})

it('compares what is shown with every key there is, in constant time, whether it is known or not', () => {
  const key = (text: string): KeySpec => ({ sha256: createHash('sha256').update(text).digest('hex'), grant: FULL_GRANT, expiresAt: null })
  const authenticator = createAuthenticator({ auth: { keys: { a: key('k1'), b: key('k2'), c: key('k3') }, jwt: [], resource: null, authorizationServers: [] }, token: 't', keys: null, isExposed: false, now: () => 0 })
  const costs = ['k1', 'k3', 'x', 'k1-and-more', 't'].map((apiKey) => {
    compared.count = 0
    void authenticator.identify({ authorization: undefined, apiKey, isTwice: false, address: '' })
    return compared.count
  })
  expect(costs).toEqual([4, 4, 4, 4, 4])
})
