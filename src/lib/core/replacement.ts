import type { InstanceEnd } from './end.js'
import type { FleetEntry } from './fleet.js'
import { createIdleState } from './lifecycle.js'
import { NO_HISTORY, recordEnd } from './restart.js'
import type { ServerSpec } from './spec.js'
import { upcomingSpec } from './upcoming.js'

/**
 * The replacement of a running server by one with a changed configuration, as the deployments of Kubernetes do it: the new
 * instance is proven ready beside the old one, then the two change places, and the old one finishes what it was
 * asked and goes. A new one that fails changes nothing.
 */

/** What a second instance is for. `next`: it is being proven. `old`: it was replaced and finishes its calls. */
export interface StandIn {
  readonly for: string
  readonly role: 'next' | 'old'
}

/** Stands between a server's name and the number of its second instance; no configured name can hold it. */
export const STAND_IN_MARK = '~'
/** Nobody waits for a replaced instance to go: its calls may take their time. */
const OLD_DRAIN_MS = 60_000

/** Whether two instances of it can run at the same time. Those that listen on a port of their own cannot. */
export function canReplaceBeside({ spec, nextSpec, state }: FleetEntry): boolean {
  const isPortless = ({ launch, transport }: ServerSpec): boolean => launch === null || transport === 'stdio'
  const next = nextSpec ?? spec
  return state.phase === 'ready' && next.replace === 'beside' && isPortless(spec) && isPortless(next)
}

/** A name nobody has: `files~2`, or `files~2~` while that is still on its way out. */
export function standInName(name: string, generation: number, isTaken: (name: string) => boolean): string {
  let candidate = `${name}${STAND_IN_MARK}${generation}`
  while (isTaken(candidate)) candidate += STAND_IN_MARK
  return candidate
}

/** The instance that is to replace the running one. It gets one chance: the old one is still there. */
export function createCandidate(entry: FleetEntry, name: string, now: number): FleetEntry {
  const spec = upcomingSpec(entry)
  return {
    spec: { ...spec, name, restart: { ...spec.restart, policy: 'never' } },
    nextSpec: null,
    removed: false,
    standIn: { for: entry.spec.name, role: 'next' },
    trouble: null,
    state: { ...createIdleState(now), generation: entry.state.generation },
  }
}

export type ReplacementVerdict = { readonly type: 'promote' } | { readonly type: 'moot' } | { readonly type: 'failed'; readonly reason: string }

/** What has become of a replacement; null while it is still being proven. */
export function verdictOn(main: FleetEntry | undefined, candidate: FleetEntry, closing: boolean): ReplacementVerdict | null {
  if (!main || closing || main.state.desired === 'down' || main.removed) return { type: 'moot' }
  // A server that went down meanwhile comes up with the changed configuration by itself.
  if (main.state.phase !== 'ready' && main.state.phase !== 'unready') return { type: 'moot' }
  switch (candidate.state.phase) {
    case 'ready':
      return { type: 'promote' }
    case 'failed':
    case 'exited':
    case 'backoff':
      return { type: 'failed', reason: `the changed configuration does not work (${candidate.state.reason.replace('; restart policy is never', '')}); the server goes on with the old one` }
    default:
      return null
  }
}

/** The two entries after they changed places. */
export function promote(main: FleetEntry, candidate: FleetEntry, now: number): { readonly entry: FleetEntry; readonly old: FleetEntry } {
  const { spec, state } = main
  const { generation } = candidate.state
  const end: InstanceEnd = {
    generation: state.generation,
    cause: 'replaced',
    reason: `replaced by generation ${generation}`,
    code: null,
    signal: null,
    startedAt: 'startedAt' in state ? state.startedAt : state.since,
    readyAt: 'readyAt' in state ? state.readyAt : null,
    endedAt: now,
  }
  const history = recordEnd({ ...NO_HISTORY, ends: state.history.ends }, end)
  return {
    entry: { ...main, spec: upcomingSpec(main), nextSpec: null, trouble: null, state: { ...candidate.state, history, reason: `replaced generation ${state.generation}, proven ready before` } },
    old: {
      ...candidate,
      spec: { ...spec, name: candidate.spec.name, drainTimeoutMs: Math.max(spec.drainTimeoutMs, OLD_DRAIN_MS) },
      standIn: { for: spec.name, role: 'old' },
      removed: true,
      state,
    },
  }
}
