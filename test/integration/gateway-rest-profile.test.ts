import { afterEach, describe, expect, it } from 'vitest'
import { createHash } from 'node:crypto'
import { FULL_GRANT } from '../../src/lib/core/index.js'
import { EVERYTHING, openHttpFront, type HttpFront } from '../../src/lib/gateway/index.js'
import { createRig } from '../unit/gateway/rig.js'
import { ask } from './gateway-http-support.js'

let front: HttpFront
afterEach(async () => { await front.close() })

describe('the tools of one server', () => {
  it('are those that the profile shows of it, where a profile is asked', async () => {
    const look = { catalogue: { tools: [{ name: 'look', inputSchema: {} }] } }
    const membership = { group: 'db', strategy: 'priority', sticky: 'none', priority: 1, weight: 1 } as const
    const rig = createRig({ db: look, web: look, 'db@kairos': { catalogue: { tools: [{ name: 'mine', inputSchema: {} }] }, traffic: { profile: 'kairos', membership } } }, { profiles: { kairos: { servers: ['db'], tags: [] } } })
    const key = (text: string, profile: string | null) => ({ sha256: createHash('sha256').update(text).digest('hex'), grant: { ...FULL_GRANT, profile }, expiresAt: null })
    front = await openHttpFront({
      gateway: rig.gateway, view: EVERYTHING, store: null, log: () => undefined,
      settings: { host: '127.0.0.1', port: 0, token: null, allowedHosts: [], allowedOrigins: [], sse: false, rest: true, auth: { keys: { all: key('k1', null), bound: key('k2', 'kairos') }, jwt: [], resource: null, authorizationServers: [] } },
    })
    const tools = async (path: string, bearer: string): Promise<unknown> => {
      const { status, text } = await ask(`http://127.0.0.1:${String(front.address?.port)}${path}`, { method: 'GET', headers: { authorization: `Bearer ${bearer}` } })
      return status === 200 ? (JSON.parse(text) as { tools: { name: string }[] }).tools.map(({ name }) => name) : status
    }
    expect(await tools('/tools?server=db', 'k1')).toEqual(['db__look'])
    expect(await tools('/profiles/kairos/tools?server=db', 'k1')).toEqual(['db__mine'])
    expect(await tools('/tools?server=db', 'k2')).toEqual(['db__mine'])
    for (const [path, bearer] of [['/profiles/kairos/tools?server=web', 'k1'], ['/tools?server=web', 'k2'], ['/tools?server=nobody', 'k1']] as const) expect(await tools(path, bearer), path).toBe(404)
  })
})
