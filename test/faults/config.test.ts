import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import { daemonFacts, fixture, kill, logOf, look, pidOf, processesLeft, serverOf, untilGone, untilServer } from '../e2e/support.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { fault, type Lab } from './lab.js'
import { faulty, QUICK, tiny } from './servers.js'

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0
const NOBODY = 65_534
const NEEDS_MOUNT = isRootOnLinux ? null : 'only root can mount a file system'

function mountSmall(lab: Lab, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs', folder])
  lab.onGone(() => execFileSync('umount', ['-l', folder]))
}

function fillUp(folder: string): void {
  const page = Buffer.alloc(statfsSync(folder).bsize)
  for (;;) {
    try {
      appendFileSync(join(folder, 'ballast'), page)
    } catch {
      return
    }
  }
}

fault('F56', async (lab) => {
  const { home } = lab
  home.config({ a: tiny() })
  // A home on a file system that was mounted read-only.
  mkdirSync(home.home, { mode: 0o700 })
  execFileSync('mount', ['--bind', home.home, home.home])
  execFileSync('mount', ['-o', 'remount,bind,ro', home.home])
  const refused = await lab.run(['start'])
  execFileSync('umount', [home.home])
  expect(refused.exitCode).toBe(6)
  expect(refused.stderr).toMatch(new RegExp(`^error: cannot use ${home.home}\\S*: the file system is read-only\\nhint: `))
  expect(processesLeft(home)).toEqual([])
  // A folder of PID files that belongs to somebody else is refused as well.
  const foreign = join(home.base, 'foreign')
  mkdirSync(foreign)
  chownSync(foreign, NOBODY, NOBODY)
  const theirs = await lab.run(['start'], { env: { MCP_PID_DIR: foreign } })
  expect([theirs.exitCode, theirs.stderr]).toEqual([6, expect.stringMatching(new RegExp(`^error: cannot use ${foreign}: it belongs to another user\\n`))])
  expect(processesLeft(home)).toEqual([])
  expect(readdirSync(foreign)).toEqual([])
  // One that is missing is made; one that disappears later costs no server.
  const missing = join(home.base, 'deep/er/pids')
  const env = { MCP_PID_DIR: missing }
  expect((await lab.run(['start'], { env })).exitCode).toBe(0)
  await lab.watch()
  await waitFor(() => readFileSync(join(missing, 'a.pid'), 'utf8'))
  rmSync(missing, { recursive: true })
  expect((await lab.run(['restart', 'a'], { env })).exitCode).toBe(0)
  expect(await serverOf(home, 'a')).toMatchObject({ ready: true, generation: 2 })
  expect((await lab.run(['stop', '--keep-daemon'], { env })).exitCode).toBe(0)
}, { unless: NEEDS_MOUNT })

fault('F57', async (lab) => {
  const { home } = lab
  const session = { a: fixture('mcp-legacy.mjs'), b: tiny() }
  await lab.start(session)
  const { root } = home.paths
  const files = (): string[] => ['state', 'run', 'pids'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)))
  const spoil: Record<string, (file: string) => void> = {
    empty: (file) => writeFileSync(file, ''),
    'cut in half': (file) => writeFileSync(file, readFileSync(file).subarray(0, lstatSync(file).size / 2)),
    'random bytes': (file) => writeFileSync(file, Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 97) % 256))),
    'another shape': (file) => writeFileSync(file, '[{"pid":{}},null]'),
  }
  const spoiled = new Set<string>()
  for (const [how, change] of Object.entries(spoil)) {
    // What a daemon in its orderly work writes with delay has to be there before it dies.
    await waitFor(() => files().some((file) => file.endsWith('catalogue.json')))
    const { pid } = daemonFacts(home)
    kill(pid)
    await untilGone(pid)
    await waitFor(() => processesLeft(home).length === 0)
    for (const file of files()) {
      change(file)
      spoiled.add(file.slice(root.length + 1))
    }
    const { exitCode, stderr } = await lab.run(['start'])
    expect([how, exitCode, stderr]).toEqual([how, 0, expect.not.stringMatching(/defect|error:/)])
    expect((await look(home))?.servers.map(({ name, ready, generation }) => [name, ready, generation])).toEqual([['a', true, 1], ['b', true, 1]])
  }
  await lab.watch()
  lab.measured([...spoiled].sort().join(', '))
})

