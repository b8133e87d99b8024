import type { ServerEvent } from './event.js'
import type { Fleet, FleetEntry } from './fleet.js'
import { upcomingSpec } from './upcoming.js'
import { isActive, type Blocker, type WaitingState } from './state.js'

export interface Move {
  readonly name: string
  readonly event: Extract<ServerEvent, { type: 'begin' | 'hold' | 'halt' }>
}

/**
 * The moves that bring the fleet closer to what is wanted, given what is: a waiting server begins when all it
 * depends on is ready and a start slot is free; one that should be down goes when nothing that depends on it
 * and is going down too still runs. No moves: nothing more can be done now.
 */
export function nextMoves(fleet: Fleet): Move[] {
  const moves: Move[] = []
  let starting = 0
  for (const entry of fleet.servers.values()) if (entry.state.phase === 'starting') starting++
  const held: Move[] = []
  let leaving = false
  const dependents = goingDownDependents(fleet)
  for (const [name, entry] of fleet.servers) {
    const { state } = entry
    if (state.phase === 'waiting') {
      const blockers = findBlockers(fleet, entry, starting)
      if (blockers.length === 0) {
        moves.push({ name, event: { type: 'begin' } })
        starting++
      } else {
        const reason = describeBlockers(fleet, blockers)
        if (!isHeldBy(state, blockers, reason)) moves.push({ name, event: { type: 'hold', blockers, reason } })
      }
    } else if (state.phase === 'stopping') {
      leaving = true
    } else if (state.desired === 'down' && isActive(state)) {
      const list = dependents.has(name) ? held : moves
      list.push({ name, event: { type: 'halt' } })
    }
  }
  // Old and new configurations together can depend in a circle; a stop must end all the same.
  return moves.length === 0 && !leaving ? held : moves
}

/** Servers that something still running, and itself going down, depends on. */
function goingDownDependents(fleet: Fleet): Set<string> {
  const needed = new Set<string>()
  for (const { spec, state } of fleet.servers.values()) {
    if (state.desired === 'down' && isActive(state)) for (const name of spec.dependsOn) needed.add(name)
  }
  return needed
}

function findBlockers(fleet: Fleet, entry: FleetEntry, starting: number): Blocker[] {
  const blockers: Blocker[] = upcomingSpec(entry).dependsOn
    .filter((name) => fleet.servers.get(name)?.state.phase !== 'ready')
    .map((name) => ({ type: 'dependency', name }))
  if (blockers.length === 0 && starting >= fleet.settings.maxConcurrentStarts) blockers.push({ type: 'slot' })
  return blockers
}

function describeBlockers(fleet: Fleet, blockers: readonly Blocker[]): string {
  const waits = blockers.map((blocker) => {
    if (blocker.type === 'slot') return 'a free start slot'
    const phase = fleet.servers.get(blocker.name)?.state.phase
    return `${blocker.name} (${phase ?? 'not configured'})`
  })
  return `waits for ${waits.join(', ')}`
}

function isHeldBy(state: WaitingState, blockers: readonly Blocker[], reason: string): boolean {
  return state.reason === reason && state.blockers.length === blockers.length
}
