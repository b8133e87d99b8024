import { describe, expect, it } from 'vitest'
import type { HealthDocument } from '../../../src/lib/core/index.js'
import { LOCAL } from '../../../src/lib/gateway/access.js'
import { pageOf } from '../../../src/lib/gateway/page.js'
import type { SeenServer, SeenTool, Sight } from '../../../src/lib/gateway/sight.js'
import { createUtilityTools } from '../../../src/lib/gateway/utility-tools.js'

const NOW = Date.UTC(2026, 0, 2)
const TIME = '2026-01-02T00:00:00.000Z'

function document(name: string, status: HealthDocument['status'] = 'healthy'): HealthDocument {
  return {
    status, server_name: name, version: '1.0.0', timestamp: TIME, uptime_seconds: 5, dependencies: {},
    metrics: { memory_usage_mb: 10.5, active_connections: 1, request_count: 7, error_count: 1, error_rate: 0.1429, average_response_time_ms: 3.5, circuit_breaker_state: 'closed' },
  }
}

const TOOLS: SeenTool[] = [
  { server: 'files', definition: { name: 'files__read', title: 'Read', description: 'x'.repeat(1000), inputSchema: { type: 'object', properties: { path: { type: 'string' } } }, annotations: { readOnlyHint: true } } },
  { server: 'files', definition: { name: 'files__write', description: 'Writes.', inputSchema: { type: 'object' }, outputSchema: { type: 'object' } } },
  { server: 'search', definition: { name: 'search__find', inputSchema: { type: 'object' } } },
  { server: null, definition: { name: 'manage', description: 'Looks after servers.', inputSchema: { type: 'object' } } },
]
const SERVERS: SeenServer[] = [{ name: 'files', members: ['files'] }, { name: 'search', members: ['main', 'backup'] }]

function setup(sight: Sight | null = { tools: () => TOOLS, servers: () => SERVERS }) {
  const asked: string[][] = []
  const there = new Map([document('files'), document('main'), document('backup', 'unhealthy'), document('secret')].map((each) => [each.server_name, each]))
  const tools = createUtilityTools({
    now: () => NOW,
    management: { health: (names) => { asked.push([...names]); return Promise.resolve({ status: 'degraded', servers: [...there.values()].filter(({ server_name: name }) => names.has(name)) }) } },
  })
  const call = async (name: string, args: Record<string, unknown> = {}): Promise<Record<string, unknown>> => {
    const result = await tools.find(({ definition }) => definition['name'] === name)?.call(args, { access: LOCAL, sight, steps: null })
    const structured = result?.['structuredContent'] as Record<string, unknown>
    expect(JSON.parse((result?.['content'] as { text: string }[])[0]?.text ?? '')).toEqual(structured)
    expect(result?.['isError']).toBe(structured['success'] !== true)
    return structured
  }
  return { call, asked, tools }
}

const namesIn = (result: Record<string, unknown>): unknown[] => (result['tools'] as { name: string }[]).map(({ name }) => name)

