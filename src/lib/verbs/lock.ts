import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import type { LockedServer, LockFile } from '../config/index.js'
import { warnOfHidden } from './hidden-warning.js'
import { goneServers, isHeldChange, type LockChange } from './lock-compare.js'
import { openLockState, putServers, saveLocks, type LockedPair, type LockState } from './lock-state.js'
import { renderLockChanges } from './lock-view.js'
import { CONFIG_FLAG } from './start.js'

export const lock = defineVerb({
  id: 'lock',
  summary: 'Write down in mcp.lock what servers are, so that a changed tool is noticed.',
  description:
    'Writes mcp.lock beside the configuration file: for each server its npm package with version and integrity (or the hash of its program), and the definition of every tool and prompt as it is listed now, with its hash. From then on a tool that changed, or that a locked server did not have before, is kept from clients until it is approved (mcpctl approve). Servers the lock does not know yet are added; what is quarantined stays as it was locked. With --check nothing is written: exits 1 and shows what differs, 3 when a server could not be compared because it does not run.',
  examples: ['lock', 'lock files', 'lock --check', 'lock --check --json'],
  names: { summary: 'Servers to lock; all of the configuration when none is named.', required: false },
  flags: { check: { type: 'boolean', summary: 'Only compare: for CI.' }, config: CONFIG_FLAG },
  run: async ({ names, flags }, io) => {
    const state = await openLockState(io, names, flags.config)
    try {
      for (const { name, now } of state.meant) if (now !== null) warnOfHidden(io, name, now)
      return flags.check === true ? await check(io, state, names.length === 0) : await write(io, state, names.length === 0)
    } finally {
      state.client.close()
    }
  },
})

async function check(io: Io, { meant, all, locks }: LockState, isAll: boolean): Promise<Outcome> {
  const gone = isAll ? [...locks].flatMap(([file, known]) => (known === null ? [] : goneServers(known, keysOf(all, file)))) : []
  const changes = uniqueChanges([...meant.flatMap((pair) => pair.changes), ...gone])
  const unknown = meant.filter(({ now }) => now === null)
  if (!io.json && changes.length > 0) io.out(await renderLockChanges(changes, io))
  tellUnknown(io, unknown, 'was not compared')
  if (changes.length === 0 && unknown.length === 0) io.say(`${count(meant.length)} as locked`)
  return { exitStatus: changes.length > 0 ? 1 : unknown.length > 0 ? 3 : 0, json: { check: true, isLocked: changes.length === 0 && unknown.length === 0, files: [...locks.keys()], changes, skipped: skipped(unknown) } }
}

async function write(io: Io, state: LockState, isAll: boolean): Promise<Outcome> {
  const unknown = state.meant.filter(({ now }) => now === null)
  const plans = [...state.locks.keys()].map((file) => planFile(state, file, isAll))
  const next = new Map(plans.flatMap(({ file, lock: planned }) => (planned === null ? [] : [[file, planned] as const])))
  const written = await saveLocks(io, state, next, state.meant.map(({ name }) => name))
  const changes = uniqueChanges(plans.flatMap((plan) => plan.changes))
  const held = [...new Set(plans.flatMap((plan) => plan.held))]
  if (!io.json && changes.length > 0) io.out(await renderLockChanges(changes, io))
  for (const file of written) io.say(`wrote ${file}`)
  if (written.length === 0 && held.length === 0) io.say('nothing to write: everything is as locked')
  for (const server of held) io.say(`${server}: what changed stays quarantined until it is approved: mcpctl approve ${server}`)
  tellUnknown(io, unknown, 'was not locked')
  const exitStatus = held.length > 0 ? 1 : unknown.length > 0 && !isAll ? 3 : 0
  return { exitStatus, json: { check: false, written, changes, quarantined: held, skipped: skipped(unknown) } }
}

interface FilePlan {
  readonly file: string
  /** What it is to hold; null: it stays as it is. */
  readonly lock: LockFile | null
  readonly changes: readonly LockChange[]
  /** Servers of which something stays quarantined. */
  readonly held: readonly string[]
}

function planFile({ locks, meant, all }: LockState, file: string, isAll: boolean): FilePlan {
  const before = locks.get(file) ?? null
  const gone = isAll && before !== null ? goneServers(before, keysOf(all, file)) : []
  const pairs = meant.filter((pair) => pair.lockFile === file && pair.now !== null && pair.changes.length > 0)
  const put = new Map(pairs.flatMap((pair): [string, LockedServer][] => (pair.now === null ? [] : [[pair.key, isHeld(pair) ? withoutGone(pair) : pair.now]])))
  const kept = Object.entries(before?.servers ?? {}).filter(([name]) => !gone.some(({ server }) => server === name))
  return {
    file,
    lock: put.size > 0 || gone.length > 0 ? putServers({ servers: Object.fromEntries(kept) }, put) : null,
    changes: [...pairs.flatMap((pair) => pair.changes.filter((change) => !isHeld(pair) || isGone(change))), ...gone],
    held: pairs.filter(isHeld).map(({ key }) => key),
  }
}

function isHeld({ changes }: LockedPair): boolean {
  return changes.some(isHeldChange)
}

/** While something is quarantined only that is taken over which is gone: package and definitions belong together. */
function withoutGone({ before, now, changes }: LockedPair): LockedServer {
  const old = before ?? { package: null, program: null, tools: {}, prompts: {} }
  const isHere = (type: 'tool' | 'prompt') => ([name]: readonly [string, unknown]): boolean => !changes.some((change) => change.type === type && change.name === name && change.change === 'gone')
  return now === null ? old : { ...old, tools: Object.fromEntries(Object.entries(old.tools).filter(isHere('tool'))), prompts: Object.fromEntries(Object.entries(old.prompts).filter(isHere('prompt'))) }
}

function isGone(change: LockChange): boolean {
  return 'name' in change && change.change === 'gone'
}

function keysOf(all: readonly LockedPair[], file: string): Set<string> {
  return new Set(all.filter(({ lockFile }) => lockFile === file).map(({ key }) => key))
}

/** Copies of one server say the same. */
function uniqueChanges(changes: readonly LockChange[]): LockChange[] {
  return [...new Map(changes.map((change) => [JSON.stringify(change), change])).values()]
}

function tellUnknown(io: Io, unknown: readonly LockedPair[], what: string): void {
  for (const { name, reason } of unknown) io.say(`${name} ${what}: ${reason}`)
}

function skipped(unknown: readonly LockedPair[]): { name: string; reason: string }[] {
  return unknown.map(({ name, reason }) => ({ name, reason }))
}

function count(servers: number): string {
  return servers === 1 ? '1 server is' : `${servers} servers are`
}
