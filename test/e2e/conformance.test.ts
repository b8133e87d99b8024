import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHome, type TestHome } from '../helpers/home.js'
import { ensureSuite, reportOf, runSuite, type Report } from './conformance-support.js'

let home: TestHome
let available = false
let reports: Report[] = []

beforeAll(async () => {
  home = createHome()
  available = await ensureSuite()
  if (available) reports = await runSuite('server', ['--home', home.base])
}, 480_000)

afterAll(() => home.cleanup())

test.for<[string, number]>([
  ['2025-11-25', 30],
  ['2026-07-28', 37],
])('the fixture alone meets all that %s requires, so what fails behind mcpctl is mcpctl\'s', ([revision, required], context) => {
  if (!available) return context.skip()
  expect(reportOf(reports, `fixture alone, ${revision}`)).toMatchObject({ scored: { passed: required, total: required }, failingRequired: [] })
})

/** What cannot hold across the eras, whatever a gateway does; allow.json has the reasons. */
const ACROSS = ['input-required-result-basic-elicitation', 'input-required-result-ignore-extra-params']

test.for<[string, number, string[]]>([
  ['legacy client, legacy server', 30, []],
  ['modern client, modern server', 37, []],
  ['legacy client, modern server', 30, []],
  ['modern client, legacy server', 37, ACROSS],
  ['legacy client, legacy server over HTTP', 30, []],
  ['modern client, modern server over HTTP', 37, []],
])('%s: through mcpctl every check of the suite ends as it does without, save those with a reason', ([name, required, failing], context) => {
  if (!available) return context.skip()
  const report = reportOf(reports, name)
  expect({ unexpected: report.unexpected, stale: report.stale }).toEqual({ unexpected: [], stale: [] })
  expect(report.failingRequired).toEqual(failing)
  expect(report.scored).toEqual({ passed: required - failing.length, total: required })
})
