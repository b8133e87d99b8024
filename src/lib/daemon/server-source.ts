import { CALLS_FAIL, mayReplace, type FleetEntry, type ServerSpec, type SessionClient } from '../core/index.js'
import type { Remembered, ServerSource, SourceListener, SourceServer } from '../gateway/index.js'
import type { CatalogueMemory } from './catalogue-memory.js'
import type { Definitions } from './definitions.js'
import { isConfigured, OWN_MARK } from './server-name.js'
import type { Supervisor } from './supervisor.js'

/** Processes of one server for single sessions; a client that opens sessions without end must not fill the machine. */
const MAX_OWN = 64
/** A configuration that was just applied is about to be started: its servers count as coming for so long. */
const FRESH_MS = 2_000

interface Remembering {
  readonly memory: CatalogueMemory
  readonly definitions: Definitions
}

/** The supervised servers as the gateway sees them. */
export function createServerSource(supervisor: Supervisor, { memory, definitions }: Remembering, now: () => number): ServerSource {
  let numbers = 0
  const ownOf = (name: string): number => [...supervisor.fleet.servers.keys()].filter((other) => other.startsWith(`${name}${OWN_MARK}`)).length
  const entryOf = (name: string): FleetEntry | undefined => supervisor.fleet.servers.get(name)
  return {
    names: () => [...supervisor.fleet.servers.values()].filter(isOffered).map(({ spec }) => spec.name),
    get(name) {
      const entry = entryOf(name)
      return entry === undefined || entry.spec.transport === 'none' ? null : describe(supervisor, entry, now())
    },
    remembered(name): Remembered | null {
      const entry = entryOf(name)
      const known = entry === undefined ? null : memory.recall(entry.spec)
      if (known !== null && entry?.spec.session === null) definitions.learn(name, known.catalogue, true)
      return known
    },
    remember(name, what) {
      const entry = entryOf(name)
      if (entry === undefined) return
      memory.remember(entry.spec, what)
      definitions.learn(name, what.catalogue, false)
    },
    suspect(name, _failure, reason) {
      const entry = entryOf(name)
      if (entry === undefined || (entry.state.phase !== 'ready' && entry.state.phase !== 'unready')) return
      const { spec, state } = entry
      if (!mayReplace(spec.launch === null ? null : spec.restart, state.history, now())) {
        supervisor.log(name)?.mark('its calls fail, but it is left running: another restart would be the last one', state.generation)
        return
      }
      supervisor.send({ type: 'server', name, event: { type: 'unhealthy', generation: state.generation, reason: `${CALLS_FAIL}: ${reason}` } })
    },
    wake(name) {
      if (entryOf(name)?.state.desired === 'down') supervisor.send({ type: 'start', names: [name] })
    },
    rest(name) {
      supervisor.log(name)?.mark('stopped: nobody used it', entryOf(name)?.state.generation ?? 0)
      supervisor.send({ type: 'stop', names: [name] })
    },
    openOwn(name, client) {
      const spec = entryOf(name)?.spec
      if (spec?.launch == null && spec?.endpoint == null) return null
      if (ownOf(name) >= MAX_OWN) {
        supervisor.log(name)?.mark(`warning: ${MAX_OWN} sessions have a process of their own already; the next one shares`, entryOf(name)?.state.generation ?? 0)
        return null
      }
      const own = `${name}${OWN_MARK}${++numbers}`
      supervisor.send({ type: 'add', spec: ownSpec(spec, own, client) })
      return entryOf(own) === undefined ? null : own
    },
    closeOwn: (name) => { supervisor.send({ type: 'drop', name }) },
    note: (name, text) => { supervisor.log(name)?.mark(text, entryOf(name)?.state.generation ?? 0) },
    listen(listener: SourceListener) {
      supervisor.onChange((name) => { listener.changed(name) })
      supervisor.onTraffic(listener)
    },
  }
}

/** The same server for one client: nothing but its name and whom it is for differ. */
function ownSpec(spec: ServerSpec, name: string, session: SessionClient): ServerSpec {
  return { ...spec, name, source: 'session', session, dependsOn: [], start: 'auto', idleStopMs: null }
}

function isOffered(entry: FleetEntry): boolean {
  const { spec, state, removed } = entry
  return spec.transport !== 'none' && isConfigured(entry) && (spec.enabled || state.desired === 'up') && (!removed || state.desired === 'up')
}

function describe(supervisor: Supervisor, entry: FleetEntry, now: number): SourceServer {
  const { spec, state } = entry
  const instance = supervisor.instance(spec.name)
  const link = state.phase === 'ready' ? (instance?.link ?? null) : null
  const established = instance?.established ?? null
  const up = link === null || established === null ? null : { link, established }
  return {
    name: spec.name,
    presence: up === null ? absence(entry, supervisor.fleet.closing, now) : 'up',
    reason: up === null ? (state.phase === 'idle' ? 'it was not started, or it was stopped' : state.reason) : '',
    retryAfterMs: state.phase === 'backoff' ? Math.max(0, state.until - now) : null,
    up,
    isolation: spec.isolation,
    idleStopMs: spec.start === 'on-demand' ? spec.idleStopMs : null,
    roots: spec.roots,
    tags: spec.tags,
    traffic: spec.traffic,
  }
}

function absence({ spec, state, removed }: FleetEntry, closing: boolean, now: number): SourceServer['presence'] {
  // Its calls are still answered; what comes now is refused when the doors close, not told that there is no such tool.
  if (closing) return spec.enabled && !removed ? 'coming' : 'down'
  if (state.desired === 'up') return state.phase === 'failed' || state.phase === 'exited' ? 'down' : 'coming'
  if (!spec.enabled || removed) return 'down'
  if (spec.start === 'on-demand') return 'resting'
  return state.generation === 0 && now - state.since < FRESH_MS ? 'coming' : 'down'
}
