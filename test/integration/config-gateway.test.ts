import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ExplainedValue, LoadedConfig } from '../../src/lib/config/index.js'
import { DEFAULT_GATEWAY } from '../../src/lib/core/index.js'
import { createProject, problemsOf } from './config-support.js'

const SERVERS = { files: { command: 'x', tags: ['work'] }, search: { command: 'y' } }

function shown(config: LoadedConfig, field: string): ExplainedValue | undefined {
  return config.explained.settings.find((each) => each.field === field)
}

/** The problems of a gateway block, or of the profiles, in our own format. */
async function problemsFor(root: object): Promise<{ field: string; message: string; hint: string; value?: string }[]> {
  return problemsOf(await createProject({ 'mcp.config.json': { servers: SERVERS, ...root } }).fail())
}

describe('the gateway block', () => {
  it('is everything it states', async () => {
    const gateway = {
      port: 7420, host: '0.0.0.0', token: 't', allowedHosts: ['MCP.example', '::1'], allowedOrigins: ['https://App.example:443/', 'vscode-webview://abc'], prefix: 'on-collision',
      separator: '.', maxNameLength: 128, sse: true, listWait: '250ms', startWait: 0, instructions: false,
      metrics: { compat: true, public: true },
    }
    const config = await createProject({ 'mcp.config.json': { servers: SERVERS, gateway } }).load()
    expect(config.settings.gateway).toEqual({
      ...DEFAULT_GATEWAY,
      port: 7420, host: '0.0.0.0', token: 't', allowedHosts: ['mcp.example', '::1'], allowedOrigins: ['https://app.example', 'vscode-webview://abc'], prefix: 'on-collision',
      separator: '.', maxNameLength: 128, sse: true, listWaitMs: 250, startWaitMs: 0, instructions: false,
      metrics: { compat: true, public: true }, profiles: {},
    })
  })

  it.each([[false, null], [null, null], ['8080', 8080], ['${PORT}', 9000], ['${NOPE:-81}', 81]])('port %j is %j', async (port, expected) => {
    const config = await createProject({ 'mcp.config.json': { servers: {}, gateway: { port } } }).load({ env: { PORT: '9000' } })
    expect(config.settings.gateway.port).toBe(expected)
  })

  it.each([
    [{ port: 0 }, 'port', 'must not be 0', 'from 1 to 65535, or false'],
    [{ port: 65_536 }, 'port', 'must be a port from 1 to 65535, or false for none, not 65536', '1 to 65535'],
    [{ port: true }, 'port', 'not true', '1 to 65535'],
    [{ port: 'http' }, 'port', 'not "http"', '1 to 65535'],
    [{ port: 80.5 }, 'port', 'not 80.5', '1 to 65535'],
    [{ host: 'http://x' }, 'host', 'without scheme and port, not "http://x"', 'host name'],
    [{ host: '' }, 'host', 'must not be empty', 'value'],
    [{ token: '' }, 'token', 'must not be empty', 'value'],
    [{ token: 5 }, 'token', 'must be a text, not a number', 'text'],
    [{ token: 'sesame open' }, 'token', 'no HTTP header can carry', 'openssl rand'],
    [{ allowedHosts: ['a:80'] }, 'allowedHosts[0]', 'not "a:80"', 'host name'],
    [{ allowedHosts: { a: 1 } }, 'allowedHosts', 'must be a host name or a list of them, not an object', 'list'],
    [{ allowedOrigins: '*' }, 'allowedOrigins', 'not "*"', 'https://app.example'],
    [{ allowedOrigins: ['https://a/path'] }, 'allowedOrigins[0]', 'without a path, not "https://a/path"', 'https://app.example'],
    [{ prefix: 'allways' }, 'prefix', 'must be "always", "on-collision" or "none", not "allways"', 'Did you mean "always"?'],
    [{ separator: '' }, 'separator', 'must be 1 to 8 of the characters that tool names may have', '1 to 8'],
    [{ separator: '::' }, 'separator', 'not "::"', '1 to 8'],
    [{ separator: '_'.repeat(9) }, 'separator', 'not "_________"', '1 to 8'],
    [{ maxNameLength: 15 }, 'maxNameLength', 'must be a whole number from 16 to 128, not 15', '16 to 128'],
    [{ maxNameLength: 129 }, 'maxNameLength', 'not 129', '16 to 128'],
    [{ sse: 'yes' }, 'sse', 'must be true or false, not "yes"', 'true or false'],
    [{ listWait: -1 }, 'listWait', 'must be a time of at most 24 days', '24 days'],
    [{ startWait: 'never' }, 'startWait', 'not "never"', 'a time'],
    [{ instructions: 1 }, 'instructions', 'must be true or false, not 1', 'true or false'],
    [{ metrics: true }, 'metrics', 'must be an object with compat and public, not a boolean', 'an object'],
    [{ metrics: { compat: 'no' } }, 'metrics.compat', 'must be true or false, not "no"', 'true or false'],
    [{ metrics: { compact: true } }, 'metrics.compact', 'is not a known field', 'Did you mean "compat"?'],
    [{ prot: 7420 }, 'prot', 'is not a known field', 'Did you mean "port"?'],
  ])('%j is refused with place, value and way out', async (gateway, field, message, hint) => {
    const problems = await problemsFor({ gateway })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.field).toBe(`gateway.${field}`)
    expect(problems[0]?.message).toContain(`gateway.${field} `)
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toContain(hint)
  })

  it.each(['on', 7420, [], null])('%j in its place is refused', async (gateway) => {
    expect((await problemsFor({ gateway }))[0]?.message).toContain('gateway must be an object such as')
  })

  it('a server cannot have one', async () => {
    expect(await problemsFor({ servers: { a: { command: 'x', gateway: { port: 1 } } } })).toMatchObject([{ field: 'servers.a.gateway', hint: expect.stringContaining('root of the file') as unknown }])
  })
})

