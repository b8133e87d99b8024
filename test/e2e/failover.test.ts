import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'

const FAILOVER = fileURLToPath(new URL('../../soak/failover.mjs', import.meta.url))

interface Report {
  readonly faults: number
  readonly answered: number
  readonly failedReads: number
  readonly byServer: Readonly<Record<string, number>>
  readonly violations: number
  readonly firstViolations: readonly string[]
}

describe.runIf(process.platform === 'linux')('a group under load', () => {
  test.each([
    ['whose main is killed', 'kill', ['main', 'backup']],
    ['whose main answers HTTP 500', '500', ['main', 'backup']],
    ['whose replicas are killed one after the other', 'replicas', ['replicas']],
  ])('%s answers each call once, and loses none that only reads', async (_what, scenario, servers) => {
    const { stdout, stderr } = await execa(process.execPath, [FAILOVER, '--scenario', scenario, '--seconds', '4', '--rate', '100', '--timeout', '20s', '--json'], { stdin: 'ignore', reject: false, timeout: 100_000 })
    expect(stderr).toBe('')
    const report = JSON.parse(stdout) as Report
    expect(report.firstViolations).toEqual([])
    expect(report).toMatchObject({ failedReads: 0, violations: 0 })
    expect(report.faults).toBeGreaterThan(0)
    expect(report.answered).toBeGreaterThan(200)
    for (const server of servers) expect(report.byServer[server]).toBeGreaterThan(0)
  }, 120_000)
})
