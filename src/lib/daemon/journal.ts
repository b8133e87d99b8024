import { writeSync } from 'node:fs'

export type JournalLevel = 'info' | 'warn' | 'error'

/** The daemon's own log: one JSON object a line on a descriptor that is a file (or the terminal of `daemon run`). */
export interface Journal {
  write(level: JournalLevel, message: string, facts?: Record<string, unknown>): void
}

/** A full disk must not stop supervision: what cannot be written is lost. */
export function openJournal(descriptor: number, now: () => number): Journal {
  return {
    write(level, message, facts = {}) {
      const line = JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...facts })
      try {
        writeSync(descriptor, `${line}\n`)
      } catch {
        // Nowhere to say it.
      }
    },
  }
}
