import { beforeAll, expect, test } from 'vitest'
import { ensureSuite, reportOf, runSuite, type Report } from './conformance-support.js'

let available = false
let reports: Report[] = []

beforeAll(async () => {
  available = await ensureSuite()
  if (available) reports = await runSuite('client')
}, 480_000)

test.for<[string, number]>([
  ['2025-11-25', 4],
  ['2026-07-28', 7],
])('the links to servers meet all that %s requires of clients, signing in aside', ([revision, required], context) => {
  if (!available) return context.skip()
  const report = reportOf(reports, `links to servers, ${revision}`)
  expect(report.failed).toEqual([])
  expect(report.scored).toEqual({ passed: required, total: required })
})
