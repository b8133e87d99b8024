import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkEnvironment, type LoadedConfig } from '../../src/lib/config/index.js'
import { DEFAULT_TRAFFIC, type ServerSpec } from '../../src/lib/core/index.js'
import { createProject, onlyServer, problemsOf } from './config-support.js'

async function load(server: object, defaults: object = {}): Promise<ServerSpec> {
  return onlyServer(await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', ...server } }, defaults } }).load({ env: { ROOT: '/from/outside' } }))
}

async function problemsFor(server: object): Promise<{ field: string; message: string; hint: string }[]> {
  return problemsOf(await createProject({ 'mcp.config.json': { servers: { a: 'command' in server || 'url' in server ? server : { command: 'x', ...server } } } }).fail())
}

function shown(config: LoadedConfig): Record<string, unknown> {
  return Object.fromEntries(config.explained.servers[0]?.fields.map(({ field, value }) => [field, value]) ?? [])
}

describe('when a server runs', () => {
  it.each<[object, object, Partial<ServerSpec>]>([
    [{ isolation: 'per-session' }, {}, { isolation: 'per-session', start: 'auto', idleStopMs: null }],
    [{ start: 'on-demand' }, {}, { isolation: 'shared', start: 'on-demand', idleStopMs: 300_000 }],
    [{ start: 'on-demand', idleTimeout: '90s' }, {}, { idleStopMs: 90_000 }],
    [{ start: 'on-demand', idleTimeout: 'never' }, {}, { idleStopMs: null }],
    [{ start: 'on-demand', idleTimeout: 0 }, {}, { idleStopMs: null }],
    [{ start: 'on-demand' }, { idleTimeout: '7m' }, { idleStopMs: 420_000 }],
    [{}, { start: 'on-demand', idleTimeout: 'never' }, { start: 'on-demand', idleStopMs: null }],
    [{ start: 'auto' }, { start: 'on-demand', idleTimeout: '7m' }, { start: 'auto', idleStopMs: null }],
    [{ idleTimeout: 'never' }, {}, { start: 'auto', idleStopMs: null }],
    [{ transport: 'none', start: 'on-demand' }, { isolation: 'per-session' }, { isolation: 'shared', start: 'on-demand' }],
  ])('%j with the defaults %j', async (server, defaults, expected) => {
    expect(await load(server, defaults)).toMatchObject(expected)
  })

  it('may be started for the sake of another that depends on it', async () => {
    const config = await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', start: 'on-demand' }, b: { command: 'y', dependsOn: 'a' } } } }).load()
    expect(config.warnings).toEqual([])
  })
})

describe('what a server is told about its clients', () => {
  it('is nothing, unless roots and abilities are stated', async () => {
    expect(await load({})).toMatchObject({ roots: null, clientAbilities: [], session: null })
    expect(await load({ roots: [], clientAbilities: ['elicitation', 'sampling', 'elicitation'] })).toMatchObject({ roots: [], clientAbilities: ['elicitation', 'sampling'] })
  })

  it('roots are paths from the folder of the configuration, from the home folder, or URIs', async () => {
    const project = createProject({
      'mcp.config.json': { servers: { a: { command: 'x', roots: ['.', 'sub dir/ä', '~/notes', '/abs', '${ROOT}/x', 'file:///u%20v', 'https://h/repo', { uri: 'lib', name: 'Library' }] } } },
    })
    const config = await project.load({ env: { ROOT: '/from/outside' } })
    const uri = (path: string): string => pathToFileURL(path).href
    expect(onlyServer(config).roots).toEqual([
      { uri: uri(project.folder) }, { uri: uri(join(project.folder, 'sub dir/ä')) }, { uri: uri(join(project.home, 'notes')) }, { uri: 'file:///abs' }, { uri: 'file:///from/outside/x' },
      { uri: 'file:///u%20v' }, { uri: 'https://h/repo' }, { uri: uri(join(project.folder, 'lib')), name: 'Library' },
    ])
    expect(shown(config)['roots']).toEqual([
      uri(project.folder), uri(join(project.folder, 'sub dir/ä')), uri(join(project.home, 'notes')), 'file:///abs', '${ROOT}/x', 'file:///u%20v', 'https://h/repo', uri(join(project.folder, 'lib')),
    ])
  })

  it("one root may stand alone, and the user's defaults start at the user's folder", async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x' }, b: { command: 'x', roots: 'own' } } }, '../.config/mcpctl/config.json': { defaults: { roots: '${userHome}' } } })
    const config = await project.load()
    expect(config.servers.map(({ roots }) => roots)).toEqual([[{ uri: pathToFileURL(project.home).href }], [{ uri: pathToFileURL(join(project.folder, 'own')).href }]])
    expect(config.explained.servers[0]?.fields.find(({ field }) => field === 'roots')).toMatchObject({ value: [pathToFileURL(project.home).href], origin: expect.stringContaining('config.json (defaults)') as unknown })
  })

  it('config validate names a root that is not there', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { url: 'http://h', roots: ['here', 'gone', 'https://h/x'] } } } })
    mkdirSync(join(project.folder, 'here'))
    expect(checkEnvironment(onlyServer(await project.load()))).toMatchObject([{ field: 'a.roots[1]', value: join(project.folder, 'gone'), message: `a.roots[1] is ${join(project.folder, 'gone')}, which does not exist` }])
  })
})

