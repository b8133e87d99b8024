import { describe, expect, it } from 'vitest'
import { DEFAULT_BREAKER, type TrafficSpec } from '../../src/lib/core/index.js'
import { createProject, onlyServer, problemsOf } from './config-support.js'

async function traffic(server: object, defaults: object = {}, env: NodeJS.ProcessEnv = {}): Promise<TrafficSpec> {
  return onlyServer(await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', ...server } }, defaults } }).load({ env })).traffic
}

describe('what protects a server', () => {
  it.each<[object, object, Partial<TrafficSpec>]>([
    [{}, {}, { breaker: DEFAULT_BREAKER, rate: null, concurrency: null, cache: null, repeatable: [], membership: null, profile: null }],
    [{ breaker: false }, {}, { breaker: null }],
    [{}, { breaker: false }, { breaker: null }],
    [{ breaker: true }, { breaker: false }, { breaker: DEFAULT_BREAKER }],
    [{ breaker: { failures: 3 } }, { breaker: { recovery: '5s', errorRate: false } }, { breaker: { ...DEFAULT_BREAKER, failures: 3, recoveryMs: 5_000, errorPercent: null } }],
    [{ breaker: { errorRate: '12.5%', minCalls: 5, window: '1m', trials: 1, maxRecovery: '10m' } }, {}, { breaker: { ...DEFAULT_BREAKER, errorPercent: 12.5, minCalls: 5, windowMs: 60_000, trials: 1, maxRecoveryMs: 600_000 } }],
    [{ breaker: { recovery: '5m' } }, {}, { breaker: { ...DEFAULT_BREAKER, recoveryMs: 300_000, maxRecoveryMs: 300_000 } }],
    [{ rate: 600 }, {}, { rate: { perMinute: 600, burst: 100 } }],
    [{ rate: 1 }, {}, { rate: { perMinute: 1, burst: 1 } }],
    [{ rate: { perMinute: 600, burst: 50 } }, { rate: 5 }, { rate: { perMinute: 600, burst: 50 } }],
    [{ rate: false }, { rate: 5 }, { rate: null }],
    [{ concurrency: 10 }, {}, { concurrency: { max: 10, queue: 100, queueTimeoutMs: 5_000 } }],
    [{ concurrency: { max: 1, queue: 0, queueTimeout: 0 } }, {}, { concurrency: { max: 1, queue: 0, queueTimeoutMs: 0 } }],
    [{ concurrency: false }, { concurrency: 2 }, { concurrency: null }],
    [{ command: undefined, url: 'http://127.0.0.1:1/mcp' }, {}, { concurrency: { max: 256, queue: 10_000, queueTimeoutMs: 30_000 } }],
    [{ url: 'http://127.0.0.1:1/mcp' }, {}, { concurrency: { max: 256, queue: 10_000, queueTimeoutMs: 30_000 } }],
    [{ command: undefined, url: 'http://127.0.0.1:1/mcp' }, { concurrency: 9 }, { concurrency: { max: 9, queue: 100, queueTimeoutMs: 5_000 } }],
    [{ command: undefined, url: 'http://127.0.0.1:1/mcp', concurrency: false }, { concurrency: 9 }, { concurrency: null }],
    [{ cache: true }, {}, { cache: { tools: null, resources: false, prompts: false, ttlMs: 60_000, scope: 'caller' } }],
    [{ cache: '90s' }, {}, { cache: { tools: null, resources: false, prompts: false, ttlMs: 90_000, scope: 'caller' } }],
    [{ cache: { tools: 'get_*', resources: true } }, { cache: { ttl: 5, prompts: true, scope: 'public' } }, { cache: { tools: ['get_*'], resources: true, prompts: true, ttlMs: 5_000, scope: 'public' } }],
    [{ cache: false }, { cache: '5m' }, { cache: null }],
    [{ tools: { repeatable: ['get_*', 'get_*'] } }, {}, { repeatable: ['get_*'] }],
  ])('%j with the defaults %j', async (server, defaults, expected) => {
    expect(await traffic(server, defaults)).toMatchObject(expected)
  })

  it.each<[object, string, string, string]>([
    [{ breaker: 5 }, 'breaker', 'must be false, or an object with failures', 'failures'],
    [{ breaker: { failures: 0 } }, 'breaker.failures', 'must be a whole number from 1 to 10000, not 0', '10000'],
    [{ breaker: { errorRate: 'half' } }, 'breaker.errorRate', 'must be a share of the calls such as "50%"', '50%'],
    [{ breaker: { errorRate: '101%' } }, 'breaker.errorRate', 'not "101%"', '50%'],
    [{ breaker: { failure: 1 } }, 'breaker.failure', 'is not a known field', 'Did you mean "failures"?'],
    [{ breaker: { recovery: '5s', maxRecovery: '1s' } }, 'breaker', 'has a recovery above its max', 'smaller'],
    [{ rate: 0 }, 'rate', 'must be a whole number from 1', '1'],
    [{ rate: '60/min' }, 'rate', 'must be a number of requests a minute', 'false for no limit'],
    [{ rate: { burst: 5 } }, 'rate', 'has no perMinute', 'perMinute'],
    [{ concurrency: { queue: 5 } }, 'concurrency', 'has no max', 'max'],
    [{ concurrency: true }, 'concurrency', 'must be a number of calls at once', 'false'],
    [{ cache: 0 }, 'cache', 'must be a time of at least 1ms', '1ms'],
    [{ cache: { scope: 'all' } }, 'cache.scope', 'must be "caller" or "public"', 'public'],
    [{ cache: { tools: ['a?'] } }, 'cache.tools[0]', 'has no meaning in a pattern', 'Only *'],
    [{ transport: 'none', cache: true }, 'cache', 'has no effect on a helper', 'transport "none"'],
  ])('is refused with place, value and way out: %j', async (server, field, message, hint) => {
    const problems = problemsOf(await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', ...server } } } }).fail())
    expect(problems).toMatchObject([{ field: `servers.a.${field}` }])
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toContain(hint)
  })
})

describe('what is the same for all servers', () => {
  it('each field is looked for by itself, in the project and then in the user file', async () => {
    const project = createProject({
      'mcp.config.json': { servers: { a: { command: 'x' } }, gateway: { rate: { caller: 60 }, management: true, audit: true } },
      '../.config/mcpctl/config.json': { gateway: { rate: { caller: 1, total: { perMinute: 100, burst: 7 } }, concurrency: { max: 500, queueTimeout: '1s' }, cache: { maxSize: '1M' }, management: { tools: 'off', allowCommands: true }, workflows: true, rest: false } },
    })
    const { settings, explained } = await project.load()
    expect(settings.gateway).toMatchObject({
      rate: { caller: { perMinute: 60, burst: 10 }, total: { perMinute: 100, burst: 7 } }, concurrency: { max: 500, queue: 100, queueTimeoutMs: 1_000 }, cacheBytes: 1024 ** 2,
      management: { tools: 'on', allowCommands: true }, workflows: true, rest: false, audit: true,
    })
    const rows = new Map(explained.settings.map(({ field, value, origin }) => [field, [value, origin.endsWith('mcp.config.json') ? 'project' : 'user']]))
    expect(rows.get('gateway.rate.caller')).toEqual(['60 a minute, 10 at once', 'project'])
    expect(rows.get('gateway.rate.total')).toEqual(['100 a minute, 7 at once', 'user'])
    expect(rows.get('gateway.management.tools')).toEqual(['on', 'project'])
    expect(rows.get('gateway.concurrency')).toEqual(['500, 100 may wait 1s', 'user'])
    expect(rows.get('gateway.cache.maxSize')).toEqual(['1M', 'user'])
  })

  it.each<[object, string, string]>([
    [{ rate: 60 }, 'gateway.rate', 'must be an object with caller and total'],
    [{ rate: { callers: 60 } }, 'gateway.rate.callers', 'is not a known field'],
    [{ cache: { maxSize: 5 } }, 'gateway.cache.maxSize', 'must be a size of at least 64'],
    [{ management: 'auto' }, 'gateway.management', 'must be true, false, or an object with tools and allowCommands'],
  ])('is refused with its place: %j', async (gateway, field, message) => {
    const problems = problemsOf(await createProject({ 'mcp.config.json': { servers: {}, gateway } }).fail())
    expect(problems).toMatchObject([{ field }])
    expect(problems[0]?.message).toContain(message)
  })
})
