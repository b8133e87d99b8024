import type { Dossier } from '../../../src/lib/logs/index.js'

const ENDED_AT = Date.UTC(2026, 10, 21, 3, 44)

/** The dossier of a server that exited in the middle of a call; `changes` say what is different about this one. */
export function dossierOf(changes: Partial<Dossier> = {}): Dossier {
  return {
    schemaVersion: 1, server: 'files', source: '/p/mcp.config.json', generation: 3, cause: 'exit', reason: 'exited with code 1 after 12s', code: 1, signal: null,
    startedAt: ENDED_AT - 12_000, readyAt: ENDED_AT - 11_500, endedAt: ENDED_AT, pid: 4242, limits: {}, usage: null, lastErrors: ['fatal: out of luck'],
    lastHeardAt: ENDED_AT - 4000,
    lastFrames: [
      { at: ENDED_AT - 4000, direction: 'in', bytes: 36, head: '{"jsonrpc":"2.0","id":4,"result":{}}' },
      { at: ENDED_AT - 2500, direction: 'out', bytes: 91, head: '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"read_file","arguments":{}}}' },
    ],
    inFlight: [{ method: 'tools/call', ms: 2500 }],
    queuedInputBytes: 0,
    verdict: { phase: 'backoff', reason: 'exited with code 1 after 12s; restart 2 in 1.0s', retryAt: ENDED_AT + 1000, policy: 'on-failure', restarts: 2, restartedAt: [ENDED_AT - 12_500, ENDED_AT], maxRestarts: 5, windowMs: 60_000 },
    ...changes,
  }
}
