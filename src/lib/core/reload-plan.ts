import type { Fleet, FleetEntry } from './fleet.js'
import { canReplaceBeside } from './replacement.js'
import { diffSpecs } from './spec-diff.js'
import type { ServerSpec } from './spec.js'

/**
 * What a changed configuration means for one server. `replace`: a new instance is proven beside the old one; `restart`: the
 * old one goes first; `update`: takes effect on the process that runs
 */
export type ReloadAction = 'start' | 'stop' | 'replace' | 'restart' | 'update' | 'none'

export interface ReloadStep {
  readonly name: string
  readonly action: ReloadAction
  /** Names of the configuration fields that differ. */
  readonly fields: readonly string[]
}

/** What a reload of these servers (null: all) would do, when the configuration comes from these files, in configuration order, those that are gone last. Changes nothing. */
export function planReload(fleet: Fleet, sources: readonly string[], specs: readonly ServerSpec[], names: readonly string[] | null): ReloadStep[] {
  const listed = new Set(specs.map((spec) => spec.name))
  const gone = [...fleet.servers].filter(([name, entry]) => sources.includes(entry.spec.source) && entry.standIn === null && !listed.has(name)).map(([name, entry]) => planRemoval(name, entry))
  const steps = [...specs.map((spec) => planOne(fleet.servers.get(spec.name), spec)), ...gone]
  return names === null ? steps : steps.filter(({ name }) => names.includes(name))
}

function planRemoval(name: string, { state }: FleetEntry): ReloadStep {
  return { name, action: state.desired === 'up' ? 'stop' : 'none', fields: [] }
}

function planOne(entry: FleetEntry | undefined, spec: ServerSpec): ReloadStep {
  const { name } = spec
  const startsByItself = spec.enabled && spec.start === 'auto'
  if (!entry) return { name, action: startsByItself ? 'start' : 'none', fields: [] }
  const { restart, live } = diffSpecs(entry.spec, spec)
  const fields = [...restart, ...live]
  const isWanted = entry.state.desired === 'up'
  if (!spec.enabled && isWanted) return { name, action: 'stop', fields }
  if (startsByItself && !isWanted && (entry.removed || !entry.spec.enabled)) return { name, action: 'start', fields }
  if (restart.length > 0 && isWanted) return { name, action: canReplaceBeside({ ...entry, nextSpec: spec }) ? 'replace' : 'restart', fields }
  return { name, action: fields.length > 0 ? 'update' : 'none', fields }
}
