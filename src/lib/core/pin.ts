import { canonicalJson, findHidden, spellHidden, type HiddenCharacter } from '../base/index.js'
import type { DefinitionKind, HeldDefinition } from './pin-spec.js'

/** Hidden characters in one text of a definition. */
export interface HiddenFinding {
  /** Where it stands, such as `inputSchema.properties.path.description`. */
  readonly path: string
  readonly text: string
  readonly characters: readonly HiddenCharacter[]
}

/** What a model or a client goes by. `_meta` and icons are not among it: they change from one listing to the next. */
const PINNED: Readonly<Record<DefinitionKind, readonly string[]>> = {
  tool: ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'],
  prompt: ['name', 'title', 'description', 'arguments'],
}
const MAX_FINDINGS = 100

type Members = Readonly<Record<string, unknown>>

/** The members of a definition that its hash is made of. */
export function pinnedPart(kind: DefinitionKind, definition: Members): Record<string, unknown> {
  return Object.fromEntries(PINNED[kind].flatMap((member) => (definition[member] === undefined ? [] : [[member, definition[member]]])))
}

/** The text whose hash stands for the definition. */
export function canonicalDefinition(kind: DefinitionKind, definition: Members): string {
  return canonicalJson(pinnedPart(kind, definition))
}

/** Every text of a definition that holds characters nobody sees: names, titles, descriptions, and all of its schemas. At most 100. */
export function scanDefinition(definition: Members): HiddenFinding[] {
  const found: HiddenFinding[] = []
  scan(definition, '', found)
  return found
}

function scan(value: unknown, path: string, found: HiddenFinding[]): void {
  if (found.length >= MAX_FINDINGS) return
  if (typeof value === 'string') {
    const characters = findHidden(value)
    if (characters.length > 0) found.push({ path, text: value, characters })
  } else if (Array.isArray(value)) value.forEach((item, index) => { scan(item, `${path}[${index}]`, found) })
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      const at = path === '' ? name : `${path}.${name}`
      const characters = findHidden(name)
      if (characters.length > 0) found.push({ path: `the name of ${at}`, text: name, characters })
      scan(member, at, found)
    }
  }
}

/** "U+200B (zero-width), U+202E (bidi) twice": each character once, for people. */
export function describeHidden(characters: readonly HiddenCharacter[]): string {
  const counts = new Map<string, number>()
  for (const { codePoint, kind } of characters) {
    const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')} (${kind})`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const shown = [...counts].slice(0, 5).map(([name, times]) => (times === 1 ? name : `${name} ${times} times`))
  return counts.size > 5 ? `${shown.join(', ')} and ${counts.size - 5} more` : shown.join(', ')
}

/** "2 tools of files are kept from clients, because they are not what the lock says: read (changed), wipe (new)", for people. */
export function describeHeld(server: string, held: readonly HeldDefinition[]): string {
  const counted = (['tool', 'prompt'] as const).flatMap((kind) => {
    const number = held.filter((one) => one.kind === kind).length
    return number === 0 ? [] : [`${number} ${kind}${number === 1 ? '' : 's'}`]
  })
  const named = held.slice(0, 5).map(({ name, cause }) => `${spellHidden(name)} (${cause})`)
  const rest = held.length > 5 ? ` and ${held.length - 5} more` : ''
  return `${counted.join(' and ')} of ${server} ${held.length === 1 ? 'is' : 'are'} quarantined, not being what mcp.lock says: ${named.join(', ')}${rest}; kept from clients`
}
