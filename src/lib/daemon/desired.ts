import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { desiredFile, readDesired, type DesiredServer, type Home } from '../control/index.js'
import type { Fleet, ServerSpec } from '../core/index.js'
import { isConfigured } from './server-name.js'
import type { Supervisor } from './supervisor.js'

/** Changes within this time are written together. */
const GATHER_MS = 100

export interface DesiredKeeper {
  /** This daemon's orderly end is to leave the file: another one takes over. */
  keep(): void
  readonly isKept: boolean
  /** The servers of this configuration that somebody wanted up when the daemon before this one was gone; once, then none. */
  takeOver(sources: readonly string[]): readonly string[]
  close(): void
}

/**
 * Keeps on disk which servers somebody wants up and which down, so that the next daemon can bring back the same ones
 * when this one dies. An orderly end takes the file along: then nothing is to be brought back.
 */
export function keepDesired(home: Home, supervisor: Supervisor): DesiredKeeper {
  const path = desiredFile(home)
  // Of configurations that were not applied again yet: they would be forgotten with the first change of another one.
  let earlier = readDesired(home) ?? []
  let written = ''
  let isKept = false
  let timer: NodeJS.Timeout | undefined
  const write = (): void => {
    timer = undefined
    const text = `${JSON.stringify(describe(supervisor.fleet, earlier))}\n`
    if (text === written || supervisor.fleet.closing) return
    written = text
    const draft = `${path}.${process.pid}`
    try {
      writeFileSync(draft, text, { mode: 0o600 })
      renameSync(draft, path)
    } catch {
      // On a full disk the next daemon starts every enabled server.
      remove(draft)
    }
  }
  const stop = supervisor.onChange((name, before) => {
    if (supervisor.fleet.servers.get(name)?.state.desired !== before.servers.get(name)?.state.desired) timer ??= setTimeout(write, GATHER_MS).unref()
  })
  return {
    keep() {
      write()
      isKept = true
    },
    get isKept() {
      return isKept
    },
    takeOver(sources) {
      const mine = earlier.filter((server) => sources.includes(server.source))
      earlier = earlier.filter((server) => !sources.includes(server.source))
      return mine.filter(({ desired }) => desired === 'up').map(({ name }) => name)
    },
    close() {
      stop()
      clearTimeout(timer)
      if (!isKept) remove(path)
    },
  }
}

/** Starts again what ran when the daemon before this one was gone, as far as the configuration still has it. */
export function bringBack(supervisor: Supervisor, names: readonly string[], servers: readonly ServerSpec[]): void {
  const wanted = servers.filter(({ name, enabled }) => enabled && names.includes(name)).map(({ name }) => name)
  if (wanted.length > 0) supervisor.send({ type: 'start', names: wanted })
}

function describe(fleet: Fleet, earlier: readonly DesiredServer[]): unknown {
  const servers = [...fleet.servers.values()].filter((entry) => isConfigured(entry) && !entry.removed)
  return { schemaVersion: 1, servers: [...earlier, ...servers.map(({ spec, state }): DesiredServer => ({ name: spec.name, source: spec.source, desired: state.desired }))] }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // Nobody may write there: nothing of ours is there either.
  }
}
