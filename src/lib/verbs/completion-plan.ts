import { JSON_FLAG, type FlagSpec, type FlagTable, type NameKind, type Verb } from '../cli/index.js'

/** A word to offer: what is typed, and what it means. */
export interface Word {
  readonly text: string
  readonly about: string | null
}

/** What fits at the end of a command line. `begins`: what the word has been typed of; every candidate begins with it. */
export type Plan =
  | { readonly type: 'words'; readonly words: readonly Word[]; readonly begins: string }
  | { readonly type: 'files' }
  /** `before`: the names that stand in front. `joined`: typed in front of it within the word, as in `--servers a,b`. */
  | { readonly type: 'names'; readonly kind: NameKind; readonly before: readonly string[]; readonly begins: string; readonly joined: string }

/** Values of flags that are paths, by how help calls them. */
const FILES = new Set(['FILE', 'PATH', 'DIR', 'FOLDER'])
/** And those that are servers, one or several with commas between them. */
const SERVERS = new Set(['LIST', 'SERVER', 'SERVERS'])
const HELP_FLAG: FlagSpec = { type: 'boolean', short: 'h', summary: 'Explain the command.' }

/** The command that is meant by the beginning of a line, and how many words name it; null: none yet. */
export function findCommand(typed: readonly string[], ids: readonly string[]): { readonly id: string; readonly length: number } | null {
  // The last word is still being typed.
  for (const length of [1, 2]) {
    const id = typed.slice(0, length).join(' ')
    if (typed.length > length && ids.includes(id)) return { id, length }
  }
  return null
}

/** The next words of the commands that begin with these. `ids`: with what each is for, where that is known. */
export function nextCommandWords(ids: ReadonlyMap<string, string | null>, after: readonly string[]): Word[] {
  const found = new Map<string, string | null>()
  for (const [id, about] of ids) {
    const words = id.split(' ')
    if (!after.every((word, index) => words[index] === word)) continue
    const next = words[after.length]
    if (next !== undefined && (words.length === after.length + 1 || !found.has(next))) found.set(next, words.length === after.length + 1 ? about : `commands about the ${next}`)
  }
  return [...found].map(([text, about]) => ({ text, about }))
}

/** What fits as the last word behind a command. `rest`: all words behind it, the last one being typed (perhaps empty). */
export function planArguments({ flags, names }: Pick<Verb, 'flags' | 'names'>, rest: readonly string[]): Plan {
  const table: FlagTable = { ...flags, json: JSON_FLAG, help: HELP_FLAG }
  const current = rest.at(-1) ?? ''
  const { positionals, given, open, isPlain } = readTyped(rest.slice(0, -1), table)
  if (open !== null) return planValue(open, current, '')
  const assigned = isPlain ? null : /^(--[a-z][a-z-]*=)(.*)$/s.exec(current)
  if (assigned) {
    const flag = table[(assigned[1] ?? '').slice(2, -1)]
    return flag?.type === 'string' ? planValue(flag, assigned[2] ?? '', assigned[1] ?? '') : { type: 'words', words: [], begins: current }
  }
  if (!isPlain && current.startsWith('-')) return { type: 'words', begins: current, words: flagWords(table, given) }
  if (names === undefined) return { type: 'words', words: [], begins: current }
  if (names.complete === 'files') return { type: 'files' }
  return { type: 'names', kind: names.complete ?? 'servers', before: positionals, begins: current, joined: '' }
}

function flagWords(table: FlagTable, given: ReadonlySet<string>): Word[] {
  return Object.entries(table).filter(([name]) => !given.has(name)).map(([name, { summary }]) => ({ text: `--${name}`, about: summary }))
}

function planValue({ options, value }: FlagSpec, current: string, glued: string): Plan {
  if (options !== undefined) return { type: 'words', begins: glued + current, words: options.map((option) => ({ text: glued + option, about: null })) }
  if (FILES.has(value ?? '')) return { type: 'files' }
  if (!SERVERS.has(value ?? '')) return { type: 'words', words: [], begins: current }
  const joined = /^(?:[^,]*,)*/.exec(current)?.[0] ?? ''
  return { type: 'names', kind: 'servers', before: joined.split(',').filter((name) => name !== ''), begins: current.slice(joined.length), joined: glued + joined }
}

interface Typed {
  readonly positionals: readonly string[]
  /** Flags that are there already. */
  readonly given: ReadonlySet<string>
  /** The flag whose value comes next. */
  readonly open: FlagSpec | null
  /** Behind `--` nothing is a flag. */
  readonly isPlain: boolean
}

function readTyped(words: readonly string[], table: FlagTable): Typed {
  const positionals: string[] = []
  const given = new Set<string>()
  let open: FlagSpec | null = null
  let isPlain = false
  for (const word of words) {
    if (open !== null) open = null
    else if (isPlain || !/^-./.test(word)) positionals.push(word)
    else if (word === '--') isPlain = true
    else {
      const name = nameOfFlag(word, table)
      if (name === null) continue
      given.add(name)
      if (table[name]?.type === 'string' && !word.includes('=')) open = table[name] ?? null
    }
  }
  return { positionals, given, open, isPlain }
}

function nameOfFlag(word: string, table: FlagTable): string | null {
  const long = /^--([^=]+)/.exec(word)?.[1]
  if (long !== undefined) return Object.hasOwn(table, long) ? long : null
  // `-fn 5`: the last of several letters may take a value; `-n5` has it.
  const [first = '', ...more] = word.slice(1)
  const byLetter = (letter: string): string | null => Object.entries(table).find(([, { short }]) => short === letter)?.[0] ?? null
  const name = byLetter(first)
  if (name !== null && table[name]?.type === 'string') return more.length === 0 ? name : null
  return more.length === 0 ? name : byLetter(more.at(-1) ?? '')
}

/** The candidates that go on from what is typed, as lines for the scripts. */
export function renderWords(words: readonly Word[], begins: string): string[] {
  // A control character in a name or a description would be a line or a column of its own.
  const clean = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim()
  return words.filter(({ text }) => text.startsWith(begins) && !/[\p{Cc}]|^:/u.test(text)).map(({ text, about }) => (about === null || clean(about) === '' ? text : `${text}\t${clean(about)}`))
}
