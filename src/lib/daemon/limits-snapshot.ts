import type { LimitsBackendSnapshot } from '../core/index.js'
import { openLimits, type LimitsBackend } from '../process/index.js'

/** What servers are limited with, and why with nothing stronger. */
export function describeLimits({ name, abilities: { memory, cpu, pids }, refused, notes, trouble }: LimitsBackend): LimitsBackendSnapshot {
  const reasons = [...refused.map((one) => `${one.name}: ${one.why}`), ...notes, ...(trouble === null ? [] : [trouble])]
  return { backend: name, memory, cpu, pids, notes: reasons }
}

/** The choice a daemon started here would make, tried out in a group of its own that is removed again. */
export async function tryLimitsBackend(env: NodeJS.ProcessEnv): Promise<LimitsBackendSnapshot> {
  const limits = await openLimits({ mark: `try-${process.pid}`, env })
  try {
    return describeLimits(limits)
  } finally {
    await limits.close()
  }
}
