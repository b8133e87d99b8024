import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkEnvironment, type ExplainedValue, type LoadedConfig } from '../../src/lib/config/index.js'
import { DEFAULT_GATEWAY, DEFAULT_TRAFFIC } from '../../src/lib/core/index.js'
import { createProject, onlyServer } from './config-support.js'

function explained(config: LoadedConfig, field: string, server = 0): ExplainedValue | undefined {
  return config.explained.servers[server]?.fields.find((each) => each.field === field)
}

describe('what is in effect', () => {
  it('without any statement is the documented default', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x' } } } })
    const config = await project.load({ env: {} })
    expect(config.settings).toEqual({ maxConcurrentStarts: 32, gateway: DEFAULT_GATEWAY })
    expect(onlyServer(config)).toEqual({
      name: 'a', source: join(project.folder, 'mcp.config.json'), transport: 'stdio',
      launch: { command: 'x', args: [], cwd: project.folder, env: {}, ownEnv: [], shown: ['x'] }, endpoint: null,
      era: 'auto', enabled: true,
      restart: { policy: 'on-failure', backoffInitialMs: 500, backoffMaxMs: 60_000, maxRestarts: 5, windowMs: 60_000 },
      limits: {}, startTimeoutMs: 60_000, stopTimeoutMs: 5_000, drainTimeoutMs: 5_000, replace: 'beside',
      health: { intervalMs: 2_000, timeoutMs: 2_000, hungAfterMs: 30_000, probe: { type: 'mcp' } },
      dependsOn: [], tags: [], logs: { maxBytes: 10 * 1024 ** 2, keep: 5 },
      isolation: 'shared', start: 'auto', idleStopMs: null, roots: null, clientAbilities: [], session: null, traffic: DEFAULT_TRAFFIC,
    })
  })

  it('is everything a server states', async () => {
    const project = createProject({
      'mcp.config.json': {
        servers: {
          a: {
            command: 'x', args: ['-p', 80], cwd: 'sub', transport: 'none', era: 'legacy', enabled: false,
            restart: { policy: 'always', backoff: { initial: '1s', max: '9s' }, intensity: { restarts: 3, window: '2m' } },
            limits: { memory: '300M', cpu: 1.5, pids: 64 }, startTimeout: '1m30s', stopTimeout: 0, health: { interval: 5, timeout: '500ms' },
            tags: ['work', 'work', 'db'], logs: { maxSize: '1M', keep: 0 },
          },
        },
      },
    })
    expect(onlyServer(await project.load({ env: {} }))).toMatchObject({
      transport: 'none', launch: { args: ['-p', '80'], cwd: join(project.folder, 'sub') }, era: 'legacy', enabled: false,
      restart: { policy: 'always', backoffInitialMs: 1_000, backoffMaxMs: 9_000, maxRestarts: 3, windowMs: 120_000 },
      limits: { memoryBytes: 300 * 1024 ** 2, cpuPercent: 150, pids: 64 }, startTimeoutMs: 90_000, stopTimeoutMs: 0,
      health: { intervalMs: 5_000, timeoutMs: 500 }, tags: ['work', 'db'], logs: { maxBytes: 1024 ** 2, keep: 0 },
    })
  })

  it('a command with a url is a local HTTP server, a url alone a remote one without limits', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { local: { command: 'x', url: 'http://127.0.0.1:1/mcp' }, remote: { url: 'http://h', transport: 'sse' } } } })
    expect((await project.load({ env: { MCP_MEMORY_LIMIT: '1G' } })).servers).toMatchObject([
      { transport: 'http', launch: { command: 'x' }, endpoint: { url: 'http://127.0.0.1:1/mcp', headers: {} }, limits: { memoryBytes: 1024 ** 3 } },
      { transport: 'sse', launch: null, endpoint: { url: 'http://h' }, limits: {} },
    ])
  })

  it('a process gets the short list and what is named, nothing else of the environment', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', env: { A: 'own', PATH: '/own' } } }, defaults: { env: { A: 'default', B: 2 } } } })
    const env = { PATH: '/bin', HOME: '/h', LC_ALL: 'C', https_proxy: 'p', AWS_SECRET_ACCESS_KEY: 's', MCP_HOME: '/m', BASH_FUNC_x: '() { :; }' }
    expect(onlyServer(await project.load({ env })).launch).toMatchObject({ env: { PATH: '/own', HOME: '/h', LC_ALL: 'C', https_proxy: 'p', A: 'own', B: '2' }, ownEnv: ['A', 'B', 'PATH'] })
    expect(Object.keys(onlyServer(await project.load({ env })).launch?.env ?? {}).sort()).toEqual(['A', 'B', 'HOME', 'LC_ALL', 'PATH', 'https_proxy'])
  })
})

