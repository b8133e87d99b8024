// Runs the official conformance suite and says what came of it.
//   node test/conformance/run.mjs server [--json] [--only WORD] [--home FOLDER] [--output FOLDER]
//     the fixture directly, then through mcpctl in every combination of eras, compared check by check with allow.json
//   node test/conformance/run.mjs client [--json] [--output FOLDER]
//     mcpctl's own links to servers, driven by client-adapter.mjs
// Needs the built dist/ and `npm ci` in this folder. Ends with 1 when something failed that allow.json does not explain.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { differences, judge } from './compare.mjs'
import { requiredScenarios, runSuite, summarise } from './suite.mjs'
import { startFixture, startMcpctl } from './target.mjs'

const LEGACY = '2025-11-25'
const MODERN = '2026-07-28'
const here = path.dirname(fileURLToPath(import.meta.url))
const allow = JSON.parse(fs.readFileSync(path.join(here, 'allow.json'), 'utf8'))

/** Which client meets which server; the names are those of allow.json. */
const PAIRS = [
  { name: 'legacy client, legacy server', revision: LEGACY, server: 'legacy' },
  { name: 'modern client, modern server', revision: MODERN, server: 'modern' },
  { name: 'modern client, legacy server', revision: MODERN, server: 'legacy-shared' },
  { name: 'legacy client, modern server', revision: LEGACY, server: 'modern-too' },
  { name: 'legacy client, legacy server over HTTP', revision: LEGACY, server: 'legacy-http' },
  { name: 'modern client, modern server over HTTP', revision: MODERN, server: 'modern-http' },
]

/** The fixture alone; whatever fails here is the fixture's fault. */
async function runDirect(revision, output) {
  const fixture = await startFixture('dual')
  try {
    const results = await runSuite('server', ['--url', fixture.url, '--requirements', revision], path.join(output, `direct-${revision}`))
    const summary = summarise(results, requiredScenarios('server', revision))
    return { results, report: { name: `fixture alone, ${revision}`, revision, ...summary, ok: summary.failingRequired.length === 0 } }
  } finally {
    await fixture.stop()
  }
}

async function runPair({ name, revision, server }, direct, gateway, output) {
  const results = await runSuite('server', ['--url', gateway.urlOf(server), '--requirements', revision], path.join(output, `through-${server}-${revision}`))
  const found = differences(direct, results)
  const { unexpected, stale } = judge(found, allow[name] ?? [])
  const because = (line) => ({ ...line, message: messageOf(results, line.check) })
  const summary = summarise(results, requiredScenarios('server', revision))
  return { name, revision, ...summary, differences: found.length, unexpected: unexpected.map(because), stale, ok: unexpected.length === 0 && stale.length === 0 }
}

function messageOf(results, check) {
  const [, scenario = '', id = '', occurrence = '1'] = /^(.*?):(.*?)(?:#(\d+))?$/.exec(check) ?? []
  return (results[scenario] ?? []).filter((candidate) => candidate.id === id)[Number(occurrence) - 1]?.message ?? null
}

async function runServer({ only, home, output }) {
  const wanted = PAIRS.filter(({ name }) => name.includes(only))
  const lanes = [...new Set(wanted.map(({ revision }) => revision))]
  const started = []
  const keep = (target) => {
    started.unshift(target)
    return target
  }
  try {
    const [legacy, modern] = await Promise.all([startFixture('legacy').then(keep), startFixture('modern').then(keep)])
    const gateway = keep(await startMcpctl({ legacy: legacy.url, modern: modern.url }, home))
    // One lane per revision: the suite spends most of its time waiting.
    const reports = await Promise.all(lanes.map(async (revision) => {
      const direct = await runDirect(revision, output)
      const through = []
      for (const pair of wanted.filter((candidate) => candidate.revision === revision)) through.push(await runPair(pair, direct.results, gateway, output))
      return [direct.report, ...through]
    }))
    return reports.flat()
  } finally {
    for (const target of started) await target.stop()
  }
}

/** Signing in with OAuth is no part of these links yet, and extensions are nobody's duty. */
const isOurs = (scenario) => !scenario.startsWith('auth/')

async function runClient({ output }) {
  const command = `"${process.execPath}" "${path.join(here, 'client-adapter.mjs')}"`
  return Promise.all([LEGACY, MODERN].map(async (revision) => {
    const required = requiredScenarios('client', revision).filter(isOurs)
    const results = {}
    for (const scenario of required) {
      Object.assign(results, await runSuite('client', ['--command', command, '--scenario', scenario, '--spec-version', revision], path.join(output, `client-${revision}-${scenario}`)))
    }
    const summary = summarise(results, required)
    const failed = Object.entries(results).flatMap(([scenario, checks]) => checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING').map((check) => ({ scenario, ...check })))
    return { name: `links to servers, ${revision}`, revision, ...summary, failed, ok: summary.failingRequired.length === 0 }
  }))
}

function print(report) {
  const { passed, total } = report.scored
  console.log(`${report.ok ? 'ok    ' : 'FAILED'} ${report.name} (${report.revision}): ${passed} of ${total} required scenarios; checks: ${report.checks.passed} passed, ${report.checks.failed} failed, ${report.checks.warnings} warnings`)
  for (const scenario of report.failingRequired) console.log(`         fails: ${scenario}`)
  for (const line of report.unexpected ?? []) console.log(`         unexpected: ${line.check}: ${line.direct} directly, ${line.through} through mcpctl${line.message === null ? '' : ` (${line.message})`}`)
  for (const line of report.stale ?? []) console.log(`         stale in allow.json: ${line.check}: ${line.direct} directly, ${line.through} through mcpctl`)
  for (const { scenario, id, status, message } of report.failed ?? []) console.log(`         ${scenario}: ${id}: ${status}${message === null ? '' : ` (${message})`}`)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: '' }, home: { type: 'string' }, output: { type: 'string' } },
})
const mode = positionals[0]
const output = values.output ?? fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-conformance-results-'))
try {
  if (mode !== 'server' && mode !== 'client') throw new Error('say what to judge: server or client')
  const reports = mode === 'server' ? await runServer({ ...values, output }) : await runClient({ output })
  if (values.json) console.log(JSON.stringify({ reports }))
  else for (const report of reports) print(report)
  process.exitCode = reports.every(({ ok }) => ok) ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  if (values.output === undefined) fs.rmSync(output, { recursive: true, force: true })
}
