import { copyFileSync, fstatSync, ftruncateSync, writeSync } from 'node:fs'

export type JournalLevel = 'info' | 'warn' | 'error'

/** The daemon's own log: one JSON object a line on a descriptor that is a file (or the terminal of `daemon run`). */
export interface Journal {
  write(level: JournalLevel, message: string, facts?: Record<string, unknown>): void
}

/** The file behind the descriptor, which was opened for appending. */
export interface JournalFile {
  readonly path: string
  /** Above this it starts anew; one old one is kept beside it. */
  readonly maxBytes: number
}

/** A full disk must not stop supervision: what cannot be written is lost. `file` null: nothing is bounded, whoever reads it sees to that. */
export function openJournal(descriptor: number, now: () => number, file: JournalFile | null = null): Journal {
  let size = file === null ? 0 : sizeOf(descriptor)
  return {
    write(level, message, facts = {}) {
      const line = JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...facts })
      try {
        size += writeSync(descriptor, `${line}\n`)
        if (file === null || size <= file.maxBytes) return
        startAnew(descriptor, file.path)
        size = sizeOf(descriptor)
      } catch {
        // Nowhere to say it.
      }
    },
  }
}

/** Copied and emptied instead of renamed: the process's own standard error writes to the same open file. */
function startAnew(descriptor: number, path: string): void {
  try {
    copyFileSync(path, `${path}.1`)
  } catch {
    // Then the old one is lost: the bound holds.
  }
  ftruncateSync(descriptor)
}

function sizeOf(descriptor: number): number {
  try {
    return fstatSync(descriptor).size
  } catch {
    return 0
  }
}