describe('what happens to calls', () => {
  it('is nothing by default', async () => {
    expect((await load({})).traffic).toEqual(DEFAULT_TRAFFIC)
  })

  it('is what timeouts and tools say', async () => {
    const tools = {
      allow: ['read_*', 'get', 'get'], deny: 'read_secret*', rename: { read_file: 'read', 'odd name': 'plain' }, describe: { read_file: 'Reads ${WHAT}.', get: 'Gets.' },
      timeouts: { slow: { idle: '2m', total: 'never' }, get: { total: 3 } },
    }
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', timeouts: { idle: '30s', total: '10m' }, tools } } } })
    const config = await project.load({ env: { WHAT: 'a file' } })
    expect(onlyServer(config).traffic).toEqual({
      ...DEFAULT_TRAFFIC,
      idleTimeoutMs: 30_000, timeoutMs: 600_000, allow: ['read_*', 'get'], deny: ['read_secret*'],
      tools: {
        read_file: { name: 'read', description: 'Reads a file.' },
        'odd name': { name: 'plain' },
        get: { description: 'Gets.', timeoutMs: 3_000 },
        slow: { idleTimeoutMs: 120_000, timeoutMs: 24 * 86_400_000 },
      },
    })
    expect(shown(config)).toMatchObject({
      'timeouts.idle': '30s', 'timeouts.total': '10m', 'tools.allow': ['read_*', 'get', 'get'], 'tools.deny': ['read_secret*'], 'tools.rename.read_file': 'read',
      'tools.describe.read_file': 'Reads ${WHAT}.', 'tools.timeouts.slow.idle': '2m', 'tools.timeouts.slow.total': 'never', 'tools.timeouts.get.total': '3s',
    })
  })

  it('an empty list allows no tool at all, which is not the same as no list', async () => {
    expect((await load({ tools: { allow: [] } })).traffic.allow).toEqual([])
    expect((await load({ tools: {} })).traffic.allow).toBeNull()
  })

  it('each timeout comes from the nearest place that states it, and never is a statement', async () => {
    const { traffic } = await load({ timeouts: { idle: 'never' } }, { timeouts: { idle: '1m', total: '2m' } })
    expect(traffic).toMatchObject({ idleTimeoutMs: null, timeoutMs: 120_000 })
  })

  it('tools may swap their names', async () => {
    expect((await load({ tools: { rename: { a: 'b', b: 'a' } } })).traffic.tools).toEqual({ a: { name: 'b' }, b: { name: 'a' } })
  })
})

