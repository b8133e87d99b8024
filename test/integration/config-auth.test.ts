import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readApplyParams } from '../../src/lib/control/index.js'
import { FULL_GRANT, type AuthSettings, type EndpointSpec } from '../../src/lib/core/index.js'
import { createProject, onlyServer, problemsOf } from './config-support.js'

const SECRET = 's3cr3t-of-at-least-32-bytes-in-length'
const ENV = { PATH: '/usr/bin', CI_KEY: 'key-from-outside', JWT_SECRET: SECRET, T: 'token-from-outside' }
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('who may come in', () => {
  it('is what the keys and the tokens say; of a key only its digest is kept', async () => {
    const auth = {
      keys: {
        ci: { key: '${CI_KEY}', servers: 'a', tools: { allow: 'get_*', deny: ['get_secret'] }, rate: 60, expires: '2027-01-01', manage: true },
        agent: { sha256: hashOf('x').toUpperCase(), profile: 'work' },
      },
      jwt: [{ secret: '${JWT_SECRET}', issuer: 'i', audience: 'au', scopes: ['s'], leeway: 0 }, { jwksUrl: 'https://i/jwks', algorithms: 'EdDSA', servers: ['g'] }],
      resource: 'https://r/mcp', authorizationServers: 'https://i',
    }
    const config = await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', namespace: 'g' } }, profiles: { work: ['a'] }, gateway: { auth } } }).load({ env: ENV })
    const expected: AuthSettings = {
      keys: {
        ci: { sha256: hashOf('key-from-outside'), expiresAt: Date.UTC(2027, 0, 1), grant: { servers: ['a'], allow: ['get_*'], deny: ['get_secret'], rate: { perMinute: 60, burst: 10 }, profile: null, manage: true } },
        agent: { sha256: hashOf('x'), expiresAt: null, grant: { ...FULL_GRANT, profile: 'work' } },
      },
      jwt: [
        { algorithms: ['HS256'], secret: SECRET, publicKey: null, jwksUrl: null, issuer: 'i', audiences: ['au'], scopes: ['s'], leewayMs: 0, grant: FULL_GRANT },
        { algorithms: ['EdDSA'], secret: null, publicKey: null, jwksUrl: 'https://i/jwks', issuer: null, audiences: [], scopes: [], leewayMs: 30_000, grant: { ...FULL_GRANT, servers: ['g'] } },
      ],
      resource: 'https://r/mcp', authorizationServers: ['https://i'],
    }
    expect(config.settings.gateway.auth).toEqual(expected)
    const { source, settings, servers } = config
    expect(readApplyParams(JSON.parse(JSON.stringify({ source, settings, servers }))).settings).toEqual(settings)
    expect(JSON.stringify([settings.gateway.auth.keys, config.explained])).not.toMatch(/key-from-outside|s3cr3t/)
    const rows = new Map(config.explained.settings.map(({ field, value }) => [field, value]))
    expect(rows.get('gateway.auth.keys.ci.key')).toBe('***')
    expect(rows.get('gateway.auth.keys.ci.expires')).toBe('2027-01-01T00:00:00.000Z')
    expect(rows.get('gateway.auth.jwt[0].secret')).toBe('***')
    expect(rows.get('gateway.auth.keys.agent.profile')).toBe('work')
    expect(config.warnings).toEqual([])
  })

  it('guards an address that others reach, as a token does', async () => {
    const gateway = { port: 7420, host: '0.0.0.0' }
    const load = (auth: object) => createProject({ 'mcp.config.json': { servers: {}, gateway: { ...gateway, auth } } })
    expect((await load({ keys: { a: { key: 'x' } } }).load()).settings.gateway.host).toBe('0.0.0.0')
    expect(problemsOf(await load({}).fail())).toMatchObject([{ field: 'gateway.host' }])
  })

  it('the keys of the user are added to those of the project; a short secret and an unknown server are told', async () => {
    const project = createProject({
      'mcp.config.json': { servers: { search: { command: 'x' } }, gateway: { auth: { keys: { a: { key: 'p', servers: ['serch'] } }, jwt: { secret: 'short' } } } },
      '../.config/mcpctl/config.json': { gateway: { auth: { keys: { a: { key: 'u' }, b: { key: 'u' } } } } },
    })
    const { settings, warnings } = await project.load()
    expect(Object.entries(settings.gateway.auth.keys).map(([name, { sha256 }]) => [name, sha256])).toEqual([['a', hashOf('p')], ['b', hashOf('u')]])
    expect(warnings.join('\n')).toMatch(/auth\.keys\.a\.servers\[0\] names "serch", and there is no such server or group; did you mean "search"\?[^]*auth\.jwt\.secret is shorter than 32 bytes/)
  })

  it.each<[object, string, RegExp]>([
    [{ keys: { ci: {} } }, 'gateway.auth.keys.ci', /has none of key, sha256/],
    [{ keys: { ci: { key: 'x', sha256: hashOf('x') } } }, 'gateway.auth.keys.ci', /has key and sha256/],
    [{ keys: { ci: { key: 'two words' } } }, 'gateway.auth.keys.ci.key', /no HTTP header can carry/],
    [{ keys: { ci: { sha256: 'abc' } } }, 'gateway.auth.keys.ci.sha256', /64 hexadecimal digits/],
    [{ keys: { ci: { key: 'x', expires: 'soon' } } }, 'gateway.auth.keys.ci.expires', /must be a date such as "2027-01-01"/],
    [{ keys: { ci: { key: 'x', profile: 'wrok' } } }, 'gateway.auth.keys.ci.profile', /names "wrok", and there is no such profile/],
    [{ keys: { ci: { key: 'x', server: ['a'] } } }, 'gateway.auth.keys.ci.server', /is not a known field/],
    [{ jwt: { issuer: 'i' } }, 'gateway.auth.jwt', /has none of secret, publicKey, jwksUrl/],
    [{ jwt: { secret: SECRET, algorithms: ['RS256'] } }, 'gateway.auth.jwt.algorithms', /has "RS256", which does not go with a shared secret/],
    [{ jwt: { jwksUrl: 'https://i', algorithms: ['HS256'] } }, 'gateway.auth.jwt.algorithms', /has "HS256", which does not go with a public key/],
    [{ jwt: { jwksUrl: 'https://i', algorithms: ['none'] } }, 'gateway.auth.jwt.algorithms[0]', /not "none"/],
    [{ jwt: 'x' }, 'gateway.auth.jwt', /must be an object with one of secret, publicKey and jwksUrl, or a list/],
  ])('is refused with its place, and without the secret: %j', async (auth, field, message) => {
    const error = await createProject({ 'mcp.config.json': { servers: { a: { command: 'x' } }, profiles: { work: ['a'] }, gateway: { auth } } }).fail()
    expect(problemsOf(error)).toMatchObject([{ field }])
    expect(problemsOf(error)[0]?.message).toMatch(message)
    expect(error.message).not.toMatch(/two words|s3cr3t/)
  })
})