fault('F55', async (lab) => {
  const { home } = lab
  mountSmall(lab, home.paths.logs)
  mountSmall(lab, home.paths.state)
  await lab.start({ a: { ...faulty(), restart: QUICK }, b: tiny() })
  const client = await lab.legacy()
  for (const folder of [home.paths.logs, home.paths.state]) fillUp(folder)
  await client.call('a__flood', { kind: 'stderr', bytes: 200_000 })
  kill(await pidOf(home, 'a'))
  await untilServer(home, 'a', ({ ready, generation }) => ready && generation === 2)
  expect((await lab.run(['restart', 'b'])).exitCode).toBe(0)
  const status = await lab.run(['status', 'a'])
  expect(status.stdout).toMatch(/cannot be written: ENOSPC.*bytes dropped/)
  for (const folder of [home.paths.logs, home.paths.state]) rmSync(join(folder, 'ballast'))
  const from = performance.now()
  await waitFor(async () => {
    await client.call('a__flood', { kind: 'stderr', bytes: 10 })
    return (await logOf(home, 'a')).some(({ stream, text }) => stream === 'mark' && /^\d+ bytes dropped$/.test(text))
  }, { timeoutMs: 45_000, pollMs: 250, what: 'the log to go on' })
  expect((await lab.run(['status', 'a'])).stdout).not.toContain('cannot be written')
  lab.measured(`logging again ${((performance.now() - from) / 1000).toFixed(1)} s after there was space`)
}, { waits: true, timeoutMs: 90_000, unless: NEEDS_MOUNT })

fault('F58', async (lab) => {
  const secret = 'canary-9c1f7'
  const pem = (name: string): string => readFileSync(new URL(`fixture/tls/${name}.pem`, import.meta.url), 'utf8')
  const open = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    lab.defer(() => {
      if ('closeAllConnections' in server) (server as http.Server).closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }
  const secure = (name: string): Promise<number> => open(https.createServer({ key: pem(name), cert: pem(name) }, (_, response) => response.end()))
  const failing = await open(http.createServer((_, response) => response.writeHead(503).end(`no, ${secret}`)))
  const silent = await open(http.createServer(() => undefined))
  const later = await freePort()
  const wanted: Record<string, [string, RegExp]> = {
    unknown: ['http://no-such-host.invalid/mcp', /host name of \S*no-such-host\.invalid is not known|name server gave no answer/],
    selfSigned: [`https://127.0.0.1:${await secure('self-signed')}/mcp`, /TLS certificate of \S+ is self-signed/],
    expired: [`https://127.0.0.1:${await secure('expired')}/mcp`, /TLS certificate of \S+ has expired/],
    failing: [`http://127.0.0.1:${failing}/mcp`, /answered with HTTP 503/],
    silent: [`http://127.0.0.1:${silent}/mcp`, /not ready within its start timeout/],
    notTls: [`https://127.0.0.1:${failing}/mcp`, /does not speak TLS/],
    absent: [`http://127.0.0.1:${later}/mcp`, /nothing listens on/],
  }
  const entry = (url: string): Record<string, unknown> => ({ url: `${url}?key=${secret}`, headers: { Authorization: `Bearer ${secret}` }, startTimeout: '1s', restart: { backoff: { initial: '100ms', max: '1s' }, intensity: { restarts: 1000, window: '10m' } } })
  lab.home.config(Object.fromEntries(Object.entries(wanted).map(([name, [url]]) => [name, entry(url)])))
  // The one that has expired is trusted otherwise.
  const started = await lab.run(['start', '--timeout', '4s'], { env: { NODE_EXTRA_CA_CERTS: new URL('fixture/tls/expired.pem', import.meta.url).pathname } })
  expect(started.exitCode).not.toBe(0)
  await lab.watch()
  for (const [name, [, cause]] of Object.entries(wanted)) {
    const server = await untilServer(lab.home, name, ({ phase, restarts, reason }) => phase === 'backoff' && restarts >= 2 && cause.test(reason))
    expect(server.retryAt ?? 0).toBeGreaterThan(server.since)
  }
  const told = [started.stderr, (await lab.run(['status'])).stdout, (await lab.run(['status', '--json'])).stdout, (await lab.run(['status', ...Object.keys(wanted)])).stdout, (await lab.run(['logs', '--tail', 'all'])).stdout]
  expect(told.filter((text) => text.includes(secret))).toEqual([])
  const { command, args } = fixture('mcp-http.mjs', '--port', String(later))
  const child = spawn(command, args, { stdio: 'ignore' })
  lab.defer(() => child.kill('SIGKILL'))
  await untilServer(lab.home, 'absent', ({ ready }) => ready)
  await lab.run(['stop', '--keep-daemon'])
}, { waits: true, timeoutMs: 60_000 })