describe('is refused with place, value and way out:', () => {
  it.each<[object, string, string, string]>([
    [{ isolation: 'session' }, 'isolation', 'must be "shared" or "per-session", not "session"', 'shared'],
    [{ command: 'x', url: 'http://h', isolation: 'per-session' }, 'isolation', 'all processes of this server would answer at the same url', 'isolation: shared'],
    [{ start: 'on-demnad' }, 'start', 'not "on-demnad"', 'Did you mean "on-demand"?'],
    [{ start: true }, 'start', 'must be "auto" or "on-demand", not true', 'on-demand'],
    [{ idleTimeout: '5m' }, 'idleTimeout', 'has no effect on a server that always runs', 'on-demand'],
    [{ start: 'on-demand', idleTimeout: 'nevr' }, 'idleTimeout', 'must be "never" or a time of at least 1.0s and at most 24 days', 'never'],
    [{ start: 'on-demand', idleTimeout: '10ms' }, 'idleTimeout', 'not "10ms"', 'never'],
    [{ roots: 5 }, 'roots', 'must be a path, a URI or a list of them, not a number', 'path'],
    [{ roots: [5] }, 'roots[0]', 'must be a path, a URI or an object with uri and name, not a number', 'path'],
    [{ roots: [''] }, 'roots[0]', 'must not be empty', 'value'],
    [{ roots: ['file://sub/dir'] }, 'roots[0]', 'is "file://sub/dir", which names no file on this machine', 'three slashes'],
    [{ roots: ['http://['] }, 'roots[0]', 'is not a URI', 'file:///'],
    [{ roots: [{ name: 'x' }] }, 'roots[0]', 'has no uri', '"uri"'],
    [{ roots: [{ url: 'x', uri: 'y' }] }, 'roots[0].url', 'is not a known field', 'Did you mean "uri"?'],
    [{ clientAbilities: ['roots'] }, 'clientAbilities[0]', 'must be "sampling" or "elicitation", not "roots"', 'sampling'],
    [{ clientAbilities: ['samplng'] }, 'clientAbilities[0]', 'not "samplng"', 'Did you mean "sampling"?'],
    [{ timeouts: 30 }, 'timeouts', 'must be an object with idle and total, not a number', 'idle and total'],
    [{ timeouts: { idel: 3 } }, 'timeouts.idel', 'is not a known field', 'Did you mean "idle"?'],
    [{ timeouts: { total: -1 } }, 'timeouts.total', 'must be "never" or a time of at least 1ms and at most 24 days', 'never'],
    [{ tools: ['*'] }, 'tools', 'must be an object with allow, deny, rename, describe, timeouts and repeatable, not a list', 'allow'],
    [{ tools: { alow: [] } }, 'tools.alow', 'is not a known field', 'Did you mean "allow"?'],
    [{ tools: { deny: ['write_?'] } }, 'tools.deny[0]', '"?" has no meaning in a pattern', 'Only * is special'],
    [{ tools: { allow: '{a,b}' } }, 'tools.allow', '"{" has no meaning in a pattern', 'Only * is special'],
    [{ tools: { allow: ['!x'] } }, 'tools.allow[0]', '"!" has no meaning in a pattern', 'Only * is special'],
    [{ tools: { allow: [''] } }, 'tools.allow[0]', 'must be the name of a tool, with * for any text, not ""', 'name of a tool'],
    [{ tools: { rename: { a: 'two words' } } }, 'tools.rename.a', 'must be 1 to 128 letters, digits, "_", "." or "-", not "two words"', '1 to 128'],
    [{ tools: { rename: { a: 'x'.repeat(129) } } }, 'tools.rename.a', 'must be 1 to 128', '1 to 128'],
    [{ tools: { rename: { a: '' } } }, 'tools.rename.a', 'not ""', '1 to 128'],
    [{ tools: { rename: { a: 'c', b: 'c' } } }, 'tools.rename.b', 'is "c", the same as for "a"', 'name of its own'],
    [{ tools: { rename: { '': 'c' } } }, 'tools.rename[""]', 'is not a possible name of a tool', 'Correct the name'],
    [{ tools: { describe: { a: 5 } } }, 'tools.describe.a', 'must be a text, not a number', 'text'],
    [{ tools: { timeouts: { a: '5s' } } }, 'tools.timeouts.a', 'must be an object with idle and total, not a string', 'idle'],
    [{ tools: { timeouts: { a: { idle: 'x' } } } }, 'tools.timeouts.a.idle', 'not "x"', 'never'],
    [{ command: 'x', transport: 'none', tools: { deny: 'x' } }, 'tools', 'has no effect on a helper', 'Remove it'],
    [{ idleTimout: 5 }, 'idleTimout', 'is not a known field', 'Did you mean "idleTimeout"?'],
  ])('%j', async (server, field, message, hint) => {
    const problems = await problemsFor(server)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.field).toBe(`servers.a.${field}`)
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toContain(hint)
  })

  it('what concerns one server only cannot be a default', async () => {
    const error = await createProject({ 'mcp.config.json': { servers: {}, defaults: { tools: { deny: 'x' }, timeouts: { idle: 1 } } } }).fail()
    expect(problemsOf(error)).toMatchObject([{ field: 'defaults.tools', message: expect.stringContaining('one server only') as unknown }])
  })
})

describe("in other clients' files", () => {
  it('our fields stand under x-mcpctl; words that other clients use as well are theirs beside it', async () => {
    const own = { start: 'on-demand', isolation: 'per-session', roots: ['.'], timeouts: { idle: 5 }, tools: { deny: ['x'] } }
    const config = await createProject({ '.mcp.json': { mcpServers: { a: { command: 'x', tools: ['*'], 'x-mcpctl': own } } } }).load()
    expect(onlyServer(config)).toMatchObject({ start: 'on-demand', isolation: 'per-session', traffic: { idleTimeoutMs: 5_000, deny: ['x'] } })
    expect(onlyServer(config).roots).toHaveLength(1)
    expect(config.warnings).toEqual([])
  })

  it('such a word beside the others changes nothing, with a warning that names the place for ours', async () => {
    const config = await createProject({ '.mcp.json': { mcpServers: { a: { command: 'x', start: true, timeouts: { idle: 5 } } } } }).load()
    expect(onlyServer(config)).toMatchObject({ start: 'auto', traffic: DEFAULT_TRAFFIC })
    expect(config.warnings).toEqual([expect.stringContaining('mcpServers.a.start is not known here and ignored'), expect.stringContaining('move it under "x-mcpctl"')])
  })

  it('misspelt ones under x-mcpctl are errors with a suggestion', async () => {
    const error = await createProject({ '.mcp.json': { mcpServers: { a: { command: 'x', 'x-mcpctl': { isolaton: 'shared' } } } } }).fail()
    expect(error.hint).toBe('Did you mean "isolation"?')
  })
})
