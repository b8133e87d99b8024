import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { modern, textOf, toolNames, type Json } from './gateway-client.js'
import { talkative, useGateway, type GatewayRig } from './gateway-support.js'
import { pidOf } from './support.js'

const LONG = 'a-server-with-a-name-that-leaves-hardly-any-room-for-its-tools'
const servers = (gateway: GatewayRig): Record<string, unknown> => ({
  first: talkative(gateway, 'first', ['--tools', 'echo,slow,pid,crash,add-tool,odd'], {
    tools: { deny: ['crash', 'add-*'], rename: { slow: 'take-time', odd: 'Plain' }, describe: { echo: 'Says it again.' } },
  }),
  second: talkative(gateway, 'second', ['--tools', 'echo,pid,look,region'], { tools: { allow: ['echo', 'l*'] } }),
  [LONG]: talkative(gateway, LONG, ['--long', '--tools', `echo,sp ace/slash,long_${'x'.repeat(53)}_a,long_${'x'.repeat(53)}_b`]),
})
const rig = useGateway((gateway) => gateway.start(servers(gateway)))

const named = async (view: Json): Promise<string[]> => (await rig().legacy({}, view)).tools()

describe('the names of tools', () => {
  test('begin with their server, are no longer than 64 characters, differ, and have only characters that clients take', async () => {
    const client = await rig().legacy()
    const names = await client.tools()
    expect(names.slice(0, 6)).toEqual(['first__echo', 'first__take-time', 'first__pid', 'first__Plain', 'second__echo', 'second__look'])
    const shortened = names.slice(6)
    expect(shortened).toHaveLength(4)
    expect(new Set(names).size).toBe(10)
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_.-]{1,64}$/)
    for (const name of shortened) expect(name.startsWith('a-server-with-a-name')).toBe(true)
    const said = await Promise.all(shortened.map((name) => client.text(name, { text: 'echoed' })))
    expect(said).toEqual(['echoed', `called long_${'x'.repeat(53)}_a`, `called long_${'x'.repeat(53)}_b`, 'called sp ace/slash'])
    const sent = rig().record(LONG).filter(({ message }) => message.method === 'tools/call').map(({ message }) => message.params?.['name'])
    expect(sent).toEqual(['echo', `long_${'x'.repeat(53)}_a`, `long_${'x'.repeat(53)}_b`, 'sp ace/slash'])
  })

  test('follow the wish of the client: prefix and separator', async () => {
    const own = [`long_${'x'.repeat(53)}_a`, `long_${'x'.repeat(53)}_b`]
    const collided = await named({ prefix: 'on-collision' })
    expect(collided.slice(0, 6)).toEqual(['first__echo', 'take-time', 'pid', 'Plain', 'second__echo', 'look'])
    expect(collided.slice(7)).toEqual([...own, 'sp_ace_slash'])
    expect(await named({ prefix: 'none' })).toEqual(['echo', 'take-time', 'pid', 'Plain', 'look', ...own, 'sp_ace_slash'])
    expect((await named({ separator: '.' })).slice(0, 5)).toEqual(['first.echo', 'first.take-time', 'first.pid', 'first.Plain', 'second.echo'])
    const plain = await rig().legacy({}, { prefix: 'none' })
    expect(await plain.text('echo', { text: 'of the first' })).toBe('of the first')
    expect(rig().record('first').findLast(({ message }) => message.method === 'tools/call')?.line).toContain('of the first')
    expect(readFileSync(join(rig().home.paths.root, 'daemon.log'), 'utf8')).toMatch(/the tool .{0,3}echo.{0,3} of server .{0,3}second.{0,3} is hidden, because server .{0,3}first.{0,3} before it uses the same name/)
  })

  test('are those of the configuration: allowed, denied, renamed, described', async () => {
    const client = await rig().legacy()
    const tools = (await client.ask('tools/list'))['tools'] as Json[]
    expect(tools[0]).toMatchObject({ name: 'first__echo', description: 'Says it again.' })
    expect(await client.text('first__take-time', { ms: 1 })).toMatch(/^slow/)
    const before = rig().record('first').length
    for (const name of ['first__crash', 'first__add-tool', 'first__slow', 'first__odd', 'second__pid', 'second__region', 'crash']) {
      expect((await client.call(name)).error).toMatchObject({ code: -32602, message: expect.stringContaining(`Unknown tool: ${name}`) })
      expect((await client.callModern(name)).error).toMatchObject({ code: -32602 })
    }
    expect((await client.call('first__ecko')).error?.message).toBe('Unknown tool: first__ecko. Did you mean first__echo?')
    expect(rig().record('first').slice(before).filter(({ message }) => message.method === 'tools/call')).toEqual([])
  })

  test('of one server alone, and of chosen ones', async () => {
    expect(await named({ servers: ['second'] })).toEqual(['second__echo', 'second__look'])
    const over = await (await rig().http()).request('tools/list')
    expect(toolNames(over.result ?? {})).toHaveLength(10)
  })
})

