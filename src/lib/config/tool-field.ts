import { group, type Stated } from './field-group.js'
import { durationOrNever, filledText, list, mapOf, reject, type Kind, type NameRule } from './kind.js'
import { textOf } from './schema-part.js'

/** Limits of one call in ms; null: never. */
export interface TimeoutFields {
  idle: number | null
  total: number | null
}

/** What is said about the tools of a server, by the names the server uses. */
export interface ToolFields {
  allow: string[]
  deny: string[]
  rename: Record<string, string>
  describe: Record<string, string>
  timeouts: Record<string, Stated<TimeoutFields>>
  repeatable: string[]
}

export const timeouts = group<TimeoutFields>('an object with idle and total', {
  idle: { kind: durationOrNever(1), summary: 'A call without a sign of life (answer, progress) for this long is given up.' },
  total: { kind: durationOrNever(1), summary: 'A call that takes longer than this is given up whatever happens.' },
})

/** Servers may call their tools anything; what nobody can mean is refused. */
const TOOL_NAME: NameRule = { pattern: /^[^\p{Cc}]{1,256}$/u, wrong: 'is not a possible name of a tool' }

/** Which tools are meant, by name; `*` for any text. */
export const toolPattern: Kind<string> = {
  name: 'text',
  accepts: 'the name of a tool, with * for any text',
  schema: textOf('^(?!!)[^\\p{Cc}?\\[\\]\\{\\}]{1,256}$'),
  read: (value, spot) => {
    if (typeof value !== 'string' || !TOOL_NAME.pattern.test(value)) return reject(value, spot, toolPattern.accepts)
    const other = /[?[\]{}]|^!/.exec(value)?.[0]
    if (other === undefined) return value
    spot.problem(`is ${JSON.stringify(value.slice(0, 80))}, but "${other}" has no meaning in a pattern`, 'Only * is special: it stands for any text. Write several patterns for several names.', value.slice(0, 80))
    return undefined
  },
}

/** The specification of 2025-11-25 recommends exactly these names, and clients refuse others. */
const newName: Kind<string> = {
  name: 'text',
  accepts: '1 to 128 letters, digits, "_", "." or "-"',
  schema: textOf('^[A-Za-z0-9_.-]{1,128}$'),
  read: (value, spot) => (typeof value === 'string' && /^[A-Za-z0-9_.-]{1,128}$/.test(value) ? value : reject(value, spot, newName.accepts)),
}

const names = mapOf(newName, "an object of tools' names and their new names", TOOL_NAME)

const rename: Kind<Record<string, string>> = {
  ...names,
  read: (value, spot) => {
    const read = names.read(value, spot)
    const first = new Map<string, string>()
    for (const [name, target] of Object.entries(read ?? {})) {
      const other = first.get(target)
      if (other === undefined) first.set(target, name)
      else spot.at(name).problem(`is ${JSON.stringify(target)}, the same as for ${JSON.stringify(other.slice(0, 80))}`, 'Give each tool a name of its own.', JSON.stringify(target))
    }
    return read
  },
}

export const tools = group<ToolFields>('an object with allow, deny, rename, describe, timeouts and repeatable', {
  allow: { kind: list(toolPattern, 'a pattern or a list of them', { orSingle: true }), summary: 'Tools clients may see; * stands for any text.' },
  deny: { kind: list(toolPattern, 'a pattern or a list of them', { orSingle: true }), summary: 'Tools clients may not see; wins over allow.' },
  rename: { kind: rename, summary: 'New names for tools.' },
  describe: { kind: mapOf(filledText, "an object of tools' names and texts", TOOL_NAME), summary: 'Descriptions in place of those of the server.' },
  timeouts: { kind: mapOf(timeouts, "an object of tools' names and their timeouts", TOOL_NAME), summary: 'Timeouts of single tools.' },
  repeatable: { kind: list(toolPattern, 'a pattern or a list of them', { orSingle: true }), summary: 'Tools that may be called again when it is not known whether a call arrived, besides those that say so themselves.' },
})