describe('an address that other machines can reach', () => {
  it.each(['0.0.0.0', '::', '192.168.1.7', 'box.local', '127.example.com'])('%s needs a token', async (host) => {
    const [problem, ...others] = await problemsFor({ gateway: { port: 7420, host } })
    expect(others).toEqual([])
    expect(problem).toMatchObject({ field: 'gateway.host', value: host, message: `gateway.host is "${host}", which other machines can reach, and there is no token` })
    expect(problem?.hint).toContain('MCP_GATEWAY_TOKEN')
  })

  it.each(['127.0.0.1', '127.8.9.1', 'localhost', 'LOCALHOST', '::1'])('%s needs none', async (host) => {
    expect((await createProject({ 'mcp.config.json': { servers: {}, gateway: { port: 7420, host } } }).load()).settings.gateway.host).toBe(host.toLowerCase())
  })

  it('is fine with a token, wherever it comes from', async () => {
    const gateway = { port: 7420, host: '0.0.0.0' }
    expect((await createProject({ 'mcp.config.json': { servers: {}, gateway } }).load({ env: { MCP_GATEWAY_TOKEN: 's' } })).settings.gateway.token).toBe('s')
    const project = createProject({ 'mcp.config.json': { servers: {}, gateway: { ...gateway, token: '${file:secret}' } }, secret: 'from-file\n' })
    const config = await project.load()
    expect(config.settings.gateway.token).toBe('from-file')
    expect(config.files).toContain(join(project.folder, 'secret'))
  })

  it('one token that cannot be used is one problem', async () => {
    expect(await problemsFor({ gateway: { host: '0.0.0.0', token: '${NOT_SET_HERE}' } })).toMatchObject([{ field: 'gateway.token', message: expect.stringContaining('NOT_SET_HERE') as unknown }])
  })

  it('is refused from the environment too, once there is a port', async () => {
    const env = { MCP_BIND_HOST: '0.0.0.0' }
    const open = createProject({ 'mcp.config.json': { servers: {}, gateway: { port: 7420 } } })
    expect(await open.fail({ env })).toMatchObject({ code: 'ENVIRONMENT_INVALID', message: 'MCP_BIND_HOST is "0.0.0.0", which other machines can reach, and there is no token', hint: expect.stringContaining('MCP_GATEWAY_TOKEN') as unknown })
    expect((await createProject({ 'mcp.config.json': { servers: {} } }).load({ env })).settings.gateway).toMatchObject({ port: null, host: '0.0.0.0' })
  })
})

