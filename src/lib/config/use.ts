import type { ServerSpec, Transport } from '../core/index.js'
import type { Knobs } from './knobs.js'
import { spotOf, type Layers } from './layer.js'
import { showRoots } from './root-field.js'

const DEFAULT_IDLE_MS = 5 * 60_000

type Use = Pick<ServerSpec, 'isolation' | 'start' | 'idleStopMs' | 'roots' | 'clientAbilities' | 'session'>

/** How clients use a server: when it runs, whether they share it, and what it is told about them. Helpers have no clients. */
export function resolveUse(layers: Layers, knobs: Knobs, transport: Transport): Use {
  if (transport === 'none') return { isolation: 'shared', ...resolveStart(layers, knobs), roots: null, clientAbilities: [], session: null }
  const isolation = knobs.plain('isolation', { get: (values) => values.isolation, fallback: 'shared' })
  if (isolation === 'per-session' && layers.entry.values.command !== undefined && layers.entry.values.url !== undefined) {
    const hint = 'Write isolation: shared; over HTTP a server can tell its sessions apart by itself.'
    spotOf(layers.entry, 'isolation').problem('is per-session, but all processes of this server would answer at the same url', hint, 'per-session')
  }
  return {
    isolation,
    ...resolveStart(layers, knobs),
    roots: resolveRoots(layers, knobs),
    clientAbilities: [...new Set(resolveAbilities(knobs))],
    session: null,
  }
}

function resolveStart({ entry }: Layers, knobs: Knobs): Pick<ServerSpec, 'start' | 'idleStopMs'> {
  const start = knobs.plain('start', { get: (values) => values.start, fallback: 'auto' })
  if (start === 'on-demand') return { start, idleStopMs: knobs.limit('idleTimeout', { get: (values) => values.idleTimeout, fallback: DEFAULT_IDLE_MS }) }
  const isMeant = typeof entry.values.idleTimeout === 'number' && (entry.values.start !== undefined || !entry.spots.has('start'))
  if (isMeant) entry.spots.get('idleTimeout')?.problem('has no effect on a server that always runs', 'Add "start": "on-demand", or remove it.')
  return { start, idleStopMs: null }
}

function resolveRoots({ entry }: Layers, knobs: Knobs): ServerSpec['roots'] {
  const layer = knobs.layerOf((values) => values.roots)
  const { value: roots, origin } = knobs.pick<ServerSpec['roots']>({ get: (values) => values.roots, fallback: null })
  knobs.say('roots', { value: roots && showRoots(roots, spotOf(layer ?? entry, 'roots')), origin })
  return roots
}

function resolveAbilities(knobs: Knobs): ServerSpec['clientAbilities'] {
  const abilities = knobs.pick<ServerSpec['clientAbilities']>({ get: (values) => values.clientAbilities, fallback: [] })
  knobs.say('clientAbilities', abilities)
  return abilities.value
}
