import { writtenName, type ServerSpec } from '../core/index.js'
import { explain, type ExplainedServer } from './explain.js'
import { lockBeside, lockedServer, pinsOf, readLock } from './lock-file.js'

/**
 * The servers with what the lock beside their configuration file says of them. One that no lock knows is taken as it is.
 * Throws what `readLock` throws.
 */
export function withPins(servers: readonly ServerSpec[], locks: readonly string[]): readonly ServerSpec[] {
  const known = new Map(locks.map((file) => [file, readLock(file)]))
  return servers.map((spec) => {
    const lock = known.get(lockBeside(spec.source)) ?? null
    const locked = lock === null || spec.transport === 'none' ? null : lockedServer(lock, writtenName(spec.name))
    return locked === null ? spec : { ...spec, traffic: { ...spec.traffic, pins: pinsOf(locked) } }
  })
}

/** The same for people: how many definitions of a server are pinned, and by which file. */
export function explainPins(explained: ExplainedServer, servers: readonly ServerSpec[]): ExplainedServer {
  const spec = servers.find(({ name }) => name === explained.name)
  const pins = spec?.traffic.pins ?? null
  if (spec === undefined || pins === null) return explained
  const counts = [[Object.keys(pins.tools).length, 'tools'], [Object.keys(pins.prompts).length, 'prompts']] as const
  const value = counts.filter(([count, kind]) => count > 0 || kind === 'tools').map(([count, kind]) => `${count} ${kind}`).join(', ')
  return { ...explained, fields: [...explained.fields, explain('pinned', { value, origin: lockBeside(spec.source) })] }
}
