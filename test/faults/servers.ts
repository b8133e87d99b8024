import { fileURLToPath } from 'node:url'

export interface Entry {
  readonly command: string
  readonly args: readonly string[]
}

const FOLDER = fileURLToPath(new URL('fixture/', import.meta.url))

/** A server with a tool for each fault (its file lists them). */
export function faulty(...args: string[]): Entry {
  return { command: process.execPath, args: [`${FOLDER}fault-server.mjs`, ...args] }
}

/** A server that costs next to nothing; with a file it notes there each time it starts. */
export function tiny(startsFile?: string): Entry & { era: 'legacy' } {
  return { command: '/bin/sh', args: [`${FOLDER}tiny.sh`, ...(startsFile === undefined ? [] : [startsFile])], era: 'legacy' }
}

/** A process that speaks no MCP and does what the shell script says. */
export function shell(script: string, ...args: string[]): Entry & { transport: 'none' } {
  return { command: '/bin/sh', args: ['-c', script, 'sh', ...args], transport: 'none' }
}

export function many<T>(count: number, make: (index: number) => T, prefix = 's'): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, make(index)]))
}

/** Restarts without patience and without end. */
export const QUICK = { policy: 'always', backoff: { initial: '10ms', max: '50ms' }, intensity: { restarts: 1000, window: '1m' } } as const
