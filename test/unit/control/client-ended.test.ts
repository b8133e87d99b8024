import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connectControl, ensureHome, openControlServer, resolveHome, type Home } from '../../../src/lib/control/index.js'

let home: Home

beforeEach(() => {
  home = resolveHome({ MCP_HOME: mkdtempSync(join(tmpdir(), 'mcpctl-client-ended-')) })
  ensureHome(home)
})

afterEach(() => {
  rmSync(home.root, { recursive: true, force: true })
})

it('a request made after the daemon has closed the connection is refused at once, not left open', async () => {
  const server = await openControlServer(home, '1.0.0', () => Promise.resolve({}))
  const client = await connectControl(home, '1.0.0')
  if (client === null) throw new Error('nothing listens')
  await client.hello
  await server.close()
  await client.ended
  const settled = await Promise.race([
    client.request('snapshot', { names: null, detail: false }).then(
      () => 'answered',
      (error: unknown) => error,
    ),
    new Promise((resolve) => setImmediate(() => setImmediate(() => resolve('still open')))),
  ])
  expect(settled).toMatchObject({ code: 'DAEMON_UNREACHABLE', details: { leaving: true } })
})
