import { DEFAULT_TRAFFIC, type ServerSpec } from '../../../src/lib/core/index.js'

/** A stdio server's spec with the defaults, for tests of decisions. */
export function specOf(name: string, changes: Partial<ServerSpec> = {}): ServerSpec {
  return {
    name,
    source: '/project/mcp.config.json',
    transport: 'stdio',
    launch: { command: 'server', args: [], cwd: '/project', env: {}, ownEnv: [], shown: [] },
    endpoint: null,
    era: 'auto',
    enabled: true,
    restart: { policy: 'on-failure', backoffInitialMs: 500, backoffMaxMs: 60_000, maxRestarts: 5, windowMs: 60_000 },
    limits: {},
    startTimeoutMs: 60_000,
    stopTimeoutMs: 5_000,
    drainTimeoutMs: 5_000,
    replace: 'beside',
    health: { intervalMs: 2_000, timeoutMs: 2_000, hungAfterMs: 30_000, probe: { type: 'mcp' } },
    dependsOn: [],
    tags: [],
    logs: { maxBytes: 1024, keep: 1 },
    isolation: 'shared',
    start: 'auto',
    idleStopMs: null,
    roots: null,
    clientAbilities: [],
    session: null,
    traffic: DEFAULT_TRAFFIC,
    ...changes,
  }
}
