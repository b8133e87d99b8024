import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseFormat, writePrometheus, type PrometheusView } from '../../../src/lib/metrics/index.js'
import { nameServers } from '../../../src/lib/metrics/prometheus-compat.js'
import { bare, parsePage, SERVER, TRAFFIC, VIEW } from './prometheus-fixture.js'

const page = (view: PrometheusView, format: 'text' | 'openmetrics' = 'text', compat = false): string => [...writePrometheus(view, format, compat)].join('')

describe('the page of figures', () => {
  it('shows what is known of a server under names with labels', () => {
    const { series, types } = parsePage(page(VIEW))
    const expected: Record<string, number> = {
      'mcpctl_server_ready{server="files"}': 1, 'mcpctl_server_wanted{server="files"}': 1, 'mcpctl_server_phase{server="files",phase="ready"}': 1, 'mcpctl_server_phase{server="files",phase="failed"}': 0,
      'mcpctl_server_generation{server="files"}': 3, 'mcpctl_server_restarts_total{server="files"}': 2, 'mcpctl_server_start_time_seconds{server="files"}': 1_700_000_000.5,
      'mcpctl_server_tools{server="files"}': 12, 'mcpctl_server_sessions{server="files"}': 3,
      'mcpctl_server_cpu_seconds_total{server="files"}': 4.25, 'mcpctl_server_cpu_ratio{server="files"}': 0.125, 'mcpctl_server_cpu_limit_ratio{server="files"}': 0.8,
      'mcpctl_server_memory_bytes{server="files"}': 52_428_800, 'mcpctl_server_memory_limit_bytes{server="files"}': 314_572_800, 'mcpctl_server_processes{server="files"}': 2,
      'mcpctl_server_requests_total{server="files",outcome="ok"}': 7, 'mcpctl_server_requests_total{server="files",outcome="cancelled"}': 3, 'mcpctl_server_requests_in_flight{server="files"}': 2,
      'mcpctl_server_request_duration_seconds_bucket{server="files",le="0.005"}': 4, 'mcpctl_server_request_duration_seconds_bucket{server="files",le="1.0"}': 9,
      'mcpctl_server_request_duration_seconds_bucket{server="files",le="+Inf"}': 10, 'mcpctl_server_request_duration_seconds_sum{server="files"}': 12.5, 'mcpctl_server_request_duration_seconds_count{server="files"}': 10,
      'mcpctl_tool_requests_total{server="files",kind="tool",tool="read",outcome="failed"}': 2, 'mcpctl_tool_request_duration_seconds_count{server="files",kind="tool",tool="read"}': 9,
      'mcpctl_build_info{version="0.1.0",node="20.19.0"}': 1, 'mcpctl_daemon_start_time_seconds': 1_700_000_000, 'mcpctl_daemon_event_loop_delay_max_seconds': 0.02,
      'mcpctl_sessions{door="stdio",era="legacy"}': 2, 'mcpctl_memory_saved_bytes': 200, 'mcpctl_alert{kind="memory-near",level="warning",server="files"}': 1, 'mcpctl_alerts{level="critical"}': 0,
    }
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, series.get(key)]))).toEqual(expected)
    expect(types.get('mcpctl_server_requests_total')).toBe('counter')
    expect(types.get('mcpctl_build_info')).toBe('gauge')
  })

  it('leaves out what is not known of a server, but counts its requests from nothing on', () => {
    const { series } = parsePage(page(VIEW))
    const ofSearch = [...series.keys()].filter((key) => key.includes('server="search"'))
    for (const name of ['memory_bytes', 'memory_limit_bytes', 'cpu_ratio', 'cpu_seconds_total', 'start_time_seconds', 'tools', 'last_request_time_seconds']) expect(ofSearch).not.toContain(`mcpctl_server_${name}{server="search"}`)
    expect(series.get('mcpctl_server_requests_total{server="search",outcome="lost"}')).toBe(0)
    expect(series.get('mcpctl_server_request_duration_seconds_bucket{server="search",le="2.5"}')).toBe(0)
  })

  it('names no resource, and a bounded number of tools that never change places', () => {
    const tool = (at: number) => ({ name: `t${String(at)}`, kind: 'tool' as const, outcomes: { ok: 1, failed: 0, error: 0, lost: 0, cancelled: 0 }, count: 1, sumSeconds: 1 })
    const many = (count: number): Map<string, number> => {
      const tools = [...TRAFFIC.tools, ...Array.from({ length: count }, (_, at) => tool(at))]
      return new Map(parsePage(page({ ...VIEW, servers: [{ ...SERVER, traffic: { ...TRAFFIC, tools } }] })).series)
    }
    expect(page(VIEW)).not.toContain('secret')
    expect(parsePage(page(VIEW)).series.get('mcpctl_tool_requests_total{server="files",kind="resource",tool="(resources)",outcome="cancelled"}')).toBe(3)
    const [some, more] = [many(200), many(300)]
    expect([...some.keys()]).toEqual([...more.keys()])
    expect([...some.keys()].filter((key) => key.startsWith('mcpctl_tool_requests_total') && key.includes('"ok"'))).toHaveLength(101)
    const other = 'mcpctl_tool_requests_total{server="files",kind="tool",tool="(other)",outcome="ok"}'
    expect([some.get(other), more.get(other)]).toEqual([102, 202])
  })

  it('is one that a strict reader takes, in both formats, whatever tools are called', () => {
    const name = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('a"b', 'a\\b', 'a\nb', 'x'.repeat(1000), '\0', '\ud800', '\udbff', `${'y'.repeat(118)}😀😀`, '}', '# EOF', ''))
    fc.assert(fc.property(fc.array(name, { maxLength: 8 }), fc.constantFrom('text' as const, 'openmetrics' as const), fc.boolean(), (names, format, compat) => {
      const tools = [...new Set(names)].map((each) => ({ ...TRAFFIC.tools[0], name: each, kind: 'tool' as const, outcomes: TRAFFIC.outcomes, count: 1, sumSeconds: 1 }))
      const text = page({ ...VIEW, servers: [{ ...SERVER, traffic: { ...TRAFFIC, tools } }, bare('search')] }, format, compat)
      expect(parsePage(Buffer.from(text).toString()).series.size).toBeGreaterThan(80)
      expect(text.endsWith('# EOF\n')).toBe(format === 'openmetrics')
    }), { numRuns: 60 })
  })

  it('says in OpenMetrics the same with the families named as the standard wants it', () => {
    const [text, open] = [parsePage(page(VIEW)), parsePage(page(VIEW, 'openmetrics'))]
    expect(open.series).toEqual(text.series)
    expect(open.types.get('mcpctl_server_requests')).toBe('counter')
    expect(open.types.get('mcpctl_build')).toBe('info')
    expect(open.types.get('mcpctl_server_request_duration_seconds')).toBe('histogram')
  })

  it('comes in pieces that leave others their turn', () => {
    const pieces = [...writePrometheus({ ...VIEW, servers: Array.from({ length: 200 }, (_, at) => ({ ...SERVER, name: `s${String(at)}` })) }, 'text', false)]
    expect(pieces.length).toBeGreaterThan(10)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(40_000)
    expect(parsePage(pieces.join('')).series.get('mcpctl_server_ready{server="s199"}')).toBe(1)
  })
})