describe('where a setting of the gateway comes from', () => {
  const user = { '../.config/mcpctl/config.json': { gateway: { port: 1111, host: '127.0.0.1', token: 'user', separator: '-' } } }
  const project = { 'mcp.config.json': { servers: {}, gateway: { port: 2222, token: 'project' } } }

  it('is the environment, then the project, then the user, then the default, each by itself', async () => {
    const env = { MCP_GATEWAY_PORT: '3333', MCP_GATEWAY_TOKEN: 'environment', MCP_BIND_HOST: '127.0.0.9' }
    const nobody = createProject({ 'mcp.config.json': { servers: {} } })
    expect((await nobody.load({ env: {} })).settings.gateway).toEqual(DEFAULT_GATEWAY)
    const alone = await createProject(user).load({ env: {} })
    expect(alone.settings.gateway).toMatchObject({ port: 1111, token: 'user', separator: '-' })
    const both = createProject({ ...user, ...project })
    const config = await both.load({ env: {} })
    expect(config.settings.gateway).toMatchObject({ port: 2222, token: 'project', separator: '-', prefix: 'always' })
    expect(['port', 'separator', 'prefix'].map((name) => shown(config, `gateway.${name}`)?.origin)).toEqual([
      join(both.folder, 'mcp.config.json'), join(both.home, '.config/mcpctl/config.json'), 'default',
    ])
    const stated = await both.load({ env })
    expect(stated.settings.gateway).toMatchObject({ port: 3333, token: 'environment', host: '127.0.0.9' })
    expect(['port', 'token', 'host'].map((name) => shown(stated, `gateway.${name}`)?.origin)).toEqual(['MCP_GATEWAY_PORT', 'MCP_GATEWAY_TOKEN', 'MCP_BIND_HOST'].map((name) => `environment ${name}`))
    expect((await both.load({ env: { MCP_GATEWAY_PORT: 'none' } })).settings.gateway.port).toBeNull()
  })

  it('is looked for field by field in its blocks too', async () => {
    const files = { '../.config/mcpctl/config.json': { gateway: { metrics: { compat: true, public: true } } }, 'mcp.config.json': { servers: {}, gateway: { metrics: { public: false } } } }
    const both = createProject(files)
    const config = await both.load({ env: {} })
    expect(config.settings.gateway.metrics).toEqual({ compat: true, public: false })
    expect(['compat', 'public'].map((name) => shown(config, `gateway.metrics.${name}`)?.origin)).toEqual([join(both.home, '.config/mcpctl/config.json'), join(both.folder, 'mcp.config.json')])
    const stated = await both.load({ env: { MCP_METRICS_COMPAT: 'off' } })
    expect(stated.settings.gateway.metrics).toEqual({ compat: false, public: false })
    expect(shown(stated, 'gateway.metrics.compat')?.origin).toBe('environment MCP_METRICS_COMPAT')
  })

  it('is shown without the token', async () => {
    const value = async (token: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> => {
      const config = await createProject({ 'mcp.config.json': { servers: {}, gateway: { token } } }).load({ env })
      expect(JSON.stringify(config.explained)).not.toContain('hush')
      return shown(config, 'gateway.token')?.value
    }
    expect(await value('hush')).toBe('***')
    expect(await value('${T}', { T: 'hush' })).toBe('*** (${T})')
    expect(await value('x-${T:-hush}')).toBe('***')
    expect(await value('any', { MCP_GATEWAY_TOKEN: 'hush' })).toBe('***')
  })

  it("is x-mcpctl in another client's file, where a gateway beside the servers is not ours", async () => {
    const config = await createProject({ '.mcp.json': { mcpServers: { a: { command: 'x' } }, gateway: { port: 'theirs' }, profiles: 5, 'x-mcpctl': { gateway: { port: 7420 }, profiles: { p: ['a'] } } } }).load()
    expect(config.settings.gateway).toMatchObject({ port: 7420, profiles: { p: { servers: ['a'], tags: [] } } })
    const error = await createProject({ '.mcp.json': { mcpServers: {}, 'x-mcpctl': { gatewy: {} } } }).fail()
    expect(error.message).toContain('x-mcpctl.gatewy is not a known field')
    expect(error.hint).toBe('Did you mean "gateway"?')
  })
})

describe('profiles', () => {
  it('are lists of servers, or servers and labels', async () => {
    const profiles = { work: ['search', 'files', 'search'], one: 'files', tagged: { tags: 'work' }, both: { servers: ['search'], tags: ['work'] } }
    const config = await createProject({ 'mcp.config.json': { servers: SERVERS, profiles } }).load()
    expect(config.settings.gateway.profiles).toEqual({
      work: { servers: ['search', 'files'], tags: [] }, one: { servers: ['files'], tags: [] }, tagged: { servers: [], tags: ['work'] }, both: { servers: ['search'], tags: ['work'] },
    })
    expect(config.warnings).toEqual([])
    expect(shown(config, 'profiles.work.servers')?.value).toEqual(['search', 'files'])
  })

  it.each([
    [{ work: ['flies'] }, 'work[0]', 'names "flies", and there is no such server', 'Did you mean "files"?'],
    [{ work: 'zzzzzz' }, 'work[0]', 'names "zzzzzz"', 'Servers in this configuration: files, search.'],
    [{ work: { servers: ['search', 'serch'] } }, 'work.servers[1]', 'names "serch"', 'Did you mean "search"?'],
    [{ work: [] }, 'work', 'names neither servers nor tags', 'Write "work"'],
    [{ work: {} }, 'work', 'names neither servers nor tags', 'Write "work"'],
    [{ work: 5 }, 'work', 'must be a list of server names or an object with servers, tags, env, secrets and token, not a number', 'list of server names'],
    [{ work: { server: ['files'] } }, 'work.server', 'is not a known field', 'Did you mean "servers"?'],
    [{ work: [1] }, 'work[0]', 'must be a name without spaces, not 1', 'name without spaces'],
    [{ 'a/b': ['files'] }, '["a/b"]', 'is not a possible profile name: it contains "/"', 'letters, digits'],
  ])('%j is refused with place, value and way out', async (profiles, field, message, hint) => {
    const problems = await problemsFor({ profiles })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.field).toBe(field.startsWith('[') ? `profiles${field}` : `profiles.${field}`)
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toContain(hint)
  })

  it.each([[[]], ['work']])('%j in place of all of them is refused', async (profiles) => {
    expect((await problemsFor({ profiles }))[0]?.message).toContain('profiles must be an object of profile names')
  })

  it('a label nobody carries is worth a warning', async () => {
    const config = await createProject({ 'mcp.config.json': { servers: SERVERS, profiles: { a: { tags: ['wrok'] } } } }).load()
    expect(config.warnings).toEqual([expect.stringMatching(/profiles\.a names the label "wrok", which no server carries; did you mean "work"\?$/)])
  })

  it("of the user may be about another project's servers; the project's hide those of the same name", async () => {
    const config = await createProject({
      '../.config/mcpctl/config.json': { servers: { mine: { command: 'm' } }, profiles: { work: ['elsewhere'], home: ['mine', 'files', 'elsewhere'] } },
      'mcp.config.json': { servers: SERVERS, profiles: { work: ['mine', 'files'] } },
    }).load()
    expect(config.settings.gateway.profiles).toEqual({ work: { servers: ['mine', 'files'], tags: [] }, home: { servers: ['mine', 'files', 'elsewhere'], tags: [] } })
    expect(config.warnings).toEqual([expect.stringContaining('profiles.home[2] names "elsewhere", and there is no such server here')])
  })

  it('__proto__ is refused like any other odd name', async () => {
    const error = await createProject({ 'mcp.config.json': '{ "servers": {}, "profiles": { "__proto__": ["a"] } }' }).fail()
    expect(error.message).toContain('it begins with "_"')
  })
})