describe('precedence', () => {
  const user = { '../.config/mcpctl/config.json': { defaults: { startTimeout: '11s', limits: { memory: '11M' }, health: { interval: 11 }, restart: 'always' } } }
  const file = (server: object, defaults: object): Record<string, object> => ({ ...user, 'mcp.config.json': { servers: { a: { command: 'x', ...server } }, defaults } })
  const env = { MCP_MAX_STARTUP_TIME: '33', MCP_MEMORY_LIMIT: '33M', MCP_HEALTH_CHECK_INTERVAL: '33', MCP_CPU_QUOTA: '33%' }
  const overrides = {
    maxStartupTimeMs: { value: 55_000, flag: '--max-startup-time' },
    memoryLimitBytes: { value: 55 * 1024 ** 2, flag: '--memory' },
    healthCheckIntervalMs: { value: 55_000, flag: '--health-interval' },
    cpuQuotaPercent: { value: 55, flag: '--cpu' },
  }
  const project = '{project}'

  it.each([
    ['default', {}, {}, false, false, false, [60, undefined, 2], 'default'],
    ['user file', {}, {}, true, false, false, [11, 11, 11], '{user} (defaults)'],
    ['project file', {}, { startTimeout: 22, limits: { memory: '22M' }, health: { interval: 22 } }, true, false, false, [22, 22, 22], `${project} (defaults)`],
    ['environment', {}, { startTimeout: 22, limits: { memory: '22M' }, health: { interval: 22 } }, true, true, false, [33, 33, 33], 'environment MCP_MAX_STARTUP_TIME'],
    ['the server itself', { startTimeout: 44, limits: { memory: '44M' }, health: { interval: 44 } }, { startTimeout: 22 }, true, true, false, [44, 44, 44], project],
    ['flag', { startTimeout: 44, limits: { memory: '44M' }, health: { interval: 44 } }, {}, true, true, true, [55, 55, 55], 'flag --max-startup-time'],
  ])('%s is the last word at its level', async (_level, server, defaults, withUser, withEnv, withFlags, expected, origin) => {
    const all = file(server, defaults)
    const here = createProject(withUser ? all : { 'mcp.config.json': all['mcp.config.json'] ?? {} })
    const config = await here.load({ env: withEnv ? env : {}, ...(withFlags ? { overrides } : {}) })
    const { startTimeoutMs, limits, health } = onlyServer(config)
    expect([startTimeoutMs / 1000, limits.memoryBytes === undefined ? undefined : limits.memoryBytes / 1024 ** 2, health.intervalMs / 1000]).toEqual(expected)
    const place = origin.replace(project, join(here.folder, 'mcp.config.json')).replace('{user}', join(here.home, '.config/mcpctl/config.json'))
    expect(explained(config, 'startTimeout')).toEqual({ field: 'startTimeout', value: expected[0] === 60 ? '1m' : `${expected[0]}s`, origin: place })
  })

  it.each([
    [undefined, undefined, undefined, 'on-failure', 'default'],
    [undefined, undefined, 'false', 'never', 'environment MCP_AUTO_RESTART'],
    [undefined, 'always', 'false', 'never', 'environment MCP_AUTO_RESTART'],
    ['always', undefined, 'false', 'always', 'file'],
    [undefined, 'never', 'true', 'on-failure', 'environment MCP_AUTO_RESTART'],
    [undefined, 'always', 'true', 'always', 'defaults'],
    [undefined, 'never', undefined, 'never', 'defaults'],
    ['never', undefined, 'true', 'never', 'file'],
  ])('restart %s, default %s, MCP_AUTO_RESTART %s: %s', async (own, byDefault, variable, policy, origin) => {
    const here = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', restart: own } }, defaults: { restart: byDefault } } })
    const config = await here.load({ env: { MCP_AUTO_RESTART: variable } })
    expect(onlyServer(config).restart.policy).toBe(policy)
    const path = join(here.folder, 'mcp.config.json')
    expect(explained(config, 'restart.policy')?.origin).toBe(origin === 'file' ? path : origin === 'defaults' ? `${path} (defaults)` : origin)
  })

  it('parts of a group come from different places', async () => {
    const here = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', limits: { cpu: '10%' }, restart: { backoff: { initial: 1 } } } }, defaults: { limits: { memory: '2M', pids: 7 }, restart: { backoff: { initial: 3, max: 4 } } } } })
    const server = onlyServer(await here.load({ env: { MCP_MEMORY_LIMIT: '3M' } }))
    expect(server.limits).toEqual({ memoryBytes: 3 * 1024 ** 2, cpuPercent: 10, pids: 7 })
    expect(server.restart).toMatchObject({ policy: 'on-failure', backoffInitialMs: 1000, backoffMaxMs: 4000 })
  })

  it('MCP_PARALLEL_STARTUP=false starts one at a time, unless a flag says otherwise', async () => {
    const here = createProject({ 'mcp.config.json': { servers: {} } })
    const sequential = await here.load({ env: { MCP_PARALLEL_STARTUP: 'false' } })
    expect(sequential.settings.maxConcurrentStarts).toBe(1)
    expect(sequential.explained.settings).toContainEqual({ field: 'maxConcurrentStarts', value: 1, origin: 'environment MCP_PARALLEL_STARTUP' })
    const parallel = await here.load({ env: { MCP_PARALLEL_STARTUP: 'false' }, overrides: { parallelStartup: { value: true, flag: '--parallel' } } })
    expect(parallel.settings.maxConcurrentStarts).toBe(32)
  })

  it('an environment that cannot be used stops everything', async () => {
    const here = createProject({ 'mcp.config.json': { servers: {} } })
    expect(await here.fail({ env: { MCP_CPU_QUOTA: 'fast' } })).toMatchObject({ code: 'ENVIRONMENT_INVALID', exitStatus: 5 })
  })
})

