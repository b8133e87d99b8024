import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Guard } from '../../../src/lib/gateway/http/guard.js'
import type { Incoming } from '../../../src/lib/gateway/http/exchange.js'

const SETTINGS = { host: '127.0.0.1', port: 1, token: null, allowedHosts: [], allowedOrigins: [], sse: false }

function request(headers: Record<string, string>): Incoming {
  return { headers } as unknown as Incoming
}

describe('the host of a request', () => {
  const guard = new Guard({ ...SETTINGS, allowedHosts: ['Box.example'] })

  it.each(['localhost', 'localhost:7420', 'LOCALHOST:1', '127.0.0.1', '127.0.0.1:65535', '127.1.2.3', '[::1]', '[::1]:7420', 'box.example', 'box.EXAMPLE:80'])('may be %s', (host) => {
    expect(guard.checkPlace(request({ host }))).toBeNull()
    expect(guard.checkPlace(request({ host }))).toBeNull()
  })

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:127', '', 'localhost:', '[::1', '::1', '[::2]', '10.0.0.1', 'localhost@evil.example', 'evil.example#localhost', 'a:b:c'])('must not be "%s"', (host) => {
    expect(guard.checkPlace(request({ host }))).toMatchObject({ status: 403, data: { reason: 'host' } })
  })

  it('has to be named at all', () => {
    expect(guard.checkPlace(request({}))).toMatchObject({ status: 403 })
  })

  it('may be the one listened on', () => {
    expect(new Guard({ ...SETTINGS, host: '192.168.7.7', token: 'x' }).checkPlace(request({ host: '192.168.7.7:7420' }))).toBeNull()
    expect(new Guard({ ...SETTINGS, host: '::1' }).checkPlace(request({ host: '[::1]:7420' }))).toBeNull()
  })

  it('is refused without harm whatever it is', () => {
    fc.assert(fc.property(fc.string(), (host) => {
      const refusal = guard.checkPlace(request({ host }))
      expect(refusal === null || refusal.message.length < 400).toBe(true)
    }))
  })
})

describe('the origin of a request', () => {
  const guard = new Guard({ ...SETTINGS, allowedOrigins: ['https://App.example/'] })
  const check = (origin: string): unknown => guard.checkPlace(request({ host: 'localhost', origin }))

  it.each(['http://localhost', 'http://localhost:3000', 'https://127.0.0.1:8443', 'http://[::1]:5173', 'https://app.example'])('may be %s', (origin) => {
    expect(check(origin)).toBeNull()
  })

  it.each(['http://evil.example', 'http://app.example', 'https://app.example.evil', 'https://app.example:444', 'null', '', 'file://', 'ftp://localhost', 'http://localhost.evil.example', 'http://localhost/evil'])('must not be "%s"', (origin) => {
    expect(check(origin)).toMatchObject({ status: 403, data: { reason: 'origin' } })
  })
})
