import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSealKey, readSealKey, seal, unseal } from '../../../src/lib/outbound/seal.js'

describe('a sealed text', () => {
  it('is opened by its key for what it is bound to, and by nothing else', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ maxLength: 20 }), (text, bound) => {
      const key = createSealKey()
      const sealed = seal(text, key, bound)
      expect(unseal(sealed, key, bound)).toBe(text)
      expect(unseal(sealed, createSealKey(), bound)).toBeNull()
      expect(unseal(sealed, key, `${bound}x`)).toBeNull()
    }))
  })

  it('cannot be changed anywhere', () => {
    const key = createSealKey()
    const bytes = Buffer.from(seal('a token', key, 'far'), 'base64')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(unseal(changed.toString('base64'), key, 'far'), `byte ${at}`).toBeNull()
      expect(unseal(bytes.subarray(0, at).toString('base64'), key, 'far'), `${at} bytes`).toBeNull()
    }
  })

  it('is another one each time', () => {
    const key = createSealKey()
    expect(seal('same', key, '')).not.toBe(seal('same', key, ''))
  })
})

it('a key is read with the line break a keychain puts behind it, and nothing else is one', () => {
  const key = createSealKey()
  expect(readSealKey(`${key}\n`)).toBe(key)
  expect([readSealKey(''), readSealKey(key.slice(1)), readSealKey(`${key}0`), readSealKey('z'.repeat(64))]).toEqual([null, null, null, null])
})
