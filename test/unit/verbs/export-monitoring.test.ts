import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { writePrometheus } from '../../../src/lib/metrics/index.js'
import { writeDashboard } from '../../../src/lib/verbs/export-dashboard.js'
import { PANELS } from '../../../src/lib/verbs/export-panels.js'
import { ALERT_RULES } from '../../../src/lib/verbs/export-rules.js'
import { writeRules, writeScrapeConfig, type ScrapeTarget } from '../../../src/lib/verbs/export-scrape.js'
import { namesIn, parsePage, VIEW } from '../metrics/prometheus-fixture.js'

const FIXTURE = resolve(import.meta.dirname, '../../fixtures/monitoring/rules.test.yml')
const PROMTOOL = process.env['PROMTOOL'] ?? 'promtool'
const hasPromtool = spawnSync(PROMTOOL, ['--version']).status === 0
const TARGET: ScrapeTarget = { scheme: 'http', address: '127.0.0.1:7420', path: '/metrics', needsToken: false }

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly datasource: { readonly uid: string } }[]
  }[]
}

const page = parsePage([...writePrometheus(VIEW, 'text', false)].join(''))
const dashboard = JSON.parse(writeDashboard()) as Dashboard

describe('what is written for Prometheus', () => {
  it('asks at the address, with the token from a file where one is needed', async () => {
    expect(parse(await writeScrapeConfig(TARGET))).toEqual({
      global: { scrape_interval: '15s', evaluation_interval: '15s' }, rule_files: ['mcpctl-rules.yml'],
      scrape_configs: [{ job_name: 'mcpctl', scheme: 'http', metrics_path: '/metrics', static_configs: [{ targets: ['127.0.0.1:7420'] }] }],
    })
    expect(parse(await writeScrapeConfig({ scheme: 'https', address: 'mcp.example:443', path: '/x/metrics', needsToken: true }))).toMatchObject({
      scrape_configs: [{ scheme: 'https', metrics_path: '/x/metrics', authorization: { type: 'Bearer', credentials_file: 'mcpctl.token' }, static_configs: [{ targets: ['mcp.example:443'] }] }],
    })
  })

  it('has rules that name only metrics there are', async () => {
    const text = await writeRules()
    const { groups } = parse(text) as { groups: { rules: { alert: string; expr: string }[] }[] }
    const rules = groups.flatMap((group) => group.rules)
    expect(rules.map(({ alert }) => alert)).toEqual(expect.arrayContaining(['McpctlDaemonDown', 'McpctlServerDown', 'McpctlServerRestarting', 'McpctlErrorRate', 'McpctlMemoryNearLimit', 'McpctlSlow']))
    const named = namesIn(rules.map(({ expr }) => expr).join('\n'))
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter((name) => !page.names.has(name))).toEqual([])
  })
})

describe('the dashboard', () => {
  it('names only metrics there are, and only labels they have', () => {
    const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(queries.length).toBeGreaterThan(25)
    for (const expr of [...queries, ...dashboard.templating.list.flatMap(({ definition = [] }) => definition)]) {
      expect(namesIn(expr)).not.toEqual([])
      for (const name of namesIn(expr)) expect(page.names, expr).toContain(name)
      for (const match of expr.matchAll(/\b(mcpctl_[a-z0-9_]+)\{([^}]*)\}/g)) {
        const labels = [...(match[2] ?? '').matchAll(/([a-z]+)\s*(?:=~|!=|=)/g)].map((each) => each[1] ?? '').filter((label) => label !== 'instance')
        const known = [...page.series.keys()].find((series) => series === match[1] || series.startsWith(`${match[1] ?? ''}{`)) ?? ''
        for (const label of labels) expect(known, expr).toContain(`${label}="`)
      }
    }
  })

  it('can be imported anywhere: each query asks the source that is chosen, and boxes do not overlap', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'instance', 'server'])
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(PANELS.length)
    const taken = new Set<string>()
    for (const { gridPos: { x, y, w, h }, targets = [], title } of dashboard.panels) {
      expect(x + w).toBeLessThanOrEqual(24)
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          expect(taken.has(`${String(column)}/${String(row)}`), title).toBe(false)
          taken.add(`${String(column)}/${String(row)}`)
        }
      }
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
      for (const { datasource } of targets) expect(datasource.uid).toBe('${datasource}')
    }
  })
})

describe('the page docs/monitoring.md', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../../docs/monitoring.md'), 'utf8')

  it('lists every metric there is, and no other', () => {
    const families = [...page.types.keys()].sort()
    expect(namesIn(text).filter((name) => name.startsWith('mcpctl_')).sort()).toEqual(families)
  })

  it('lists every alert', () => {
    expect([...text.matchAll(/^\| `(Mcpctl\w+)`/gm)].map((match) => match[1])).toEqual(ALERT_RULES.map(({ alert }) => alert))
  })
})

describe.skipIf(!hasPromtool)('Prometheus itself (promtool is not installed here: skipped; PROMTOOL names it)', () => {
  let folder = ''
  const promtool = (args: readonly string[], input = ''): { readonly status: number | null; readonly said: string } => {
    const { status, stdout, stderr } = spawnSync(PROMTOOL, args, { cwd: folder, input, encoding: 'utf8' })
    return { status, said: `${stdout}${stderr}` }
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcpctl-prom-'))
    writeFileSync(join(folder, 'prometheus.yml'), await writeScrapeConfig({ ...TARGET, needsToken: true }))
    writeFileSync(join(folder, 'mcpctl.token'), 't')
    writeFileSync(join(folder, 'mcpctl-rules.yml'), await writeRules())
    writeFileSync(join(folder, 'rules.test.yml'), readFileSync(FIXTURE))
  })
  afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

  it('takes configuration and rules, and finds nothing to say against the names', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatchObject({ status: 0 })
    expect(promtool(['check', 'rules', 'mcpctl-rules.yml'])).toMatchObject({ status: 0 })
    expect(promtool(['check', 'metrics'], [...writePrometheus(VIEW, 'text', false)].join(''))).toEqual({ status: 0, said: '' })
  })

  it('raises each alert when it should, and not before', () => {
    expect(promtool(['test', 'rules', 'rules.test.yml'])).toMatchObject({ status: 0 })
  })
})
