import { readdir } from 'node:fs/promises'
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import type { DaemonView } from '../metrics/index.js'

/** How often the event loop is timed while somebody asks for the figures; a histogram's entry is this and the delay. */
const RESOLUTION_MS = 100
/** Nobody asked for so long: an idle daemon is left to sleep. */
const WATCHED_MS = 5 * 60_000
const NANO = 1e9

/** Measures the daemon's own process. `close` ends its timers. */
export interface SelfMeter {
  /** The first answer knows no delay of the event loop: it is timed from then on. */
  measure(): Promise<DaemonView>
  close(): void
}

/** `startedAt`: of the daemon, epoch milliseconds. */
export function createSelfMeter(version: string, startedAt: number): SelfMeter {
  let timing: IntervalHistogram | null = null
  let forgetting: NodeJS.Timeout | undefined
  const rest = (): void => {
    clearTimeout(forgetting)
    timing?.disable()
    timing = null
  }
  const readDelay = (): DaemonView['loopDelay'] => {
    const known = timing === null || timing.count === 0 ? null : { meanSeconds: delayOf(timing.mean), maxSeconds: delayOf(timing.max) }
    if (timing === null) {
      timing = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      timing.enable()
    } else timing.reset()
    clearTimeout(forgetting)
    forgetting = setTimeout(rest, WATCHED_MS).unref()
    return known
  }
  return {
    async measure() {
      const openDescriptors = await countDescriptors()
      const { rss, heapUsed } = process.memoryUsage()
      const { user, system } = process.cpuUsage()
      return {
        version, node: process.versions.node, startedAt, cpuSeconds: (user + system) / 1e6,
        residentBytes: rss, heapBytes: heapUsed, openDescriptors, loopDelay: readDelay(),
      }
    },
    close: rest,
  }
}

function delayOf(nanoseconds: number): number {
  return Math.round(Math.max(0, nanoseconds / NANO - RESOLUTION_MS / 1000) * 1e6) / 1e6
}

/** The one that reads the folder is not counted. */
async function countDescriptors(): Promise<number | null> {
  const folder = process.platform === 'linux' ? '/proc/self/fd' : process.platform === 'win32' ? null : '/dev/fd'
  if (folder === null) return null
  const names = await readdir(folder).catch(() => null)
  return names === null ? null : names.length - 1
}