describe('what else has a name', () => {
  test('prompts have a prefix like tools, also where a completion names them', async () => {
    const client = await rig().legacy({}, { servers: ['first', 'second'] })
    expect(((await client.ask('prompts/list'))['prompts'] as Json[])).toEqual([
      { name: 'first__greet', arguments: [{ name: 'who', required: true }], 'x-unknown': 1 },
      { name: 'second__greet', arguments: [{ name: 'who', required: true }], 'x-unknown': 1 },
    ])
    expect(await client.ask('prompts/get', { name: 'second__greet', arguments: { who: 'Ü' } })).toMatchObject({ messages: [{ content: { text: 'Hello Ü from second' } }], 'x-unknown': 1 })
    const completed = await client.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'second__greet', 'x-more': 1 }, argument: { name: 'who', value: 'a' } })
    expect(completed).toEqual({ completion: { values: ['a-greet'], total: 1, hasMore: false } })
    expect(rig().record('second').findLast(({ message }) => message.method === 'completion/complete')?.message.params).toMatchObject({ ref: { type: 'ref/prompt', name: 'greet', 'x-more': 1 } })
    const templated = await client.ask('completion/complete', { ref: { type: 'ref/resource', uri: 'note://first/{id}' }, argument: { name: 'id', value: 'b' } })
    expect(templated).toMatchObject({ completion: { values: ['b-note://first/{id}'] } })
    expect((await client.request('prompts/get', { name: 'third__greet' })).error).toMatchObject({ code: -32602 })
  })

  test('resources keep their URIs; two servers with the same one: the first has it', async () => {
    const client = await rig().legacy({}, { servers: ['first', 'second'] })
    const listed = (await client.ask('resources/list'))['resources'] as Json[]
    expect(listed.map(({ uri }) => uri)).toEqual(['note://first/one', 'note://first/two', 'shared://both', 'note://second/one', 'note://second/two'])
    expect((await client.ask('resources/templates/list'))['resourceTemplates']).toEqual([{ uriTemplate: 'note://first/{id}', name: 'any' }, { uriTemplate: 'note://second/{id}', name: 'any' }])
    const read = async (uri: string): Promise<unknown> => ((await client.ask('resources/read', { uri }))['contents'] as Json[])[0]?.['text']
    expect(await read('shared://both')).toBe('both of first')
    expect(await read('note://second/two')).toBe('text of note://second/two')
    expect(await read('note://second/by-template')).toBe('text of note://second/by-template')
    expect((await client.request('resources/read', { uri: 'note://second/none' })).error).toEqual({ code: -32002, message: 'Resource not found', data: { uri: 'note://second/none' } })
    expect((await client.request('resources/read', modern({ uri: 'note://second/none' }))).error).toMatchObject({ code: -32602, data: { uri: 'note://second/none' } })
    const ofModern = (await client.request('resources/read', modern({ uri: 'note://first/one' }))).result
    expect(ofModern).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', contents: [{ 'x-unknown': 1 }] })
    expect((await client.request('resources/read', { uri: 'nowhere://at/all' })).error).toMatchObject({ code: -32002 })
  })
})

test('changed names take effect without a restart, and clients are told; they are the same after the daemon was replaced', async () => {
  const client = await rig().legacy()
  const before = await client.tools()
  const pid = await pidOf(rig().home, 'first')
  const config = servers(rig())
  await rig().start({ ...config, first: { ...(config['first'] as Json), tools: { rename: { echo: 'repeat' } } } }, { gateway: { maxNameLength: 40 } })
  await client.until(({ method }) => method === 'notifications/tools/list_changed')
  const after = await client.tools()
  expect(after).toContain('first__repeat')
  expect(after).toContain('first__crash')
  for (const name of after) expect(name.length).toBeLessThanOrEqual(40)
  expect(textOf(await client.call('first__repeat', { text: 'x' }))).toBe('x')
  expect(await pidOf(rig().home, 'first')).toBe(pid)
  await runOk(['stop'], { home: rig().home })
  await rig().start(config)
  expect(await named({})).toEqual(before)
}, 90_000)
