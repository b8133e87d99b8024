import { spellHidden } from '../base/index.js'
import { integrityOf } from '../base/integrity.js'
import type { LockedDefinition, LockedServer, LockFile } from '../config/index.js'
import { canonicalDefinition, pinnedPart, type DefinitionKind } from '../core/index.js'

/** One way in which what runs is not what the lock says. */
export type LockChange =
  | { readonly type: 'server'; readonly server: string; readonly change: 'new' | 'gone' }
  | { readonly type: 'package' | 'program'; readonly server: string; readonly before: string | null; readonly after: string | null }
  | { readonly type: DefinitionKind; readonly server: string; readonly name: string; readonly change: 'new' | 'changed' | 'gone'; readonly before: string; readonly after: string }

export type DefinitionChange = Extract<LockChange, { readonly type: DefinitionKind }>

/** What a server lists, as the lock has it. Entries without a name, and the second of a name, are nothing a client sees. */
export function lockDefinitions(kind: DefinitionKind, definitions: readonly unknown[]): Record<string, LockedDefinition> {
  const locked = new Map<string, LockedDefinition>()
  for (const definition of definitions) {
    if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) continue
    const { name, ...rest } = pinnedPart(kind, definition as Readonly<Record<string, unknown>>)
    if (typeof name !== 'string' || name === '' || locked.has(name)) continue
    locked.set(name, { hash: integrityOf(canonicalDefinition(kind, { ...rest, name })), definition: rest })
  }
  return Object.fromEntries(locked)
}

/** Everything that differs, server by server: where it comes from first, then tools, then prompts, each by name. */
export function compareServer(server: string, before: LockedServer | null, after: LockedServer): LockChange[] {
  if (before === null) return [{ type: 'server', server, change: 'new' }]
  const [oldPackage, newPackage] = [before, after].map((each) => (each.package === null ? null : `${each.package.name}@${each.package.version}${each.package.integrity === null ? '' : ` ${each.package.integrity}`}`))
  const [oldProgram, newProgram] = [before, after].map(({ program }) => (program === null ? null : `${program.file} ${program.integrity}`))
  return [
    ...(oldPackage === newPackage ? [] : [{ type: 'package', server, before: oldPackage ?? null, after: newPackage ?? null } as const]),
    ...(oldProgram === newProgram ? [] : [{ type: 'program', server, before: oldProgram ?? null, after: newProgram ?? null } as const]),
    ...compareDefinitions('tool', server, [before.tools, after.tools]),
    ...compareDefinitions('prompt', server, [before.prompts, after.prompts]),
  ]
}

/** Servers the lock knows and nobody else. */
export function goneServers(lock: LockFile, known: ReadonlySet<string>): LockChange[] {
  return Object.keys(lock.servers).filter((name) => !known.has(name)).map((server) => ({ type: 'server', server, change: 'gone' }))
}

/** Whether it concerns a definition that is quarantined until somebody approves it. */
export function isHeldChange(change: LockChange): change is DefinitionChange {
  return (change.type === 'tool' || change.type === 'prompt') && change.change !== 'gone'
}

function compareDefinitions(type: DefinitionKind, server: string, [before, after]: readonly [LockedServer['tools'], LockedServer['tools']]): LockChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((name): LockChange[] => {
    const [old, now] = [Object.hasOwn(before, name) ? before[name] : undefined, Object.hasOwn(after, name) ? after[name] : undefined]
    if (old?.hash === now?.hash) return []
    return [{ type, server, name, change: old === undefined ? 'new' : now === undefined ? 'gone' : 'changed', before: textOf(old), after: textOf(now) }]
  })
}

/** A definition as people read it: texts with their own line breaks, what is hidden spelled out, the rest as indented JSON. */
function textOf(locked: LockedDefinition | undefined): string {
  if (locked === undefined) return ''
  return Object.entries(locked.definition).sort(([a], [b]) => (a < b ? -1 : 1)).map(([member, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
    return spellHidden(text.includes('\n') ? `${member}:\n${text.split(/\r?\n/).map((line) => `  ${line}`).join('\n')}` : `${member}: ${text}`)
  }).join('\n')
}
