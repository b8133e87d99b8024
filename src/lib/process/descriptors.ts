import { readdirSync } from 'node:fs'
import { readProcFile } from './proc.js'

/** Descriptors that are kept for commands, logs and reloads when servers have taken all others. */
const RESERVE = 10

/**
 * Whether there are descriptors for another process. Where Node runs out of them in the middle of a spawn, it loses those
 * it has opened by then for good, so it must not come to that. Linux only; elsewhere nobody can tell.
 */
export function hasRoomForProcess(): boolean {
  const most = Number(/^Max open files +(\d+)/m.exec(readProcFile('/proc/self/limits') ?? '')?.[1])
  if (Number.isNaN(most)) return true
  try {
    return most - readdirSync('/proc/self/fd').length >= RESERVE
  } catch {
    return false
  }
}
