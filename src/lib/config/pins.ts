import { writtenName, type ServerSpec } from '../core/index.js'
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
