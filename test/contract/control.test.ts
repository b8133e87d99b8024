import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { connectControl, ensureHome, openControlServer, PROTOCOL, readApplyParams, readConfigFailedParams, readMetricsParams, readReloadParams, resolveHome } from '../../src/lib/control/index.js'
import { McpctlError } from '../../src/lib/errors/index.js'
import { DEFAULT_GATEWAY, DEFAULT_TRAFFIC, type EndpointSpec, type GatewaySettings, type GrantSpec } from '../../src/lib/core/index.js'
import { FiguresBook, sumSaved } from '../../src/lib/metrics/index.js'
import { specOf } from '../unit/core/spec-fixture.js'

/*
 * The words on the wire, exactly as they are. Append only: a line that has to change here means a new PROTOCOL number.
 */
const FROM_CLIENT = [
  '{"type":"hello","protocol":1,"version":"1.2.3"}',
  '{"type":"request","id":1,"method":"start","params":{"names":["a"]}}',
  '{"type":"request","id":2,"method":"snapshot","params":{"names":null,"detail":false}}',
  '{"type":"request","id":3,"method":"shutdown","params":{}}',
]
const FROM_DAEMON = [
  `{"type":"hello","protocol":1,"version":"4.5.6","pid":${process.pid}}`,
  '{"type":"event","id":1,"event":{"type":"closing","time":1}}',
  '{"type":"result","id":1,"result":{"names":["a"]}}',
  '{"type":"error","id":2,"error":{"code":"SERVER_UNKNOWN","message":"m","hint":"h","details":{"name":"x"}}}',
]

