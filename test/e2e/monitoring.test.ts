import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, runOk, type CliResult } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { namesIn, parsePage, type Parsed } from '../unit/metrics/prometheus-fixture.js'
import { exchange, type HttpResponse } from './gateway-http.js'
import { talkative, useGateway } from './gateway-support.js'

const TOKEN = 'canary-token'
const rig = useGateway((own) => own.start({
  'my.files': talkative(own, 'files', [], { limits: { memory: '500M' } }),
  lean: talkative(own, 'lean', ['--era', 'modern'], { dependsOn: ['my.files'] }),
  resting: talkative(own, 'resting', [], { start: 'on-demand' }),
  off: talkative(own, 'off', [], { enabled: false }),
}, { gateway: { token: TOKEN, metrics: { compat: true } } }))

const at = (path: string): string => new URL(path, rig().url).href
const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<HttpResponse> => exchange(at(path), { method, headers })
const AUTHORISED = { authorization: `Bearer ${TOKEN}` }

async function scrape(accept = 'text/plain'): Promise<Parsed> {
  const { status, body } = await get('/metrics', { ...AUTHORISED, accept })
  expect(status, body).toBe(200)
  return parsePage(body)
}

async function health(path: string): Promise<{ readonly status: number; readonly json: Record<string, unknown> }> {
  const { status, body } = await get(path, AUTHORISED)
  expect(body).not.toContain(TOKEN)
  return { status, json: JSON.parse(body) as Record<string, unknown> }
}

function exportTo(folder: string, ...args: string[]): Promise<CliResult> {
  return run(['export', 'monitoring', '--output', folder, ...args], { home: rig().home })
}