describe('get_available_tools', () => {
  it('shows what its caller sees, with the server of each, descriptions cut', async () => {
    const result = await setup().call('get_available_tools')
    expect(result).toMatchObject({ success: true, total_count: 4, offset: 0, next_offset: null })
    const [read, write, find, own] = result['tools'] as Record<string, unknown>[]
    expect(read).toEqual({ name: 'files__read', server: 'files', title: 'Read', description: `${'x'.repeat(400)}…`, annotations: { readOnlyHint: true } })
    expect(write).toEqual({ name: 'files__write', server: 'files', description: 'Writes.' })
    expect([find?.['server'], own?.['server']]).toEqual(['search', null])
  })

  it('finds by server and by pattern, in parts, with schemas where they are asked for', async () => {
    const { call } = setup()
    expect(namesIn(await call('get_available_tools', { server: 'search' }))).toEqual(['search__find'])
    expect(namesIn(await call('get_available_tools', { pattern: '*r*e*' }))).toEqual(['files__read', 'files__write'])
    expect(await call('get_available_tools', { pattern: 'nothing*' })).toMatchObject({ success: true, tools: [], total_count: 0, next_offset: null })
    const first = await call('get_available_tools', { limit: 2 })
    expect([namesIn(first), first['next_offset']]).toEqual([['files__read', 'files__write'], 2])
    const rest = await call('get_available_tools', { offset: 2, limit: 2, include_schemas: true })
    expect([namesIn(rest), rest['next_offset']]).toEqual([['search__find', 'manage'], null])
    expect((rest['tools'] as Record<string, unknown>[])[0]).toEqual({ name: 'search__find', server: 'search', input_schema: { type: 'object' } })
  })

  it('shows nothing to a caller that sees nothing', async () => {
    expect(await setup(null).call('get_available_tools')).toMatchObject({ success: true, tools: [], total_count: 0 })
  })

  it.each([[{ server: 'nope' }, { error: 'Server "nope" not found', available_servers: ['files', 'search'] }], [{ server: 3 }, { error: expect.stringMatching(/"server"/) }], [{ limit: 0 }, { error: expect.stringMatching(/1 to 500/) }], [{ limit: 501 }, { error: expect.stringMatching(/"limit"/) }], [{ offset: -1 }, { error: expect.stringMatching(/"offset"/) }], [{ pattern: 'x'.repeat(300) }, { error: expect.stringMatching(/longer than 256/) }]])('refuses %j', async (args, expected) => {
    expect(await setup().call('get_available_tools', args)).toMatchObject({ success: false, ...expected })
  })
})

describe('health_check and get_server_metrics', () => {
  it('tell of the servers their caller sees, by the documents of GET /health/NAME, and ask for no others', async () => {
    const { call, asked } = setup()
    expect(await call('health_check')).toEqual({
      success: true, status: 'degraded', timestamp: TIME, healthy_count: 2, total_count: 3, offset: 0, next_offset: null,
      servers: [document('files'), { ...document('main'), group: 'search' }, { ...document('backup', 'unhealthy'), group: 'search' }],
    })
    const { metrics } = document('files')
    expect(await call('get_server_metrics', { server: 'files' })).toEqual({ success: true, timestamp: TIME, servers: [{ server_name: 'files', status: 'healthy', uptime_seconds: 5, metrics }], total_count: 1, offset: 0, next_offset: null })
    expect(asked.flat()).not.toContain('secret')
  })

  it('find by the name of a group, of one of its members, and by pattern', async () => {
    const { call } = setup()
    const servers = async (args: Record<string, unknown>): Promise<unknown[]> => ((await call('health_check', args))['servers'] as HealthDocument[]).map(({ server_name: name }) => name)
    expect(await servers({ server: 'search' })).toEqual(['main', 'backup'])
    expect(await servers({ server: 'backup' })).toEqual(['backup'])
    expect(await servers({ pattern: 's*' })).toEqual(['main', 'backup'])
    expect(await servers({ pattern: 'm*' })).toEqual(['main'])
    expect(await call('health_check', { server: 'secret' })).toMatchObject({ success: false, available_servers: ['files', 'search'] })
  })

  it('change nothing, and say so', () => {
    for (const { definition } of setup().tools) expect(definition['annotations']).toEqual({ readOnlyHint: true, openWorldHint: false })
  })
})

describe('a part of a list', () => {
  it('ends where it would be too long to read, and goes on to the end', () => {
    const all = Array.from({ length: 7 }, (_, index) => () => `${index}${'x'.repeat(50_000)}`)
    const seen: string[] = []
    let offset: number | null = 0
    for (let rounds = 0; offset !== null; rounds++) {
      expect(rounds).toBeLessThan(10)
      const { items, facts } = pageOf(all, { offset, limit: 100 })
      expect(items.length).toBeLessThanOrEqual(3)
      seen.push(...items.map((item) => item.slice(0, 1)))
      offset = facts['next_offset'] as number | null
    }
    expect(seen.join('')).toBe('0123456')
  })

  it('has one entry at least, however long it is', () => {
    expect(pageOf([() => 'x'.repeat(1_000_000), () => 'y'], { offset: 0, limit: 10 })).toMatchObject({ items: [expect.any(String)], facts: { next_offset: 1 } })
    expect(pageOf([], { offset: 5, limit: 1 })).toEqual({ items: [], facts: { total_count: 0, offset: 5, next_offset: null } })
  })
})
