import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServerSnapshot } from '../../src/lib/core/index.js'
import { freePort } from '../helpers/port.js'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { textOf, type LineClient } from './gateway-client.js'
import { talkative, useGateway } from './gateway-support.js'
import { followEvents } from './breaker-support.js'
import { kill, pidOf, serverOf, untilServer } from './support.js'

const FAULTY = fileURLToPath(new URL('../fixtures/servers/http-faulty.mjs', import.meta.url))
const QUICK = { policy: 'always', backoff: { initial: '10ms', max: '50ms' }, intensity: { restarts: 1000, window: '1m' } }

let [port, child] = [0, null as ReturnType<typeof spawn> | null]
beforeAll(async () => {
  port = await freePort()
  child = spawn(process.execPath, [FAULTY, '--port', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child.stderr ?? child, 'data')
})
afterAll(() => { child?.kill('SIGKILL') })

/** How the server answers tool calls from now on; gives how often it was called until then. */
async function fault(kind: string): Promise<{ calls: number; initialized: number }> {
  const response = await fetch(`http://127.0.0.1:${port}/fault`, { method: 'POST', body: kind })
  return await response.json() as { calls: number; initialized: number }
}

const rig = useGateway((gateway) => gateway.start({
  remote: { url: `http://127.0.0.1:${port}/mcp` },
  // Tried again when somebody asks for it, and not by itself.
  hung: { url: `http://127.0.0.1:${port}/mcp`, timeouts: { total: '1s' }, breaker: { recovery: '5m', maxRecovery: '10m', trials: 1 } },
  local: talkative(gateway, 'local', ['--delay', '100'], { restart: QUICK }),
}))

const call = (client: LineClient, server = 'remote') => client.call(`${server}__echo`, { text: 'x' })
const isBreaker = (state: string) => ({ breaker }: ServerSnapshot): boolean => breaker?.state === state
const health = async (name: string) => (await (await fetch(rig().url.replace('/mcp', `/health/${name}`))).json()) as { status: string; metrics: Record<string, unknown> }

/** Calls until the breaker has closed. */
async function callUntilClosed(client: LineClient, server: string): Promise<void> {
  await waitFor(async () => {
    const { error } = await call(client, server)
    return error === undefined && isBreaker('closed')(await serverOf(rig().home, server)) ? true : null
  }, { timeoutMs: 20_000, pollMs: 50, what: `${server} to be closed again` })
}

describe('a remote server', () => {
  test('that answers 500 is sent no more calls, connected anew, and trusted again when a few went well', async () => {
    const events = await followEvents(rig().home, 'remote')
    const client = await rig().legacy()
    expect(textOf(await call(client))).toBe('done')
    const { initialized } = await fault('500')
    for (let failed = 0; failed < 5; failed++) expect((await call(client)).error).toMatchObject({ data: { reason: 'unreachable', outcome: 'unknown' } })
    const { error } = await call(client)
    expect(error).toMatchObject({ code: -32603, data: { reason: 'breaker-open', outcome: 'not-delivered', server: 'remote', retryAfterMs: expect.any(Number) as number } })
    expect(error?.message).toContain('5 calls in a row failed')
    expect((await untilServer(rig().home, 'remote', ({ ready, generation }) => ready && generation > 1)).breaker).toMatchObject({ opened: 1, failures: 5 })
    expect((await fault('ok')).initialized, 'a new handshake').toBeGreaterThan(initialized)
    await callUntilClosed(client, 'remote')
    await events.close()
    expect(events.changes.slice(0, 3).map(({ from, to }) => `${from} > ${to}`)).toEqual(['closed > open', 'open > half-open', 'half-open > closed'])
    expect(events.changes[0]?.reason).toBe(`5 calls in a row failed, last: http://127.0.0.1:${port} answered with HTTP 500`)
  })

  test('that hangs is seen by everybody who looks: status, why, health, metrics; reconnect tries it at once', async () => {
    const client = await rig().legacy()
    await fault('hang')
    await Promise.all(Array.from({ length: 5 }, () => call(client, 'hung').then(({ error }) => { expect(error).toMatchObject({ data: { reason: 'timeout' } }) })))
    const { breaker: open } = await untilServer(rig().home, 'hung', isBreaker('open'))
    expect(open?.reason).toBe('5 calls in a row failed, last: did not answer within 1000 ms')
    expect((await call(client, 'hung')).error).toMatchObject({ data: { reason: 'breaker-open' } })
    await runOk(['reconnect', 'hung'], { home: rig().home })
    expect((await call(client, 'hung')).error).toMatchObject({ data: { reason: 'timeout' } })
    const { breaker: again } = await untilServer(rig().home, 'hung', isBreaker('open'))
    expect((again?.retryAt ?? 0) - (again?.since ?? 0)).toBeGreaterThan((open?.retryAt ?? Infinity) - (open?.since ?? 0))
    expect(await health('hung')).toMatchObject({ metrics: { circuit_breaker_state: 'open' } })
    const [table, why, metrics] = await Promise.all([runOk(['status'], { home: rig().home }), runOk(['why', 'hung'], { home: rig().home }), fetch(rig().url.replace('/mcp', '/metrics')).then((page) => page.text())])
    expect(table.stdout).toMatch(/hung is sent no calls, its breaker is open: tried again, and failed: did not answer within 1000 ms; next try in/)
    expect(why.stdout).toContain('mcpctl reconnect hung')
    expect(metrics).toMatch(/mcpctl_breaker_state\{server="hung"\} 2/)
    await fault('ok')
    const { stdout } = await runOk(['reconnect', '--json'], { home: rig().home })
    expect(JSON.parse(stdout)).toMatchObject({ connected_servers: 3, total_servers: 3, names: ['hung'], servers: { hung: { connected: true, phase: 'ready' }, local: { connected: true, breaker: 'closed' } } })
    await callUntilClosed(client, 'hung')
  })

  test('that answers with errors of its own is left alone', async () => {
    const client = await rig().legacy()
    await fault('error')
    const { opened } = (await serverOf(rig().home, 'remote')).breaker ?? { opened: -1 }
    for (let failed = 0; failed < 8; failed++) expect((await call(client)).error).toMatchObject({ code: -32000, message: 'it cannot be done' })
    expect((await serverOf(rig().home, 'remote')).breaker).toMatchObject({ state: 'closed', failures: 0, opened })
  })

  test('that says how long it wants to be left alone is left alone for as long, and not replaced', async () => {
    const client = await rig().legacy()
    const { initialized } = await fault('429')
    for (let failed = 0; failed < 5; failed++) expect((await call(client)).error).toMatchObject({ data: { retryAfterMs: 2000 } })
    const { breaker } = await untilServer(rig().home, 'remote', isBreaker('open'))
    expect((breaker?.retryAt ?? 0) - (breaker?.since ?? 0)).toBeGreaterThanOrEqual(2000)
    expect((await fault('ok')).initialized).toBe(initialized)
    await callUntilClosed(client, 'remote')
  })
})

test('a process that is killed under its calls is trusted again by itself, and calls that come meanwhile are kept', async () => {
  const events = await followEvents(rig().home, 'local')
  const client = await rig().legacy()
  const slow = client.call('local__slow', { ms: 60_000, mark: 'killed' })
  await rig().untilRecorded('local', ({ line }) => line.includes('"killed"'))
  kill(await pidOf(rig().home, 'local'))
  expect((await slow).error).toMatchObject({ data: { outcome: 'unknown' } })
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(client, 'local')))
  expect(answers.map(textOf)).toEqual(answers.map(() => 'x'))
  await untilServer(rig().home, 'local', isBreaker('closed'))
  await events.close()
  expect(events.changes.map(({ from, to }) => `${from} > ${to}`)).toEqual(['closed > open', 'open > half-open', 'half-open > closed'])
  const { exitCode } = await run(['reconnect', 'nobody'], { home: rig().home })
  expect(exitCode).toBe(4)
})