describe('what is shown', () => {
  const SECRETS = ['s3cr3t-token', 'pa55word', 'literal-key']

  it('holds no secret, but says where each comes from', async () => {
    const here = createProject({
      'mcp.config.json': {
        servers: {
          a: {
            command: 'x',
            args: ['--token', 'literal-key', '--api-key=literal-key', '${TOKEN}', 'postgres://u:pa55word@h/db', '${UNSET:-plain}'],
            env: { API_KEY: 'literal-key', URL: '${file:./url}', MIXED: 'a-${TOKEN}-b', ACCESS_TOKEN: 'Bearer ${TOKEN}', HIDDEN: '${TOKEN:-literal-key}', PLAIN: 'seen' },
            envFile: 'vars',
          },
          b: { url: 'https://u:pa55word@h/mcp?api_key=literal-key&page=2', headers: { Authorization: 'Bearer literal-key', Cookie: 'c=${TOKEN}', 'X-Plain': 'seen' } },
        },
      },
      url: 'postgres://u:pa55word@h/db',
      vars: 'FROM_FILE=literal-key',
    })
    const config = await here.load({ env: { TOKEN: 's3cr3t-token' } })
    const shown = JSON.stringify(config.explained)
    for (const secret of SECRETS) expect(shown).not.toContain(secret)
    expect(JSON.stringify(config.servers)).toContain('s3cr3t-token')
    expect(explained(config, 'args')?.value).toEqual(['--token', '***', '--api-key=***', '${TOKEN}', 'postgres://u:***@h/db', 'plain'])
    const env = Object.fromEntries(config.explained.servers[0]?.fields.filter(({ field }) => field.startsWith('env.')).map(({ field, value }) => [field.slice(4), value]) ?? [])
    expect(env).toEqual({ FROM_FILE: '***', API_KEY: '***', URL: '${file:./url}', MIXED: 'a-${TOKEN}-b', ACCESS_TOKEN: '*** (${TOKEN})', HIDDEN: '${TOKEN:-***}', PLAIN: 'seen' })
    expect(explained(config, 'env.FROM_FILE')?.origin).toBe(`${join(here.folder, 'mcp.config.json')} (envFile)`)
    expect(explained(config, 'url', 1)?.value).toBe('https://u:***@h/mcp?api_key=***&page=2')
    expect(['Authorization', 'Cookie', 'X-Plain'].map((name) => explained(config, `headers.${name}`, 1)?.value)).toEqual(['***', '*** (${TOKEN})', 'seen'])
  })

  it('has one line for every field of the description', async () => {
    const config = await createProject({ 'mcp.config.json': { servers: { a: { command: 'x' } } } }).load()
    expect(config.explained.servers[0]?.fields.map(({ field }) => field)).toEqual([
      'transport', 'command', 'cwd', 'era', 'enabled', 'restart.policy', 'restart.backoff.initial', 'restart.backoff.max', 'restart.intensity.restarts',
      'restart.intensity.window', 'limits.memory', 'limits.memorySoft', 'limits.cpu', 'limits.pids', 'limits.required',
      'startTimeout', 'stopTimeout', 'drainTimeout', 'replace', 'health.interval', 'health.timeout', 'health.hungAfter', 'health.probe',
      'dependsOn', 'tags', 'logs.maxSize', 'logs.keep', 'isolation', 'start', 'roots', 'clientAbilities', 'timeouts.idle', 'timeouts.total', 'tools.allow', 'tools.deny', 'tools.repeatable', 'breaker.failures', 'breaker.errorRate', 'breaker.minCalls', 'breaker.window',
      'breaker.recovery', 'breaker.maxRecovery', 'breaker.trials', 'rate', 'concurrency.max', 'cache', 'instances',
    ])
    expect(config.explained.settings.map(({ field }) => field)).toEqual([
      'home', 'pidDir', 'logDir', 'logLevel', 'maxConcurrentStarts', 'limitsBackend', 'watch', 'gateway.port', 'gateway.host', 'gateway.token', 'gateway.allowedHosts', 'gateway.allowedOrigins',
      'gateway.prefix', 'gateway.separator', 'gateway.maxNameLength', 'gateway.sse', 'gateway.listWait', 'gateway.startWait', 'gateway.instructions', 'gateway.metrics.compat', 'gateway.metrics.public',
      'gateway.rate.caller', 'gateway.rate.total', 'gateway.concurrency', 'gateway.cache.maxSize', 'gateway.management.tools', 'gateway.management.allowCommands', 'gateway.workflows', 'gateway.rest', 'gateway.audit',
    ])
  })
})