const server = async (auth: unknown): Promise<{ endpoint: EndpointSpec | null; folder: string; shown: Map<string, unknown> }> => {
  const project = createProject({ 'mcp.config.json': { servers: { a: { url: 'http://h/mcp', auth } } } })
  const config = await project.load({ env: ENV })
  expect(JSON.stringify(config.explained)).not.toContain('from-outside')
  return { endpoint: onlyServer(config).endpoint, folder: project.folder, shown: new Map(config.explained.servers[0]?.fields.map(({ field, value }) => [field, value])) }
}

describe('how a server is authorised at', () => {
  it('by a token that is there', async () => {
    const { endpoint, shown } = await server({ type: 'bearer', token: '${T}' })
    expect(endpoint).toEqual({ url: 'http://h/mcp', headers: { Authorization: 'Bearer token-from-outside' } })
    expect(shown.get('auth.token')).toBe('*** (${T})')
  })

  it('by a file, a program or OAuth', async () => {
    const file = await server({ type: 'bearer', file: './t' })
    expect(file.endpoint?.auth).toEqual({ type: 'file', path: join(file.folder, 't') })
    const command = await server({ type: 'bearer', command: 'op', args: ['read', '--token', 'x'], ttl: '5m' })
    expect(command.endpoint?.auth).toEqual({ type: 'command', command: 'op', args: ['read', '--token', 'x'], cwd: command.folder, ttlMs: 300_000 })
    expect(command.shown.get('auth.command')).toBe('op read --token ***')
    const plain = { type: 'oauth', grant: 'authorization-code', clientId: null, clientSecret: null, scopes: [], authorizationServer: null, redirectPort: null }
    expect((await server('oauth')).endpoint?.auth).toEqual(plain)
    expect((await server({ type: 'oauth', store: 'file' })).endpoint?.auth).toEqual(plain)
    expect((await server({ type: 'oauth', store: 'keychain' })).endpoint?.auth).toEqual({ ...plain, store: 'keychain' })
    expect((await server({ type: 'bearer', keychain: 'search' })).endpoint?.auth).toEqual({ type: 'keychain', service: 'search', account: null })
    const kept = await server({ type: 'bearer', keychain: 'search', account: 'me' })
    expect(kept.endpoint?.auth).toEqual({ type: 'keychain', service: 'search', account: 'me' })
    expect([kept.shown.get('auth.keychain'), kept.shown.get('auth.account')]).toEqual(['search', 'me'])
    const client = { type: 'oauth', grant: 'client-credentials', clientId: 'id', clientSecret: '${T}', scopes: 'x', authorizationServer: 'https://i', redirectPort: 8123 }
    const { endpoint, shown } = await server(client)
    expect(endpoint?.auth).toEqual({ ...client, clientSecret: 'token-from-outside', scopes: ['x'] })
    expect(shown.get('auth.clientSecret')).toBe('***')
  })

  it.each<[object, string, RegExp]>([
    [{ auth: 'bearer' }, 'auth', /must be "oauth", or an object/],
    [{ auth: { token: 'x' } }, 'auth', /has no type/],
    [{ auth: { type: 'bearer' } }, 'auth', /nothing about where the token comes from/],
    [{ auth: { type: 'bearer', token: 'x', file: 'y' } }, 'auth', /names token and file, but there is one token/],
    [{ auth: { type: 'bearer', token: 'x', clientId: 'y' } }, 'auth', /to which clientId means nothing/],
    [{ auth: { type: 'bearer', keychain: 'x', ttl: '5m' } }, 'auth', /args or ttl, which belong to a command/],
    [{ auth: { type: 'bearer', file: 'x', account: 'y' } }, 'auth', /account, which belongs to keychain/],
    [{ auth: { type: 'bearer', file: 'x', store: 'keychain' } }, 'auth', /to which store means nothing/],
    [{ auth: { type: 'oauth', grant: 'client-credentials', clientId: 'y', clientSecret: 'z', store: 'keychain' } }, 'auth', /nothing is kept/],
    [{ auth: { type: 'oauth', grant: 'client-credentials', clientId: 'y' } }, 'auth', /not both clientId and clientSecret/],
    [{ auth: 'oauth', headers: { authorization: 'x' } }, 'auth', /stands beside the header authorization/],
    [{ url: undefined, command: 'x', auth: 'oauth' }, 'auth', /has no effect without a url/],
  ])('is refused with its place: %j', async (fields, field, message) => {
    const problems = problemsOf(await createProject({ 'mcp.config.json': { servers: { a: { url: 'http://h/mcp', ...fields } } } }).fail())
    expect(problems).toMatchObject([{ field: `servers.a.${field}` }])
    expect(problems[0]?.message).toMatch(message)
  })
})
