import { readFileSync } from 'node:fs'

/** More than any use of one machine's servers needs. */
const MOST_CONNECTIONS = 4096

/**
 * How many connections there may be at a time: at most half of this process's descriptors, so that clients, however many
 * they are, leave enough for servers, logs and commands. Where the bound on descriptors cannot be read, it is not known
 * to be low.
 */
export function mostConnections(): number {
  try {
    const descriptors = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return descriptors === undefined ? MOST_CONNECTIONS : Math.min(MOST_CONNECTIONS, Math.floor(Number(descriptors) / 2))
  } catch {
    return MOST_CONNECTIONS
  }
}
