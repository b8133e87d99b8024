import { spellHidden } from '../base/index.js'
import { describeHeld, describeHidden, isActive, scanDefinition, type FleetEntry, type HeldDefinition, type ServerSnapshot } from '../core/index.js'
import { holdBack, type Remembered } from '../gateway/index.js'
import type { Journal } from './journal.js'
import type { Supervisor } from './supervisor.js'

type Catalogue = Remembered['catalogue']

/** Tools with hidden characters that are named in a log before the rest is only counted. */
const MAX_NAMED = 20

/** What servers list, as they list it, and what of it their pins hold back. */
export interface Definitions {
  /** `isRemembered`: it was listed by an earlier instance. */
  learn(name: string, catalogue: Catalogue, isRemembered: boolean): void
  /** Null: it was never listed. */
  of(name: string): { readonly catalogue: Catalogue; readonly isRemembered: boolean } | null
  held(name: string): readonly HeldDefinition[]
  close(): void
}

/** Says in the server's log, the journal and to subscribers when what is held back becomes another, or when a text hides something. */
export function keepDefinitions(supervisor: Supervisor, journal: Journal): Definitions {
  const known = new Map<string, { readonly catalogue: Catalogue; readonly isRemembered: boolean }>()
  const said = new Map<string, string>()
  const held = ({ spec }: FleetEntry): readonly HeldDefinition[] => {
    const listed = known.get(spec.name)
    return listed === undefined || spec.traffic.pins === null ? [] : holdBack(listed.catalogue, spec.traffic.pins).held
  }
  /** Whether there is something new to say. */
  const look = (name: string): boolean => {
    const entry = supervisor.fleet.servers.get(name)
    const now = entry === undefined ? [] : held(entry)
    const text = now.length === 0 ? '' : describeHeld(name, now)
    const before = said.get(name) ?? ''
    if (text === before) return false
    if (text === '') said.delete(name)
    else said.set(name, text)
    const sentence = text === '' ? 'nothing is quarantined any more' : text
    supervisor.log(name)?.mark(text === '' ? sentence : `warning: ${sentence}`, entry?.state.generation ?? 0)
    journal.write(text === '' ? 'info' : 'warn', `${name}: ${sentence}`, { server: name })
    return true
  }
  const describe = (entry: FleetEntry): Partial<ServerSnapshot> => {
    const now = held(entry)
    return now.length === 0 ? {} : { held: now }
  }
  supervisor.describers.add(describe)
  const stop = supervisor.onChange((name) => {
    if (supervisor.fleet.servers.has(name)) look(name)
    else {
      known.delete(name)
      said.delete(name)
    }
  })
  return {
    learn(name, catalogue, isRemembered) {
      known.set(name, { catalogue, isRemembered })
      if (!isRemembered) tellHidden(supervisor, name, catalogue)
      // The list was read in the middle of something: who listens hears of it after that.
      if (look(name)) setImmediate(() => { supervisor.announce(name) })
    },
    of: (name) => {
      const entry = supervisor.fleet.servers.get(name)
      const live = entry !== undefined && isActive(entry.state) ? (supervisor.instance(name)?.established?.catalogue ?? null) : null
      return known.get(name) ?? (live === null ? null : { catalogue: live, isRemembered: false })
    },
    held: (name) => {
      const entry = supervisor.fleet.servers.get(name)
      return entry === undefined ? [] : held(entry)
    },
    close() {
      stop()
      supervisor.describers.delete(describe)
    },
  }
}

function tellHidden(supervisor: Supervisor, name: string, { tools, prompts }: Catalogue): void {
  const log = supervisor.log(name)
  const suspects = [...tools, ...prompts].flatMap((definition) => {
    const found = isRecord(definition) ? scanDefinition(definition) : []
    return found.length === 0 || !isRecord(definition) ? [] : [{ own: String(definition['name']), found }]
  })
  const generation = supervisor.fleet.servers.get(name)?.state.generation ?? 0
  for (const { own, found } of suspects.slice(0, MAX_NAMED)) {
    log?.mark(`warning: "${spellHidden(own)}" holds characters nobody sees, in ${spellHidden(found[0]?.path ?? '')}: ${describeHidden(found.flatMap(({ characters }) => characters))}`, generation)
  }
  if (suspects.length > MAX_NAMED) log?.mark(`warning: ${suspects.length - MAX_NAMED} more of its definitions hold characters nobody sees`, generation)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
