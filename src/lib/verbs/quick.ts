import { parseArgs } from 'node:util'
import { explainUnknown, JSON_FLAG, reportError, runVerb, type FlagTable, type FlagValues, type Verb } from '../cli/index.js'
import { VERBS } from './registry.js'

const VERSION_FLAGS = new Set(['--version', '-v'])

/**
 * Runs a command line that needs no help from oclif: loading oclif takes longer than everything `status` does.
 * Anything not plainly understood (help, an unknown flag or command, a missing argument) is left to oclif, which
 * explains it. Returns whether the command line was taken.
 */
export async function runQuickly(argv: readonly string[]): Promise<boolean> {
  const [first = '', second = ''] = argv
  const json = argv.includes('--json')
  if (first === 'help') return refuseUnknown(argv.slice(1).filter((word) => !isFlag(word)), json)
  if (argv.length === 1 && VERSION_FLAGS.has(first)) return sayVersion()
  const words = isVerb(first) ? 1 : 2
  const id = words === 1 ? first : `${first} ${second}`
  const verb = isVerb(id) ? await VERBS[id]?.() : undefined
  if (verb === undefined) return refuseUnknown(argv, json)
  const parsed = parse(verb, argv.slice(words))
  if (parsed === null) return false
  await runVerb(verb, parsed, parsed.json)
  return true
}

/** In the words of oclif. */
async function sayVersion(): Promise<true> {
  const { VERSION } = await import('../control/index.js')
  process.stdout.write(`mcpctl/${VERSION} ${process.platform}-${process.arch} node-${process.version}\n`)
  return true
}

/** A word every object has, such as "constructor", is no command. */
function isVerb(id: string): boolean {
  return Object.hasOwn(VERBS, id)
}

/** Whatever follows a word that is no command, a name or `--help`, it is the word that is wrong. A topic alone is oclif's, and so is a flag in front. */
function refuseUnknown([first = '', second = '']: readonly string[], json: boolean): boolean {
  const ids = [...Object.keys(VERBS), 'help']
  const isTopic = ids.some((id) => id.startsWith(`${first} `))
  const typed = isTopic ? `${first} ${second}` : first
  if (first === '' || isFlag(first) || ids.includes(first) || (isTopic && (second === '' || isFlag(second) || ids.includes(typed)))) return false
  reportError(explainUnknown(typed, ids), json)
  return true
}

function isFlag(word: string): boolean {
  return word.startsWith('-')
}

function parse(verb: Verb, args: readonly string[]): { names: string[]; flags: FlagValues<FlagTable>; json: boolean } | null {
  const table: FlagTable = { ...verb.flags, json: JSON_FLAG }
  const options = Object.fromEntries(Object.entries(table).map(([name, { type, short, multiple = false }]) => [name, { type, multiple, ...(short === undefined ? {} : { short }) }]))
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: verb.names !== undefined, strict: true })
    if (verb.names?.required && positionals.length === 0) return null
    if (Object.entries(values).some(([name, value]) => isOutsideOptions(table[name]?.options, value))) return null
    const { json, ...flags } = values
    return { names: positionals, flags: flags as FlagValues<FlagTable>, json: json === true }
  } catch {
    return null
  }
}

function isOutsideOptions(options: readonly string[] | undefined, value: unknown): boolean {
  return options !== undefined && typeof value === 'string' && !options.includes(value)
}

export { leave } from '../cli/index.js'
