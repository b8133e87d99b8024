import type { Terminal } from '../../../src/lib/cli/index.js'
import type { ServerSnapshot, Snapshot } from '../../../src/lib/core/index.js'

/** A ready server; `changes` say what is different about this one. */
export function serverOf(name: string, changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  const phase = changes.phase ?? 'ready'
  return {
    name, phase, ready: phase === 'ready', desired: 'up', enabled: true, transport: 'stdio', era: 'modern', pid: 4242, generation: 1, restarts: 0,
    uptimeSeconds: 75, cpuPercent: 1.25, memoryBytes: 61 * 1024 ** 2, tools: 14, since: Date.UTC(2026, 0, 2, 3, 4, 5), reason: 'proven ready', progress: null,
    retryAt: null, dependsOn: [], tags: [], source: '/p/mcp.config.json', changed: false, removed: false, lastErrors: [],
    ...changes,
  }
}

/** A server without an instance. */
export function downOf(name: string, changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return serverOf(name, { phase: 'idle', desired: 'down', era: null, pid: null, uptimeSeconds: null, cpuPercent: null, memoryBytes: null, tools: null, reason: 'stopped', ...changes })
}

export function snapshotOf(...servers: readonly ServerSnapshot[]): Snapshot {
  return { schemaVersion: 1, daemon: { pid: 1, version: '1.0.0', startedAt: 0, home: '/h', logDirectory: '/h/logs', sources: [], http: { url: null, trouble: null } }, servers }
}

export const PLAIN: Terminal = { interactive: false, color: false, columns: Infinity, unicode: false }
export const COLORED: Terminal = { interactive: true, color: true, columns: 80, unicode: true }
