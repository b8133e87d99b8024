import { expect, it } from 'vitest'
import { bareHost, isLoopback } from '../../../src/lib/base/index.js'

it('knows which addresses only this machine can reach', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]']) expect(isLoopback(host)).toBe(true)
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.com', '127.0.0.1.example.com', '']) expect(isLoopback(host)).toBe(false)
})

it('takes a host out of the brackets it has in URLs', () => {
  expect(['[::1]', 'LOCALHOST', '[fe80::1', 'a]'].map(bareHost)).toEqual(['::1', 'localhost', '[fe80::1', 'a]'])
})