describe('the names that hold a server’s name', () => {
  it('are there when asked for, with the units of old', () => {
    const { series, types } = parsePage(page(VIEW, 'text', true))
    const expected = { mcp_files_requests_total: 13, mcp_files_active_connections: 3, mcp_files_error_rate: 0.3, mcp_files_memory_usage_mb: 50, mcp_files_request_duration_seconds_count: 10, mcp_search_requests_total: 0, mcp_search_error_rate: 0 }
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, series.get(key)]))).toEqual(expected)
    expect(types.get('mcp_files_request_duration_seconds')).toBe('histogram')
    expect(series.has('mcp_search_memory_usage_mb')).toBe(false)
    expect([...parsePage(page(VIEW)).names].filter((name) => name.startsWith('mcp_'))).toEqual([])
  })

  it('are valid and different for different servers, and do not depend on the order', () => {
    const names = nameServers(['a-b', 'a.b', 'a_b', '1st', 'plain'])
    expect(names.get('a_b')).toBe('a_b')
    expect(names.get('1st')).toBe('_1st')
    expect(names.get('plain')).toBe('plain')
    expect(new Set(names.values()).size).toBe(5)
    for (const name of names.values()) expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/)
    expect(nameServers(['a_b', 'plain', 'a.b', '1st', 'a-b'])).toEqual(new Map([...names].sort(() => 0)))
  })
})

describe('the format', () => {
  it.each([
    [undefined, 'text'], ['', 'text'], ['*/*', 'text'], ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'], ['application/json', 'text'],
    ['application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
    ['application/openmetrics-text; version=1.0.0; q=0.5, text/plain; version=0.0.4', 'text'],
    ['application/openmetrics-text;version=2.0.0', 'text'], ['application/openmetrics-text;q=0', 'text'], ['Application/OpenMetrics-Text', 'openmetrics'],
    ['application/openmetrics-text;q=abc, text/plain;q=0.1', 'text'],
  ])('for Accept %j is %s', (accept, format) => {
    expect(chooseFormat(accept)).toBe(format)
  })
})

describe('what the gate did', () => {
  it('is shown by the servers and groups clients see', () => {
    const page = [...writePrometheus(VIEW, 'text', false)].join('')
    for (const line of ['mcpctl_gate_queue 4', 'mcpctl_cache_hits_total{server="files"} 7', 'mcpctl_cache_misses_total{server="files"} 3', 'mcpctl_cache_bytes{server="files"} 900', 'mcpctl_overloaded_total{server="files"} 5', 'mcpctl_rate_limited_total{server="files",limit="server"} 2']) expect(page.split('\n')).toContain(line)
  })
})
