import { describe, expect, it } from 'vitest'
import { isHost, isLoopbackHost, isToken, readPort } from '../../../src/lib/config/address.js'

describe('addresses', () => {
  it.each(['localhost', 'LocalHost', '127.0.0.1', '127.255.0.3', '::1'])('%s is only this machine', (host) => {
    expect(isLoopbackHost(host)).toBe(true)
  })

  it.each(['0.0.0.0', '::', '::2', '1::1', 'a.localhost', '127.1',  '128.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', 'notlocalhost', '::ffff:10.0.0.1', ''])('%s is not', (host) => {
    expect(isLoopbackHost(host)).toBe(false)
  })

  it.each(['a', 'a-b.example', '10.0.0.1', '::', 'fe80::1'])('%s is a host', (text) => {
    expect(isHost(text)).toBe(true)
  })

  it.each(['', '-a', 'a:80', '[::1]', 'http://a', 'a b', 'a/b', 'x'.repeat(254)])('%j is none', (text) => {
    expect(isHost(text)).toBe(false)
  })

  it('ports and tokens have their limits', () => {
    expect(['1', '65535', '080'].map(readPort)).toEqual([1, 65_535, 80])
    expect(['0', '65536', '-1', '1.5', '', ' 1', '1e3'].map(readPort)).toEqual(Array.from({ length: 7 }))
    expect(['a', '~!=', 'x'.repeat(4096)].every(isToken)).toBe(true)
    expect(['', 'a b', 'ä', 'a\n', 'x'.repeat(4097)].some(isToken)).toBe(false)
  })
})
