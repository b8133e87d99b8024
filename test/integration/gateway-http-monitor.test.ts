import { afterEach, describe, expect, it } from 'vitest'
import type { Monitor, MonitorPage } from '../../src/lib/gateway/index.js'
import { openFake, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask } from './gateway-http-support.js'

const opened: Opened[] = []
const page = (status: number, text: string, contentType = 'application/json'): MonitorPage => ({ status, contentType, body: [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))] })

const monitor: Monitor = {
  metrics: (accept) => accept === 'break' ? Promise.reject(new Error('no figures')) : Promise.resolve(page(200, `accept ${String(accept)} ü`, 'text/plain; version=0.0.4')),
  health: (server) => Promise.resolve(server === null ? page(200, '{"all":true}') : page(server === 'gone' ? 404 : 503, JSON.stringify({ server }))),
}

async function open(settings: Parameters<typeof openFake>[0] = {}, options: Parameters<typeof openFake>[1] = { monitor }): Promise<string> {
  const front = await openFake(settings, options)
  opened.push(front)
  return front.url
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ front }) => front.close()))
})

const get = (url: string, headers: Record<string, string> = {}, method = 'GET') => ask(url, { method, headers })

describe('the paths for monitoring', () => {
  it('are answered with what the monitor says', async () => {
    const url = await open()
    const metrics = await get(`${url}/metrics?x=1`, { accept: 'text/plain' })
    expect(metrics).toMatchObject({ status: 200, text: 'accept text/plain ü', headers: { 'content-type': 'text/plain; version=0.0.4', 'cache-control': 'no-store', 'content-length': '20' } })
    expect(await get(`${url}/health`)).toMatchObject({ status: 200, text: '{"all":true}' })
    expect(await get(`${url}/health/my%2Dserver`)).toMatchObject({ status: 503, text: '{"server":"my-server"}' })
    expect(await get(`${url}/health/gone`)).toMatchObject({ status: 404 })
    expect(await get(`${url}/health/%zz`)).toMatchObject({ text: '{"server":"%zz"}' })
    expect(await get(`${url}/metrics/x`)).toMatchObject({ status: 404 })
    expect(await get(`${url}/healthy`)).toMatchObject({ status: 404 })
  })

  it('answer HEAD with the length alone, OPTIONS with the methods, and others not at all', async () => {
    const url = await open()
    expect(await get(`${url}/metrics`, {}, 'HEAD')).toMatchObject({ status: 200, text: '', headers: { 'content-length': '19' } })
    expect(await get(`${url}/health/x`, {}, 'HEAD')).toMatchObject({ status: 503, text: '' })
    expect(await get(`${url}/metrics`, {}, 'OPTIONS')).toMatchObject({ status: 204, headers: { allow: 'GET, HEAD, OPTIONS' } })
    for (const method of ['POST', 'PUT', 'DELETE']) expect(await get(`${url}/health`, {}, method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } })
  })

  it('are closed to foreign names and foreign web pages', async () => {
    const url = await open()
    for (const path of ['metrics', 'health', 'health/x']) {
      expect(await get(`${url}/${path}`, { host: 'evil.example' })).toMatchObject({ status: 403 })
      expect(await get(`${url}/${path}`, { origin: 'https://evil.example' })).toMatchObject({ status: 403 })
    }
    expect((await get(`${url}/health`, { origin: 'http://localhost:3000' })).headers).toMatchObject({ 'access-control-allow-origin': 'http://localhost:3000' })
  })

  it('ask for the token before they show anything', async () => {
    const url = await open({ token: 's3cret' })
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
    expect(await get(`${url}/metrics`, { authorization: 'Bearer s3cret' })).toMatchObject({ status: 200 })
    expect(await get(`${url}/health`, { authorization: 'Bearer s3cret' })).not.toMatchObject({ status: 401 })
    for (const path of ['health', 'health/x', 'healthy', 'metrics/', 'mcp', 'mcp/x']) expect(await get(`${url}/${path}`)).toMatchObject({ status: 401 })
  })

  it('show figures and health to everybody when the settings say so', async () => {
    const url = await open({ token: 's3cret', metrics: { compat: false, public: true } })
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 200 })
    expect((await get(`${url}/health`)).status).not.toBe(401)
    expect(await get(`${url}/mcp`)).toMatchObject({ status: 401 })
  })

  it('tell a defect as one, and go on', async () => {
    const url = await open()
    expect(await get(`${url}/metrics`, { accept: 'break' })).toMatchObject({ status: 500, json: { error: { message: 'defect in mcpctl: no figures' } } })
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 200 })
  })

  it('are not there without a monitor', async () => {
    const url = await open({}, {})
    for (const path of ['metrics', 'health', 'health/x']) expect(await get(`${url}/${path}`)).toMatchObject({ status: 404 })
  })
})
