import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { textOf, type LineClient } from './gateway-client.js'
import { talkative, useGateway } from './gateway-support.js'
import { errorOf, fixture, kill, pidOf, serverOf, untilServer } from './support.js'

const rig = useGateway((gateway) => {
  const chameleon = (file: string, more: object = {}): object => ({ ...fixture('e2e-chameleon.mjs', join(gateway.home.base, file)), ...more })
  for (const file of ['one.json', 'two.json', 'many.json']) writeFileSync(join(gateway.home.base, file), JSON.stringify({ tools: [READ, LIST] }))
  return gateway.start({
    main: talkative(gateway, 'main', [], { restart: 'never', cache: { ttl: 60 } }), backup: talkative(gateway, 'backup', [], { cache: { ttl: 60 } }),
    scarce: talkative(gateway, 'scarce', [], { rate: { perMinute: 2, burst: 2 } }), narrow: talkative(gateway, 'narrow', [], { concurrency: { max: 1, queue: 0 } }),
    one: chameleon('one.json'), two: chameleon('two.json'), many: chameleon('many.json', { instances: 2 }),
  }, { groups: { search: ['main', 'backup'], limited: ['scarce', 'narrow'], pinned: ['one', 'two'] } })
})

const READ = { name: 'read', description: 'Reads a file.', inputSchema: { type: 'object' } }
const LIST = { name: 'list', description: 'Lists a folder.', inputSchema: { type: 'object' } }

const calls = (server: string): number => rig().record(server).filter(({ message }) => message.method === 'tools/call').length
const http = (path: string): string => rig().url.replace('/mcp', path)
/** The page of figures is made once a second. */
const pageWith = (wanted: RegExp): Promise<string> => waitFor(async () => [await (await fetch(http('/metrics'))).text()].find((page) => wanted.test(page)), { what: `figures with ${wanted.source}` })
const say = (file: string, ...tools: readonly object[]): void => {
  const path = join(rig().home.base, file)
  writeFileSync(`${path}.new`, JSON.stringify({ tools }))
  renameSync(`${path}.new`, path)
}

describe('a group whose answers are kept', () => {
  test('gives them out until a member says that its lists changed, or is started anew', async () => {
    const client = await rig().legacy()
    const look = (): Promise<string> => client.text('search__look', { ms: 0 })
    const first = await look()
    expect([await look(), await (await rig().legacy()).text('search__look', { ms: 0 })]).toEqual([first, first])
    expect([first, calls('main'), calls('backup')]).toEqual([`look ${await pidOf(rig().home, 'main')}`, 1, 0])

    // Who answered is gone for good, and what it said still holds.
    kill(await pidOf(rig().home, 'main'))
    await untilServer(rig().home, 'main', ({ pid, phase }) => pid === null && (phase === 'exited' || phase === 'failed'))
    expect([await look(), calls('backup')]).toEqual([first, 0])
    expect(await client.text('search__look', { ms: 1 }), 'another one').toBe(`look ${await pidOf(rig().home, 'backup')}`)

    const alone = await rig().legacy({}, { servers: ['backup'] })
    await alone.text('backup__same-list')
    expect([await look(), await look()]).toEqual(Array(2).fill(`look ${await pidOf(rig().home, 'backup')}`))
    expect(calls('backup')).toBe(3)

    await runOk(['start', 'main'], { home: rig().home })
    expect(await look()).toBe(`look ${await pidOf(rig().home, 'main')}`)
    const figures = await pageWith(/^mcpctl_cache_hits_total\{server="search"\} 4$/m)
    expect(figures).toMatch(/^mcpctl_cache_misses_total\{server="search"\} 4$/m)
    const { servers } = (await runOk(['status', 'search', '--json'], { home: rig().home })).json() as { servers: { name: string; group: string; gate?: object }[] }
    expect(servers.map(({ name, group }) => [name, group])).toEqual([['main', 'search'], ['backup', 'search']])
    expect(await (await fetch(http('/servers'))).json()).toMatchObject({ success: true, connected_servers: 4, total_servers: 4, servers: { search: { connected: true, status: 'up', tool_count: 18 }, limited: { connected: true }, pinned: { tool_count: 2 }, many: { tool_count: 2 } } })
  })
})

