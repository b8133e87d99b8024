import { defineVerb, type Io } from '../cli/index.js'
import type { LockedServer, LockFile } from '../config/index.js'
import { McpctlError } from '../errors/index.js'
import { warnOfHidden } from './hidden-warning.js'
import { checkMayAsk, confirm } from './init-confirm.js'
import { isHeldChange, type DefinitionChange } from './lock-compare.js'
import { openLockState, putServers, saveLocks, type LockedPair, type LockState } from './lock-state.js'
import { renderLockChanges } from './lock-view.js'
import { isMeantBy } from './names.js'
import { CONFIG_FLAG } from './start.js'

export const approve = defineVerb({
  id: 'approve',
  summary: 'Accept tools that changed since they were locked.',
  description:
    'Shows what differs between mcp.lock and what a server lists now, and, when that is confirmed, writes it into the lock: the daemon shows these tools and prompts to clients at once. With NAME/TOOL only that one is accepted. Nothing is accepted that is not quarantined, and no server is locked that was not before: see mcpctl lock.',
  examples: ['approve files', 'approve files/read_file', 'approve --all --yes', 'approve --all --dry-run'],
  names: { summary: 'Servers or groups, or single tools and prompts of them (NAME/TOOL).', required: false, usage: '[NAME[/TOOL]...]' },
  flags: {
    all: { type: 'boolean', summary: 'Everything that is quarantined.' },
    yes: { type: 'boolean', short: 'y', summary: 'Do not ask.' },
    'dry-run': { type: 'boolean', short: 'n', summary: 'Only show what would be accepted.' },
    config: CONFIG_FLAG,
  },
  run: async ({ names, flags }, io) => {
    const isDryRun = flags['dry-run'] === true
    if (names.length === 0 && flags.all !== true) throw new McpctlError('USAGE', 'approve: nothing is named', { hint: 'mcpctl approve NAME, or mcpctl approve --all; --dry-run only shows what is quarantined.' })
    if (!isDryRun) checkMayAsk(io, 'approve', flags.yes === true)
    const wanted = names.map(toWanted)
    const state = await openLockState(io, flags.all === true ? [] : wanted.map(({ server }) => server), flags.config)
    try {
      const accepted = state.meant.map((pair) => ({ pair, changes: pair.changes.filter((change): change is DefinitionChange => isHeldChange(change) && isMeant(pair, change, flags.all === true ? null : wanted)) }))
      checkFound(wanted, state)
      const changes = [...new Map(accepted.flatMap((each) => each.changes).map((change) => [JSON.stringify(change), change])).values()]
      for (const { pair: { name, now, reason } } of accepted) {
        if (now === null) io.say(`${name} was left as it is: ${reason}`)
        else warnOfHidden(io, name, now)
      }
      if (changes.length === 0) return nothing(io, state)
      if (!io.json) io.out(await renderLockChanges(changes, io))
      if (isDryRun || (flags.yes !== true && !(await confirm(io, `Accept ${changes.length === 1 ? 'this definition' : `these ${changes.length} definitions`}?`)))) {
        io.say('nothing was accepted')
        return { exitStatus: isDryRun ? 0 : 1, json: { accepted: [], wouldAccept: changes, written: [] } }
      }
      const written = await saveLocks(io, state, acceptInto(state, accepted), state.meant.map(({ name }) => name))
      for (const file of written) io.say(`wrote ${file}`)
      return { json: { accepted: changes, wouldAccept: [], written } }
    } finally {
      state.client.close()
    }
  },
})

interface Wanted {
  readonly server: string
  /** Null: all of it. */
  readonly definition: string | null
}

function toWanted(word: string): Wanted {
  const at = word.indexOf('/')
  return at === -1 ? { server: word, definition: null } : { server: word.slice(0, at), definition: word.slice(at + 1) }
}

function isMeant(pair: LockedPair, change: DefinitionChange, wanted: readonly Wanted[] | null): boolean {
  if (wanted === null) return true
  return wanted.some(({ server, definition }) => isMeantBy(server)(pair) && (definition === null || definition === change.name))
}

/** A single definition that is named has to be one that waits. */
function checkFound(wanted: readonly Wanted[], { meant }: LockState): void {
  for (const { server, definition } of wanted) {
    const pairs = meant.filter((pair) => pair.now !== null && isMeantBy(server)(pair))
    if (definition === null || pairs.length === 0) continue
    const waiting = [...new Set(pairs.flatMap(({ changes }) => changes.filter(isHeldChange).map(({ name }) => name)))]
    if (!waiting.includes(definition)) {
      throw new McpctlError('TOOL_UNKNOWN', `nothing named "${definition}" of ${server} is quarantined`, { hint: waiting.length === 0 ? 'Everything it lists is as locked: mcpctl lock --check' : `Quarantined: ${waiting.join(', ')}.`, details: { server, definition, quarantined: waiting } })
    }
  }
}

function nothing(io: Io, { meant }: LockState) {
  const loose = meant.filter(({ before, now }) => before === null && now !== null).map(({ name }) => name)
  io.say(loose.length === 0 ? 'nothing is quarantined' : `nothing is quarantined; not locked at all: ${loose.join(', ')} (mcpctl lock)`)
  const unknown = meant.some(({ now }) => now === null)
  return { exitStatus: unknown ? 3 : 0, json: { accepted: [], wouldAccept: [], written: [] } }
}

/** Once nothing waits any more, the package or program the definitions came with is written down too. */
function acceptInto({ locks }: LockState, accepted: readonly { readonly pair: LockedPair; readonly changes: readonly DefinitionChange[] }[]): Map<string, LockFile> {
  const next = new Map<string, LockFile>()
  for (const { pair, changes } of accepted) {
    const { before, now, key, lockFile } = pair
    if (before === null || now === null || changes.length === 0) continue
    const isWhole = changes.length === pair.changes.filter(isHeldChange).length
    const merge = (type: 'tool' | 'prompt', list: 'tools' | 'prompts'): LockedServer['tools'] => {
      const names = new Set(changes.filter((change) => change.type === type).map(({ name }) => name))
      return { ...before[list], ...Object.fromEntries(Object.entries(now[list]).filter(([name]) => names.has(name))) }
    }
    const server: LockedServer = isWhole ? now : { ...before, tools: merge('tool', 'tools'), prompts: merge('prompt', 'prompts') }
    next.set(lockFile, putServers(next.get(lockFile) ?? locks.get(lockFile) ?? null, new Map([[key, server]])))
  }
  return next
}
