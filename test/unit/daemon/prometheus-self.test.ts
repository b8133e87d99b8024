import { expect, it } from 'vitest'
import { createSelfMeter } from '../../../src/lib/daemon/prometheus-self.js'
import { waitFor } from '../../helpers/wait.js'

it('the daemon knows its own process, and from the second look on how long its timers wait', async () => {
  const meter = createSelfMeter('1.2.3', 1000)
  try {
    const first = await meter.measure()
    expect(first).toMatchObject({ version: '1.2.3', node: process.versions.node, startedAt: 1000, loopDelay: null })
    expect(first.residentBytes).toBeGreaterThan(first.heapBytes)
    expect(first.cpuSeconds).toBeGreaterThan(0)
    if (process.platform === 'linux') expect(first.openDescriptors).toBeGreaterThan(2)
    // A timer has to fall due twice before there is a time between.
    const later = await waitFor(async () => {
      const look = await meter.measure()
      return look.loopDelay === null ? null : look
    }, { pollMs: 250, what: 'the event loop to have been timed' })
    expect(later.cpuSeconds).toBeGreaterThanOrEqual(first.cpuSeconds)
    const { meanSeconds, maxSeconds } = later.loopDelay ?? { meanSeconds: Number.NaN, maxSeconds: Number.NaN }
    expect(meanSeconds).toBeGreaterThanOrEqual(0)
    expect(maxSeconds).toBeGreaterThanOrEqual(meanSeconds)
    expect(maxSeconds).toBeLessThan(5)
  } finally {
    meter.close()
  }
})
