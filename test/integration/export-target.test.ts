import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Io } from '../../src/lib/cli/index.js'
import { findTarget } from '../../src/lib/verbs/export-target.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { freePort } from '../helpers/port.js'

let home: TestHome
let said: string[]
const servers: Server[] = []

beforeEach(() => {
  home = createHome()
  said = []
})
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await home.cleanup()
})

function io(env: NodeJS.ProcessEnv = {}): Io {
  const terminal = { isTTY: false, color: false, unicode: true, columns: Number.POSITIVE_INFINITY } as unknown as Io['outTerminal']
  return { env: { HOME: home.base, MCP_HOME: home.home, ...env }, cwd: home.project, out: () => undefined, say: (text) => said.push(text), outTerminal: terminal, sayTerminal: terminal, json: false, signal: new AbortController().signal }
}

/** A gateway that answers every HEAD with this status. */
async function answering(status: number): Promise<number> {
  const server = createServer((_req, res) => { res.writeHead(status).end() })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

it('without a daemon takes the address of the configuration, and what that says about the token', async () => {
  const port = await freePort()
  home.config({}, { gateway: { port, host: '0.0.0.0', token: 'canary' } })
  expect(await findTarget(io(), undefined, undefined)).toEqual({ scheme: 'http', address: `127.0.0.1:${String(port)}`, path: '/metrics', needsToken: true })
  expect(said).toEqual([expect.stringContaining('nobody answers')])
  home.config({}, { gateway: { port, token: 'canary', metrics: { public: true } } })
  expect(await findTarget(io(), undefined, undefined)).toMatchObject({ needsToken: false })
})

it('asks whoever answers there whether a token is needed', async () => {
  const [closed, open] = [await answering(401), await answering(200)]
  expect(await findTarget(io(), `http://127.0.0.1:${String(closed)}`, undefined)).toEqual({ scheme: 'http', address: `127.0.0.1:${String(closed)}`, path: '/metrics', needsToken: true })
  expect(await findTarget(io(), `http://127.0.0.1:${String(open)}/mcp`, undefined)).toMatchObject({ path: '/metrics', needsToken: false })
  expect(await findTarget(io(), `http://127.0.0.1:${String(open)}/behind/a/proxy/metrics`, undefined)).toMatchObject({ path: '/behind/a/proxy/metrics' })
  expect(said).toEqual([])
})

it('says what to do when there is no port, and names no secret of an address it refuses', async () => {
  const file = home.config({})
  await expect(findTarget(io(), undefined, undefined)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(file) as unknown, hint: expect.stringContaining('--url') as unknown })
  for (const url of ['nowhere', 'file:///etc/passwd', 'http://h/?q', 'http://h/#x']) await expect(findTarget(io(), url, undefined)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(url) as unknown })
  const refused = await findTarget(io(), 'http://me:canary@h/', undefined).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'USAGE' })
  expect(JSON.stringify([refused, String(refused)])).not.toContain('canary')
})