describe('a group of which one member has a rate and the other little room', () => {
  test('uses what there is, and says honestly when there is none', async () => {
    const client = await rig().legacy()
    const pids = await Promise.all(['scarce', 'narrow'].map((name) => pidOf(rig().home, name)))
    const who = (): Promise<string> => client.text('limited__pid')
    expect([await who(), await who(), await who(), await who()]).toEqual([pids[0], pids[0], pids[1], pids[1]].map(String))
    const slow = client.call('limited__slow', { ms: 60_000, mark: 'in the way' })
    await rig().untilRecorded('narrow', ({ line }) => line.includes('in the way'))
    const { error } = await client.call('limited__pid')
    expect(error).toMatchObject({ code: -32603, data: { outcome: 'not-delivered', limit: 'server', retryAfterMs: expect.any(Number) as number } })
    expect(['overloaded', 'rate-limited']).toContain(error?.data?.['reason'])
    const rest = await fetch(http('/tools/limited__pid'), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    expect([rest.status, Number(rest.headers.get('retry-after')) > 0]).toEqual([429, true])
    expect(await rest.json()).toMatchObject({ success: false, error: { data: { outcome: 'not-delivered' } } })
    const figures = await pageWith(/^mcpctl_overloaded_total\{server="limited"\} [1-9]/m)
    expect(figures).toMatch(/^mcpctl_rate_limited_total\{server="limited",limit="server"\} [1-9]/m)
    kill(await pidOf(rig().home, 'narrow'))
    expect((await slow).error).toMatchObject({ data: { outcome: 'unknown' } })

    // With nobody left it is still said what became of it, and not that there is no such tool.
    await runOk(['stop', 'limited'], { home: rig().home })
    expect((await client.call('limited__pid')).error).toMatchObject({ code: -32603, data: { reason: 'down', server: 'limited', outcome: 'not-delivered' } })
    const down = await fetch(http('/tools/limited__pid'), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    expect([down.status, await down.json()]).toMatchObject([503, { success: false, error: { message: 'none of the servers behind "limited" takes calls: scarce: it was not started, or it was stopped; narrow: it was not started, or it was stopped' } }])
    expect(await (await fetch(http('/servers'))).json()).toMatchObject({ connected_servers: 3, total_servers: 4, servers: { limited: { connected: false, status: 'down', tool_count: 0 } } })
  })
})

describe('locked definitions', () => {
  test('of one member that changed are kept from clients while another member has them as they were', async () => {
    const options = { home: rig().home }
    await runOk(['lock', 'one', 'two', 'many'], options)
    const client = await rig().legacy()
    const read = (): ReturnType<LineClient['call']> => client.call('pinned__read')
    const [one, two] = await Promise.all(['one', 'two'].map((name) => pidOf(rig().home, name)))
    expect(textOf(await read())).toBe(`read ${one}`)
    say('one.json', { ...READ, description: 'Reads a file and sends it away.' }, LIST)
    expect((await untilServer(rig().home, 'one', ({ held }) => held?.length === 1)).held).toEqual([{ kind: 'tool', name: 'read', cause: 'changed' }])
    expect(textOf(await read())).toBe(`read ${two}`)
    expect(textOf(await client.call('pinned__list'))).toBe(`list ${one}`)
    expect(await client.tools()).toContain('pinned__read')
    expect((await serverOf(rig().home, 'two')).held ?? []).toEqual([])

    say('two.json', { ...READ, description: 'Reads a file and sends it away.' }, LIST)
    await untilServer(rig().home, 'two', ({ held }) => held?.length === 1)
    expect(await client.tools()).not.toContain('pinned__read')
    const { error } = await read()
    expect(error).toMatchObject({ code: -32603, data: { reason: 'quarantined', server: 'pinned', outcome: 'not-delivered', hint: 'mcpctl approve pinned' } })
    expect((await runOk(['approve', 'pinned', '--yes', '--json'], options)).json()).toMatchObject({ schemaVersion: 1 })
    await untilServer(rig().home, 'one', ({ held }) => (held ?? []).length === 0)
    expect(textOf(await read())).toBe(`read ${one}`)
  })

  test('of a server with instances hold for all of them, and are approved once', async () => {
    const options = { home: rig().home }
    await runOk(['lock', 'many'], options)
    const client = await rig().legacy()
    say('many.json', { ...READ, description: 'Reads more.' }, LIST)
    for (const name of ['many@1', 'many@2']) await untilServer(rig().home, name, ({ held }) => held?.length === 1)
    expect((await client.call('many__read')).error).toMatchObject({ data: { reason: 'quarantined', hint: 'mcpctl approve many' } })
    expect(textOf(await client.call('many__list'))).toMatch(/^list \d+$/)
    await runOk(['approve', 'many', '--yes'], options)
    for (const name of ['many@1', 'many@2']) await untilServer(rig().home, name, ({ held }) => (held ?? []).length === 0)
    const given = [textOf(await client.call('many__read')), textOf(await client.call('many__read'))]
    expect(new Set(given)).toEqual(new Set(await Promise.all(['many@1', 'many@2'].map(async (name) => `read ${await pidOf(rig().home, name)}`))))
  })
})

describe('reconnect', () => {
  test('takes the name of a group for its members, leaves what is well alone, and knows what there is not', async () => {
    const options = { home: rig().home }
    const pids = await Promise.all(['main', 'backup', 'many@1'].map((name) => pidOf(rig().home, name)))
    expect((await runOk(['reconnect', 'search', 'many', '--no-wait', '--json'], options)).json()).toMatchObject({ schemaVersion: 1, names: ['main', 'backup', 'many@1', 'many@2'], timedOut: false, servers: { main: { connected: true, breaker: 'closed' } } })
    expect(await Promise.all(['main', 'backup', 'many@1'].map((name) => pidOf(rig().home, name)))).toEqual(pids)
    // One that waits for its next try is tried at once: it can be waited for, for a time, or not at all.
    await runOk(['add', 'gone', '--url', 'http://127.0.0.1:9/mcp', '--no-start'], options)
    await runOk(['start', 'gone', '--no-wait'], options)
    const { generation } = await untilServer(rig().home, 'gone', ({ phase, restarts }) => phase === 'backoff' && restarts > 1)
    expect((await runOk(['reconnect', 'gone', '--no-wait', '--json'], options)).json()).toMatchObject({ names: ['gone'], timedOut: false, servers: { gone: { connected: false } } })
    await untilServer(rig().home, 'gone', (server) => server.generation > generation)
    expect(await run(['reconnect', 'gone'], options)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('nothing listens on http://127.0.0.1:9') as string })
    await runOk(['remove', 'gone'], options)
    const hanging = fixture('mcp-talkative.mjs', '--hang')
    await runOk(['add', 'hung', '--no-start', '--', hanging.command, ...hanging.args], options)
    await runOk(['start', 'hung', '--no-wait'], options)
    const late = await run(['reconnect', 'hung', '--timeout', '200ms', '--json'], options)
    expect([late.exitCode, late.json()]).toMatchObject([7, { timedOut: true, names: ['hung'], servers: { hung: { connected: false, phase: 'starting' } } }])
    await runOk(['remove', 'hung'], options)
    const unknown = await run(['reconnect', 'serach', '--json'], options)
    expect([unknown.exitCode, errorOf(unknown).code, errorOf(unknown).hint]).toEqual([4, 'SERVER_UNKNOWN', 'Did you mean search?'])
    const timeout = await run(['reconnect', '--timeout', 'soon', '--json'], options)
    expect([timeout.exitCode, errorOf(timeout).code]).toEqual([2, 'USAGE'])
  }, 120_000)
})