function collect(lines: string[], socket: net.Socket): void {
  let rest = ''
  socket.on('data', (chunk) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
}

async function withHome<T>(use: (home: ReturnType<typeof resolveHome>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpctl-wire-'))
  try {
    const home = resolveHome({ MCP_HOME: folder })
    ensureHome(home)
    return await use(home)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

it('speaks protocol 1', () => {
  expect(PROTOCOL).toBe(1)
})

it('sends what a daemon of this protocol expects', async () => {
  await withHome(async (home) => {
    const lines: string[] = []
    const daemon = net.createServer((socket) => {
      socket.write(`${FROM_DAEMON[0] ?? ''}\n`)
      collect(lines, socket)
    })
    await new Promise<void>((resolve) => daemon.listen(home.socket, resolve))
    const client = await connectControl(home, '1.2.3')
    if (!client) throw new Error('no daemon')
    const requests: Promise<unknown>[] = [client.request('start', { names: ['a'] }), client.request('snapshot', { names: null, detail: false }), client.request('shutdown', {})]
    await expect.poll(() => lines, { timeout: 20_000 }).toEqual(FROM_CLIENT)
    client.close()
    await Promise.allSettled(requests)
    await new Promise((resolve) => daemon.close(resolve))
  })
})

it('answers what a client of this protocol expects', async () => {
  await withHome(async (home) => {
    const server = await openControlServer(home, '4.5.6', (method, _params, context) => {
      if (method !== 'start') throw new McpctlError('SERVER_UNKNOWN', 'm', { hint: 'h', details: { name: 'x' } })
      context.emit({ type: 'closing', time: 1 })
      return Promise.resolve({ names: ['a'] })
    })
    const lines: string[] = []
    const socket = net.connect(home.socket)
    collect(lines, socket)
    for (const line of FROM_CLIENT.slice(0, 3)) socket.write(`${line}\n`)
    // Answers come as they are ready, in any order.
    await expect.poll(() => [...lines].sort(), { timeout: 20_000 }).toEqual([...FROM_DAEMON].sort())
    socket.destroy()
    await server.close()
  })
})

const SPEC = specOf('a', {
  transport: 'http',
  endpoint: { url: 'http://127.0.0.1:1/mcp', headers: { a: 'b' }, pool: { min: 0, max: 9 } },
  limits: { memoryBytes: 1, cpuPercent: 2, pids: 3 },
  launch: { command: 'c', args: ['d'], cwd: '/e', env: { F: 'g' }, ownEnv: ['F'], shown: ['c', 'd'] },
  dependsOn: ['b'],
  tags: ['t'],
  isolation: 'per-session',
  start: 'on-demand',
  idleStopMs: 1,
  roots: [{ uri: 'file:///r' }, { uri: 'file:///s', name: 'n' }],
  clientAbilities: ['sampling', 'elicitation'],
  traffic: {
    idleTimeoutMs: 1, timeoutMs: 2, allow: ['*'], deny: ['d*'], tools: { t: { name: 'u', description: 'v', enabled: false, idleTimeoutMs: 3, timeoutMs: 4 } },
    repeatable: ['r*'], membership: { group: 'g', strategy: 'weighted', sticky: 'session', priority: 2, weight: 0.5 }, profile: 'p',
    breaker: { failures: 1, errorPercent: 2.5, minCalls: 3, windowMs: 4, recoveryMs: 5, maxRecoveryMs: 6, trials: 7 },
    rate: { perMinute: 8, burst: 9 }, concurrency: { max: 10, queue: 0, queueTimeoutMs: 0 }, cache: { tools: ['c*'], resources: true, prompts: true, ttlMs: 11, scope: 'public' },
    pins: { tools: { t: 'sha256-a' }, prompts: {} },
  },
})
const GRANT: GrantSpec = { servers: ['a'], allow: ['x*'], deny: ['xy'], rate: { perMinute: 1, burst: 2 }, profile: 'p', manage: true }
const GATEWAY: GatewaySettings = {
  ...DEFAULT_GATEWAY,
  port: 7420, host: '0.0.0.0', token: 'secret', allowedHosts: ['h'], allowedOrigins: ['https://o'], prefix: 'none', separator: '.', maxNameLength: 128,
  sse: true, listWaitMs: 0, startWaitMs: 1, instructions: false, metrics: { compat: true, public: true }, profiles: { p: { servers: ['a'], tags: ['t'] } },
  auth: {
    keys: { k: { sha256: 'ab'.repeat(32), grant: GRANT, expiresAt: 5 } },
    jwt: [{ algorithms: ['RS256', 'EdDSA'], secret: null, publicKey: null, jwksUrl: 'https://i/jwks', issuer: 'i', audiences: ['au'], scopes: ['s'], leewayMs: 3, grant: { ...GRANT, servers: null, allow: null, rate: null, profile: null } }],
    resource: 'https://r/mcp',
    authorizationServers: ['https://i'],
  },
  rate: { caller: { perMinute: 1, burst: 2 }, total: { perMinute: 3, burst: 4 } }, concurrency: { max: 5, queue: 6, queueTimeoutMs: 7 }, cacheBytes: 8,
  management: { tools: 'on', allowCommands: true }, workflows: true, rest: false, audit: true,
}
const PARAMS = { source: '/s', settings: { maxConcurrentStarts: 2, gateway: GATEWAY }, servers: [SPEC] }

/** What arrives when this is sent. */
const received = (params: unknown): ReturnType<typeof readApplyParams> => readApplyParams(JSON.parse(JSON.stringify(params)))

it('reads back every field of a spec and of the settings, in the same order', () => {
  expect(received(PARAMS)).toEqual(PARAMS)
  expect(JSON.stringify(received(PARAMS).servers)).toBe(JSON.stringify(PARAMS.servers))
})

it('reads what a command from before the gateway sends', () => {
  const added = ['isolation', 'start', 'idleStopMs', 'roots', 'clientAbilities', 'session', 'traffic']
  const old = Object.fromEntries(Object.entries(SPEC).filter(([name]) => !added.includes(name)))
  const { settings, servers } = received({ ...PARAMS, settings: { maxConcurrentStarts: 2 }, servers: [old] })
  expect(settings.gateway).toEqual(DEFAULT_GATEWAY)
  expect(servers).toEqual([{ ...old, isolation: 'shared', start: 'auto', idleStopMs: null, roots: null, clientAbilities: [], session: null, traffic: DEFAULT_TRAFFIC }])
})

it('reads names of replicas and of what was made for a profile', () => {
  const names = ['a', 'a@1', 'a@32', 'db@kairos', 'db@kairos@2']
  expect(received({ ...PARAMS, servers: names.map((name) => ({ ...SPEC, name })) }).servers.map(({ name }) => name)).toEqual(names)
})

it('reads each way a server is authorised at', () => {
  const ways: NonNullable<EndpointSpec['auth']>[] = [
    { type: 'file', path: '/t' },
    { type: 'keychain', service: 's', account: null },
    { type: 'keychain', service: 's', account: 'a' },
    { type: 'command', command: 'op', args: ['read'], cwd: '/c', ttlMs: 1 },
    { type: 'oauth', grant: 'authorization-code', clientId: null, clientSecret: null, scopes: [], authorizationServer: null, redirectPort: null },
    { type: 'oauth', grant: 'client-credentials', clientId: 'i', clientSecret: 's', scopes: ['x'], authorizationServer: 'https://i', redirectPort: 80 },
    { type: 'oauth', grant: 'authorization-code', clientId: null, clientSecret: null, scopes: [], authorizationServer: null, redirectPort: null, store: 'keychain' },
  ]
  const servers = ways.map((auth) => ({ ...SPEC, endpoint: { url: 'http://h', headers: {}, auth } }))
  expect(received({ ...PARAMS, servers }).servers).toEqual(servers)
})

it('reads what a command from before traffic was protected sends', () => {
  const { repeatable: _r, membership: _m, profile: _p, breaker: _b, rate: _t, concurrency: _c, cache: _k, ...traffic } = SPEC.traffic
  const { auth: _a, rate: _gr, concurrency: _gc, cacheBytes: _gb, management: _gm, workflows: _gw, rest: _ge, audit: _gu, ...gateway } = GATEWAY
  const { settings, servers } = received({ ...PARAMS, settings: { maxConcurrentStarts: 2, gateway }, servers: [{ ...SPEC, traffic }] })
  expect(servers[0]?.traffic).toEqual({ ...DEFAULT_TRAFFIC, ...traffic })
  const { auth, rate, concurrency, cacheBytes, management, workflows, rest, audit } = DEFAULT_GATEWAY
  expect(settings.gateway).toEqual({ ...gateway, auth, rate, concurrency, cacheBytes, management, workflows, rest, audit })
})

it('reads the settings of a command from before there were figures, and refuses ones that are not', () => {
  const { metrics: _metrics, ...old } = GATEWAY
  const settings = (gateway: unknown): unknown => received({ ...PARAMS, settings: { maxConcurrentStarts: 2, gateway } }).settings.gateway
  expect(settings(old)).toEqual({ ...GATEWAY, metrics: DEFAULT_GATEWAY.metrics })
  expect(() => settings({ ...old, metrics: { compat: 1, public: true } })).toThrow(/metrics\.compat must be/)
})

it.each<[Record<string, unknown>, RegExp]>([
  [{ era: 'new' }, /servers\[0\]\.era must be one of auto, legacy, modern/],
  [{ name: 'a#1' }, /servers\[0\]\.name must be the name of a server/],
  [{ session: { capabilities: {}, info: null } }, /servers\[0\]\.session must be null/],
  [{ isolation: 'none' }, /servers\[0\]\.isolation must be one of shared, per-session/],
  [{ start: true }, /servers\[0\]\.start must be one of auto, on-demand/],
  [{ idleStopMs: '5m' }, /servers\[0\]\.idleStopMs must be a number/],
  [{ idleStopMs: 0 }, /servers\[0\]\.idleStopMs must be a time above zero/],
  [{ roots: [{ uri: 'not a uri' }] }, /servers\[0\]\.roots\[0\]\.uri must be a URI/],
  [{ clientAbilities: ['roots'] }, /servers\[0\]\.clientAbilities\[0\] must be one of sampling, elicitation/],
  [{ traffic: { ...SPEC.traffic, allow: 'x' } }, /servers\[0\]\.traffic\.allow must be a list/],
  [{ traffic: { ...SPEC.traffic, timeoutMs: -1 } }, /servers\[0\]\.traffic\.timeoutMs must be a time/],
  [{ traffic: { ...SPEC.traffic, tools: { t: { name: 'two words' } } } }, /servers\[0\]\.traffic\.tools\.t\.name must be the name of a tool/],
  [{ traffic: { ...SPEC.traffic, membership: { ...SPEC.traffic.membership, strategy: 'best' } } }, /traffic\.membership\.strategy must be one of priority, round-robin/],
  [{ traffic: { ...SPEC.traffic, membership: { ...SPEC.traffic.membership, group: '../x' } } }, /traffic\.membership\.group must be a name/],
  [{ traffic: { ...SPEC.traffic, membership: { ...SPEC.traffic.membership, weight: 0 } } }, /traffic\.membership\.weight must be a number above zero/],
  [{ traffic: { ...SPEC.traffic, breaker: { ...SPEC.traffic.breaker, failures: 0 } } }, /traffic\.breaker\.failures must be a whole number from 1/],
  [{ traffic: { ...SPEC.traffic, breaker: { ...SPEC.traffic.breaker, recoveryMs: 0 } } }, /traffic\.breaker\.recoveryMs must be a time above zero/],
  [{ traffic: { ...SPEC.traffic, rate: { perMinute: 0, burst: 1 } } }, /traffic\.rate\.perMinute must be a number above zero/],
  [{ traffic: { ...SPEC.traffic, concurrency: { max: 1, queue: -1, queueTimeoutMs: 0 } } }, /traffic\.concurrency\.queue must be a whole number from 0/],
  [{ traffic: { ...SPEC.traffic, cache: { ...SPEC.traffic.cache, scope: 'all' } } }, /traffic\.cache\.scope must be one of caller, public/],
  [{ name: 'a@b@c@d' }, /servers\[0\]\.name must be the name of a server/],
  [{ endpoint: { url: 'http://h', headers: {}, auth: { type: 'magic' } } }, /endpoint\.auth\.type must be one of file, keychain, command, oauth/],
])('names what it refuses of a server: %j', (change, message) => {
  expect(() => received({ ...PARAMS, servers: [{ ...SPEC, ...change }] })).toThrow(message)
})

it.each<[Record<string, unknown>, RegExp]>([
  [{ port: 0 }, /settings\.gateway\.port must be a whole number from 1 to 65535/],
  [{ port: 80.5 }, /settings\.gateway\.port/],
  [{ host: '' }, /settings\.gateway\.host must be a host/],
  [{ token: 'two words' }, /settings\.gateway\.token must be visible ASCII/],
  [{ prefix: 'sometimes' }, /settings\.gateway\.prefix must be one of always, on-collision, none/],
  [{ separator: '::' }, /settings\.gateway\.separator/],
  [{ maxNameLength: 8 }, /settings\.gateway\.maxNameLength must be a whole number from 16 to 128/],
  [{ listWaitMs: 1e12 }, /settings\.gateway\.listWaitMs must be a time/],
  [{ profiles: { p: ['a'] } }, /settings\.gateway\.profiles\.p must be an object/],
  [{ auth: { ...GATEWAY.auth, keys: { k: { sha256: 'short', grant: GRANT, expiresAt: null } } } }, /auth\.keys\.k\.sha256 must be 64 hexadecimal digits/],
  [{ auth: { ...GATEWAY.auth, jwt: [{ ...GATEWAY.auth.jwt[0], secret: 's' }] } }, /auth\.jwt\[0\] must be an object with one of secret, publicKey and jwksUrl/],
  [{ auth: { ...GATEWAY.auth, jwt: [{ ...GATEWAY.auth.jwt[0], algorithms: ['none'] }] } }, /auth\.jwt\[0\]\.algorithms\[0\] must be one of HS256/],
  [{ management: { tools: 'yes', allowCommands: true } }, /management\.tools must be one of auto, on, off/],
  [{ cacheBytes: -1 }, /cacheBytes must be a whole number/],
])('names what it refuses of the gateway: %j', (change, message) => {
  expect(() => received({ ...PARAMS, settings: { maxConcurrentStarts: 2, gateway: { ...GATEWAY, ...change } } })).toThrow(message)
})

/*
 * Since reloads: what a command says about where a configuration came from, and its orders.
 */
const ORIGIN = { cwd: '/c', configPath: null, env: { A: 'b' }, files: ['/s', '/t'], watch: true, loadedAt: 1 }
const RELOAD_LINE = '{"type":"request","id":1,"method":"reload","params":{"source":"/s","settings":null,"servers":[],"origin":{"cwd":"/c","configPath":null,"env":{"A":"b"},"files":["/s","/t"],"watch":true,"loadedAt":1},"names":["a"],"dryRun":true}}'
const FAILED_LINE = '{"type":"request","id":2,"method":"config-failed","params":{"source":"/s","error":{"code":"CONFIG_SYNTAX","message":"m","hint":"h","details":{"file":"/s"}},"files":["/s"]}}'
const CHANGES = '{"type":"result","id":1,"result":{"changes":[{"name":"a","action":"replace","fields":["args","env.TOKEN"]}]}}'

it('sends reloads and failures as a daemon expects them', async () => {
  await withHome(async (home) => {
    const lines: string[] = []
    const daemon = net.createServer((socket) => {
      socket.write(`${FROM_DAEMON[0] ?? ''}\n${CHANGES}\n{"type":"result","id":2,"result":{}}\n`)
      collect(lines, socket)
    })
    await new Promise<void>((resolve) => daemon.listen(home.socket, resolve))
    const client = await connectControl(home, '1.2.3')
    if (!client) throw new Error('no daemon')
    const failure = { code: 'CONFIG_SYNTAX', message: 'm', hint: 'h', details: { file: '/s' } } as const
    void client.request('reload', { source: '/s', settings: null as never, servers: [], origin: ORIGIN, names: ['a'], dryRun: true }).catch(() => undefined)
    void client.request('config-failed', { source: '/s', error: failure, files: ['/s'] }).catch(() => undefined)
    await expect.poll(() => lines.slice(1), { timeout: 20_000 }).toEqual([RELOAD_LINE, FAILED_LINE])
    client.close()
    await new Promise((resolve) => daemon.close(resolve))
  })
})

it('reads back an order to reload, with and without its origin', () => {
  const order = { ...PARAMS, origin: ORIGIN, names: null, dryRun: false }
  expect(readReloadParams(JSON.parse(JSON.stringify(order)))).toEqual(order)
  expect(readReloadParams(JSON.parse(JSON.stringify({ ...PARAMS, names: ['a'], dryRun: true })))).toEqual({ ...PARAMS, names: ['a'], dryRun: true })
  expect(received({ ...PARAMS, origin: { ...ORIGIN, configPath: './c.json', watch: false } }).origin).toEqual({ ...ORIGIN, configPath: './c.json', watch: false })
  expect(received(PARAMS)).not.toHaveProperty('origin')
})

it('reads back why a configuration failed; a code of another version is a defect', () => {
  const failed = { source: '/s', error: { code: 'CONFIG_SYNTAX', message: 'm', hint: 'h', details: {} }, files: ['/s'] }
  expect(readConfigFailedParams(failed)).toEqual(failed)
  expect(readConfigFailedParams({ ...failed, error: { code: 'FROM_TOMORROW', message: 'm' } }).error).toEqual({ code: 'INTERNAL', message: 'm', details: {} })
})

it.each<[Record<string, unknown>, RegExp]>([
  [{ names: 'a' }, /names must be a list/],
  [{ dryRun: 'no' }, /dryRun must be true or false/],
  [{ origin: { ...ORIGIN, cwd: 1 } }, /origin\.cwd must be text/],
  [{ origin: { ...ORIGIN, env: { A: 1 } } }, /origin\.env\.A must be text/],
  [{ origin: { ...ORIGIN, files: [null] } }, /origin\.files\[0\] must be text/],
  [{ origin: { ...ORIGIN, watch: undefined } }, /origin\.watch must be true or false/],
  [{ origin: { ...ORIGIN, loadedAt: 'now' } }, /origin\.loadedAt must be a number/],
])('names what it refuses of an order to reload: %j', (change, message) => {
  expect(() => readReloadParams(JSON.parse(JSON.stringify({ ...PARAMS, names: null, dryRun: false, ...change })))).toThrow(message)
})

/** How a server is limited, probed and replaced. */
const KEPT_UP = {
  ...SPEC,
  limits: { memoryBytes: 4, memorySoftBytes: 2, cpuPercent: 2, pids: 3, required: true },
  drainTimeoutMs: 0,
  replace: 'in-place',
  health: { intervalMs: 1, timeoutMs: 2, hungAfterMs: 3, probe: { type: 'command', command: 'c', args: ['d'] } },
} as const

it('reads back limits, probes and ways of replacement', () => {
  const [read] = received({ ...PARAMS, servers: [KEPT_UP] }).servers
  expect(JSON.stringify(read)).toBe(JSON.stringify(KEPT_UP))
  for (const probe of [{ type: 'mcp' }, { type: 'none' }, { type: 'http', url: 'http://h/p' }, { type: 'tcp', host: '::1', port: 80 }]) {
    expect(received({ ...PARAMS, servers: [{ ...KEPT_UP, health: { ...KEPT_UP.health, probe } }] }).servers[0]?.health.probe).toEqual(probe)
  }
})

it('reads what a command from before probes and reloads sends', () => {
  const { drainTimeoutMs: _drain, replace: _replace, ...rest } = KEPT_UP
  const old = { ...rest, health: { intervalMs: 1, timeoutMs: 2 } }
  const health = { intervalMs: 1, timeoutMs: 2, hungAfterMs: 30_000, probe: { type: 'mcp' } }
  expect(received({ ...PARAMS, servers: [{ ...old, endpoint: null }] }).servers[0]).toMatchObject({ drainTimeoutMs: 5_000, replace: 'beside', health })
  // Two of these would want the same port or files.
  expect(received({ ...PARAMS, servers: [old] }).servers[0]).toMatchObject({ replace: 'in-place', health })
  expect(received({ ...PARAMS, servers: [{ ...old, transport: 'none', endpoint: null }] }).servers[0]).toMatchObject({ replace: 'in-place', health: { probe: { type: 'none' } } })
})

it.each<[Record<string, unknown>, RegExp]>([
  [{ drainTimeoutMs: -1 }, /drainTimeoutMs must be a time in milliseconds/],
  [{ replace: 'bluegreen' }, /replace must be one of beside, in-place/],
  [{ limits: { memoryBytes: 0 } }, /limits\.memoryBytes must be a number above zero/],
  [{ limits: { memorySoftBytes: 'x' } }, /limits\.memorySoftBytes must be a number/],
  [{ limits: { required: 1 } }, /limits\.required must be true or false/],
  [{ health: { ...KEPT_UP.health, intervalMs: 0 } }, /health\.intervalMs must be a time above zero/],
  [{ health: { ...KEPT_UP.health, hungAfterMs: 1e12 } }, /health\.hungAfterMs must be a time/],
  [{ health: { ...KEPT_UP.health, probe: 'mcp' } }, /health\.probe must be an object/],
  [{ health: { ...KEPT_UP.health, probe: { type: 'udp' } } }, /health\.probe\.type must be one of mcp, none, http, tcp, command/],
  [{ health: { ...KEPT_UP.health, probe: { type: 'http', url: 'ftp://h' } } }, /health\.probe\.url must be an http or https URL/],
  [{ health: { ...KEPT_UP.health, probe: { type: 'tcp', host: '', port: 1 } } }, /health\.probe\.host must be text that is not empty/],
  [{ health: { ...KEPT_UP.health, probe: { type: 'tcp', host: 'h', port: 65536 } } }, /health\.probe\.port must be a whole number/],
  [{ health: { ...KEPT_UP.health, probe: { type: 'command', command: 'c' } } }, /health\.probe\.args must be a list/],
])('names what it refuses of limits, probes and replacement: %j', (change, message) => {
  expect(() => received({ ...PARAMS, servers: [{ ...KEPT_UP, ...change }] })).toThrow(message)
})

/*
 * Since figures: what a command asks for, and every field of the answer.
 */
it('reads what figures are asked for; what is left out is not wanted', () => {
  expect(readMetricsParams({ names: ['a'], history: true, tools: true })).toEqual({ names: ['a'], history: true, tools: true })
  expect(readMetricsParams({})).toEqual({ names: null, history: false, tools: false })
  expect(() => readMetricsParams({ names: 'a' })).toThrow(/names must be a list/)
  expect(() => readMetricsParams({ history: 1 })).toThrow(/history must be true or false/)
  expect(() => readMetricsParams([])).toThrow(/params must be an object/)
})

const TRAFFIC_FIELDS = '{"calls":1,"errors":0,"cancelled":0,"inFlight":0,"bytesIn":1,"bytesOut":2,"callsPerSecond":0.02,"errorPercent":0,"meanMs":10,"p50Ms":10,"p95Ms":10,"p99Ms":10,"lastCallAt":1800000000000}'
const HISTORY_FIELDS = '{"intervalMs":10000,"endedAt":1800000001000,"cpuPercent":[5],"memoryBytes":[1024],"callsPerSecond":[null],"errorPercent":[0],"p95Ms":[10]}'

it('keeps the names of all figures', () => {
  const at = 1_800_000_000_000
  const book = new FiguresBook()
  const call = { server: 'a', method: 'tools/call', target: 't', startedAt: at, bytesIn: 1 }
  book.began(call)
  book.ended(call, { outcome: 'ok', durationMs: 10, bytesOut: 2 })
  book.closeStep(at + 1000, new Map([['a', { cpuPercent: 5, memoryBytes: 1024 }]]))
  expect(JSON.stringify(book.traffic('a', at + 2000))).toBe(TRAFFIC_FIELDS)
  expect(JSON.stringify(book.history('a')).replace(/"p95Ms":\[[\d.]+\]/, '"p95Ms":[10]')).toBe(HISTORY_FIELDS)
  expect(JSON.stringify(book.tools('a', at + 2000))).toBe(`[{"name":"t","kind":"tool",${TRAFFIC_FIELDS.slice(1)}]`)
  expect(JSON.stringify(sumSaved([], []))).toBe('{"sessions":0,"instances":0,"memoryBytes":0,"instancesOtherwise":0,"memoryOtherwiseBytes":0,"savedBytes":0}')
})