describe('what a monitoring system reads of a running daemon', () => {
  it('counts the requests of clients exactly, by server, tool and outcome, and shows what servers use', async () => {
    const before = await scrape()
    const client = await rig().legacy()
    for (let each = 0; each < 3; each++) await client.call('my.files__echo', { text: 'x' })
    await client.call('my.files__fail')
    await client.call('lean__echo', { text: 'x' })
    await client.call('my.files__nonsense')
    const { series, names } = await waitFor(async () => {
      const now = await scrape()
      return now.series.get('mcpctl_server_requests_total{server="lean",outcome="ok"}') === 1 && now.series.get('mcpctl_sessions{door="stdio",era="legacy"}') === 1 ? now : null
    }, { what: 'the figures to have arrived' })
    const grown = (key: string): number => (series.get(key) ?? Number.NaN) - (before.series.get(key) ?? 0)
    expect({
      ok: grown('mcpctl_server_requests_total{server="my.files",outcome="ok"}'),
      failed: grown('mcpctl_server_requests_total{server="my.files",outcome="failed"}') + grown('mcpctl_server_requests_total{server="my.files",outcome="error"}'),
      timed: grown('mcpctl_server_request_duration_seconds_count{server="my.files"}'),
      echo: grown('mcpctl_tool_requests_total{server="my.files",kind="tool",tool="echo",outcome="ok"}'),
      compat: grown('mcp_my_files_requests_total'),
    }).toEqual({ ok: 3, failed: 1, timed: 4, echo: 3, compat: 4 })
    expect(series.get('mcpctl_server_phase{server="my.files",phase="ready"}')).toBe(1)
    expect([series.get('mcpctl_server_wanted{server="off"}'), series.get('mcpctl_server_ready{server="off"}')]).toEqual([0, 0])
    expect(series.get('mcpctl_server_memory_bytes{server="my.files"}')).toBeGreaterThan(1024 ** 2)
    expect(series.get('mcpctl_server_memory_limit_bytes{server="my.files"}')).toBe(500 * 1024 ** 2)
    expect(series.get('mcpctl_server_processes{server="my.files"}')).toBe(1)
    expect(series.get('mcp_my_files_memory_usage_mb')).toBeGreaterThan(1)
    expect(series.get('mcpctl_daemon_resident_memory_bytes')).toBeGreaterThan(10 * 1024 ** 2)
    expect(names).toContain('mcpctl_daemon_event_loop_delay_max_seconds')
    const open = await scrape('application/openmetrics-text;version=1.0.0')
    expect(open.types.get('mcpctl_server_requests')).toBe('counter')
    expect([...open.names].sort()).toEqual([...names].sort())
  })

  it('is behind the token; HEAD works, other methods do not', async () => {
    expect((await get('/metrics')).status).toBe(401)
    expect((await get('/metrics', { authorization: 'Bearer wrong' })).status).toBe(401)
    expect((await get('/metrics', { ...AUTHORISED, host: 'evil.example' })).status).toBe(403)
    expect((await get('/health', { origin: 'https://evil.example' })).status).toBe(403)
    expect((await get('/health')).status).toBe(401)
    const head = await get('/health', AUTHORISED, 'HEAD')
    expect([head.status, head.body, Number(head.headers['content-length']) > 100]).toEqual([200, '', true])
    expect((await get('/health', AUTHORISED, 'POST')).status).toBe(405)
  })

  it('is made once for those who ask at the same time', async () => {
    const pages = await Promise.all(Array.from({ length: 50 }, () => get('/metrics', AUTHORISED)))
    expect(new Set(pages.map(({ body }) => /mcpctl_daemon_cpu_seconds_total (\S+)/.exec(body.replace(/^#.*$/gm, ''))?.[1])).size).toBeLessThanOrEqual(10)
  })

  it('says how each server is, and all of them, in the documented shape', async () => {
    expect(await health('/health/my.files')).toMatchObject({
      status: 200,
      json: {
        status: 'healthy', server_name: 'my.files', version: '1.0.0', dependencies: {},
        metrics: { memory_usage_mb: expect.any(Number) as unknown, active_connections: expect.any(Number) as unknown, request_count: expect.any(Number) as unknown, error_count: expect.any(Number) as unknown, error_rate: expect.any(Number) as unknown, average_response_time_ms: expect.any(Number) as unknown, circuit_breaker_state: 'closed' },
      },
    })
    expect(await health('/health/lean')).toMatchObject({ status: 200, json: { dependencies: { 'my.files': 'healthy' } } })
    expect(await health('/health/resting')).toMatchObject({ status: 200, json: { status: 'healthy' } })
    expect(await health('/health/off')).toMatchObject({ status: 503, json: { status: 'unhealthy', metrics: { circuit_breaker_state: 'open' } } })
    expect(await health('/health/my.file')).toMatchObject({ status: 404, json: { error: { code: 'SERVER_UNKNOWN', hint: 'Did you mean my.files?' } } })
    expect(await health('/health')).toMatchObject({ status: 200, json: { status: 'healthy', server_name: 'mcpctl', dependencies: { 'my.files': 'healthy', lean: 'healthy', resting: 'healthy', off: 'unhealthy' } } })

    await runOk(['stop', 'lean'], { home: rig().home })
    await waitFor(async () => (await health('/health/lean')).status === 503, { what: 'the stopped server to be unhealthy' })
    expect(await health('/health')).toMatchObject({ status: 200, json: { status: 'healthy', dependencies: { lean: 'unhealthy' } } })
    await runOk(['start', 'lean'], { home: rig().home })
    await waitFor(async () => (await health('/health/lean')).status === 200, { what: 'the started server to be healthy' })
  })

  it('is what the exported files ask for, and nothing else; files are not overwritten, and hold no token', async () => {
    const folder = join(rig().home.base, 'monitoring')
    const written = await exportTo(folder, '--json')
    expect(written.exitCode, written.stdout).toBe(0)
    expect(written.json()).toMatchObject({
      schemaVersion: 1, folder, tokenFile: join(folder, 'mcpctl.token'), target: { scheme: 'http', address: `127.0.0.1:${String(rig().port)}`, path: '/metrics', needsToken: true },
      files: ['prometheus.yml', 'mcpctl-rules.yml', 'mcpctl-dashboard.json'].map((name) => ({ file: join(folder, name), action: 'written' })),
    })
    const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
    const { names } = await scrape()
    for (const name of ['mcpctl-rules.yml', 'mcpctl-dashboard.json']) {
      // Names of files and headings stand in there too.
      const named = namesIn(text(name))
      expect(named.length).toBeGreaterThan(8)
      expect(named.filter((metric) => !names.has(metric) && metric !== 'mcpctl_alert')).toEqual([])
    }
    for (const name of ['prometheus.yml', 'mcpctl-rules.yml', 'mcpctl-dashboard.json']) expect(text(name)).not.toContain(TOKEN)
    expect(text('prometheus.yml')).toContain('credentials_file: mcpctl.token')

    writeFileSync(join(folder, 'mcpctl-rules.yml'), '# mine\n')
    const refused = await exportTo(folder)
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('--force')])
    expect(text('mcpctl-rules.yml')).toBe('# mine\n')
    const forced = await exportTo(folder, '--force')
    expect(forced.stdout).toBe(`unchanged  ${join(folder, 'prometheus.yml')}\nwrote  ${join(folder, 'mcpctl-rules.yml')}\nunchanged  ${join(folder, 'mcpctl-dashboard.json')}\n`)
    expect(text('mcpctl-rules.yml')).toContain('McpctlServerDown')
  })

  it('can be written for an address elsewhere; a wrong one is refused', async () => {
    const folder = join(rig().home.base, 'elsewhere')
    const written = await exportTo(folder, '--url', `${at('/mcp')}`)
    expect(written.exitCode, written.stderr).toBe(0)
    expect(readFileSync(join(folder, 'prometheus.yml'), 'utf8')).toContain('metrics_path: /metrics')
    for (const url of ['nowhere', 'ftp://h', 'http://user:hush@h/', 'http://h/?a=b']) {
      const refused = await exportTo(folder, '--url', url)
      expect([refused.exitCode, refused.stderr.includes('hint:'), refused.stderr.includes('hush')], url).toEqual([2, true, false])
    }
  })
})
