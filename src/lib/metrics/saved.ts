import type { MemorySaved } from '../core/index.js'

/** One server that runs as a process here; remote ones cost this machine nothing. */
export interface SharedServer {
  readonly name: string
  readonly isolation: 'shared' | 'per-session'
  /** Process trees of it that run now. */
  readonly instances: number
  /** What they use together. */
  readonly memoryBytes: number
}

/** How many sessions can reach each server. */
export function countUsers(sessions: readonly { readonly servers: readonly string[] }[]): Map<string, number> {
  const users = new Map<string, number>()
  for (const session of sessions) for (const name of session.servers) users.set(name, (users.get(name) ?? 0) + 1)
  return users
}

/**
 * What sharing saves: without it each session would run a process of its own of every server it can reach, as large as
 * that server's processes are now on average. Servers that run one process for each session are counted as they are, and
 * so is one that no session or a single one can reach: it would run all the same.
 */
export function sumSaved(servers: readonly SharedServer[], sessions: readonly { readonly servers: readonly string[] }[]): MemorySaved {
  const sum = { sessions: sessions.length, instances: 0, memoryBytes: 0, instancesOtherwise: 0, memoryOtherwiseBytes: 0 }
  const users = countUsers(sessions)
  for (const { name, isolation, instances, memoryBytes } of servers) {
    if (instances === 0) continue
    const otherwise = isolation === 'shared' ? Math.max(users.get(name) ?? 0, instances) : instances
    sum.instances += instances
    sum.memoryBytes += memoryBytes
    sum.instancesOtherwise += otherwise
    sum.memoryOtherwiseBytes += Math.round((memoryBytes / instances) * otherwise)
  }
  return { ...sum, savedBytes: Math.max(0, sum.memoryOtherwiseBytes - sum.memoryBytes) }
}