describe('a look at this machine', () => {
  const check = async (server: object, files: Record<string, string> = {}): Promise<ReturnType<typeof checkEnvironment>> => {
    const project = createProject({ 'mcp.config.json': { servers: { a: server } }, ...files })
    if ('tool.sh' in files) chmodSync(join(project.folder, 'tool.sh'), 0o755)
    return checkEnvironment(onlyServer(await project.load({ env: { PATH: '/nowhere:/usr/bin:/bin' } })))
  }

  it('finds nothing wrong with a program on the PATH, one beside the configuration, or a remote server', async () => {
    expect(await check({ command: 'env' })).toEqual([])
    expect(await check({ command: './tool.sh' }, { 'tool.sh': '#!/bin/sh\n' })).toEqual([])
    expect(await check({ url: 'http://h' })).toEqual([])
  })

  it('says which PATH was searched in vain', async () => {
    const [problem] = await check({ command: 'no-such-tool', env: { PATH: '/a:/b' } })
    expect(problem).toMatchObject({ field: 'a.command', value: 'no-such-tool', message: 'the command "no-such-tool" was not found; searched PATH: /a:/b' })
    expect(problem?.hint).toContain('PATH')
  })

  it('names a working folder that is missing, and a program that is missing or not executable', async () => {
    expect((await check({ command: 'env', cwd: 'gone' }))[0]?.message).toMatch(/^a\.cwd is .*\/gone, which does not exist$/)
    expect((await check({ command: './gone.sh' }))[0]?.message).toMatch(/gone\.sh does not exist$/)
    expect((await check({ command: './plain' }, { plain: 'x' }))[0]?.message).toMatch(/plain is not executable$/)
  })
})
