import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { READY } from '../join.js'
import { Backend, type Choice } from './backend.js'
import { tryCgroup1 } from './cgroup1.js'
import { tryCgroup2 } from './cgroup2.js'
import { findHierarchies, type Hierarchy } from './cgroup-paths.js'
import { reasonOf, type KernelSource, type Trial } from './kernel-source.js'
import { launcherArgs, SHELL, type Placement } from './launcher.js'
import { clearFolders, FolderRecord } from './leftovers.js'
import { trySystemd } from './systemd.js'
import { BACKEND_NAMES, type BackendName, type LimitsBackend } from './types.js'

export interface LimitsOptions {
  /** Names the home, as in the markers of its processes: letters, digits and `_ -`. */
  readonly mark: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default: MCP_LIMITS_BACKEND of `env`. Null chooses the strongest that works. One that is unknown or does not work is told in the notes. */
  readonly forced?: string | null
  /** A file of the home in which folders of the kernel are noted, so that the daemon after a crash finds them; null: not noted. */
  readonly recordFile?: string | null
}

interface Place {
  readonly hierarchies: readonly Hierarchy[]
  readonly folder: string
  readonly env: LimitsOptions['env']
}

type Outcome = { readonly kernel: KernelSource | null; readonly rlimit: boolean; readonly notes: readonly string[] } | { readonly why: string }

const PROBE_TIMEOUT_MS = 5000
const PROBE_KIB = 1024 ** 2
const IMPOSSIBLE = 'it needs Linux'

/**
 * Chooses how servers are limited, by trying: a backend is taken when a process really came to run inside of it. Ends
 * and removes what an earlier daemon of this home left in groups; to be called by the holder of the home's lock, when
 * what can be ended politely has been. About 15 ms. Never fails: at the end of the list is sampling.
 */
export async function openLimits({ mark, env, forced = env['MCP_LIMITS_BACKEND'] || null, recordFile = null }: LimitsOptions): Promise<LimitsBackend> {
  const folder = `mcpctl-${mark}`
  const place: Place = { hierarchies: findHierarchies(), folder, env }
  const record = new FolderRecord(recordFile)
  const known = new Set([...record.read(), ...place.hierarchies.map(({ own }) => `${own}/${folder}`)])
  await clearFolders([...known], folder)
  const refused: { name: BackendName; why: string }[] = []
  const notes: string[] = []
  for (const name of orderOf(forced, notes)) {
    const outcome = await attempt(name, place)
    if ('why' in outcome) {
      refused.push({ name, why: outcome.why })
      continue
    }
    if (forced !== null && name !== forced && notes.length === 0) notes.push(`MCP_LIMITS_BACKEND=${forced} is not possible here: ${refused[0]?.why ?? ''}`)
    record.write(outcome.kernel?.bases ?? [])
    return new Backend({
      name, ...outcome, refused, notes: [...notes, ...outcome.notes],
      onClosed: (clean) => {
        if (clean) record.write([])
      },
    } satisfies Choice)
  }
  return new Backend({ name: 'none', kernel: null, rlimit: false, refused, notes, onClosed: () => undefined })
}

function orderOf(forced: string | null, notes: string[]): readonly BackendName[] {
  const automatic = BACKEND_NAMES.filter((name) => name !== 'none')
  if (forced === null) return automatic
  const wanted = BACKEND_NAMES.find((name) => name === forced)
  if (wanted !== undefined) return [wanted, ...automatic.filter((name) => name !== wanted)]
  notes.push(`MCP_LIMITS_BACKEND=${forced} is none of ${BACKEND_NAMES.join(', ')}, so it is ignored`)
  return automatic
}

async function attempt(name: BackendName, place: Place): Promise<Outcome> {
  const onLinux = process.platform === 'linux'
  if (!onLinux && name !== 'poll' && name !== 'none') return { why: IMPOSSIBLE }
  switch (name) {
    case 'cgroup2':
      return proven(tryCgroup2(place.hierarchies, place.folder, place.env))
    case 'systemd': {
      const trial = await trySystemd(place)
      return 'why' in trial ? trial : { kernel: trial.source, rlimit: true, notes: trial.notes }
    }
    case 'cgroup1':
      return proven(tryCgroup1(place.hierarchies, place.folder))
    case 'rlimit':
      return hasRlimit() ? { kernel: null, rlimit: true, notes: [] } : { why: `${SHELL} cannot set a limit on data` }
    case 'poll':
    case 'none':
      return { kernel: null, rlimit: false, notes: [] }
  }
}

/** A process has to get in: writable files alone promise nothing. */
function proven(trial: Trial): Outcome {
  if ('why' in trial) return trial
  const { source, notes } = trial
  const why = tryJoin(source)
  if (why === null) return { kernel: source, rlimit: true, notes }
  source.close()
  return { why }
}

function tryJoin(source: KernelSource): string | null {
  try {
    const group = source.make(`probe-${process.pid}`, { memoryBytes: 64 * 1024 ** 2, cpuPercent: 50, pids: 16 })
    const report = launch({ joins: group.joins, dataKib: null, prefix: null })
    const kills = group.countKills()
    group.kill()
    group.close()
    removeSoon(() => group.remove())
    if (report !== READY) return `a process could not be placed in a group: ${report.trim() === '' ? 'no answer' : report.trim().split('\n').at(-1)}`
    return kills === null ? 'what happens in a group cannot be read' : null
  } catch (error) {
    return `no group can be made: ${reasonOf(error)}`
  }
}

/** The kernel needs a moment after the last process; a folder that stays is removed with the others in the end. */
function removeSoon(remove: () => boolean, triesLeft = 20): void {
  if (!remove() && triesLeft > 0) setTimeout(() => removeSoon(remove, triesLeft - 1), 10).unref()
}

function hasRlimit(): boolean {
  return existsSync(SHELL) && launch({ joins: [], dataKib: PROBE_KIB, prefix: null }) === READY
}

/** What the launcher reports for a program that ends at once. */
function launch(placement: Placement): string {
  const args = launcherArgs(placement, { file: SHELL, args: ['-c', ':'], env: {} })
  const { output } = spawnSync(SHELL, args, { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'ignore', 'pipe'], timeout: PROBE_TIMEOUT_MS, encoding: 'latin1' })
  return (output as readonly (string | null)[] | null)?.[3] ?? ''
}
