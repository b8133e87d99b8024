import { parseArgs } from 'node:util'
import { explainUnknown, JSON_FLAG, reportError, runVerb, type FlagTable, type FlagValues, type Verb } from '../cli/index.js'
import { VERBS } from './registry.js'

/**
 * Runs a command line that needs no help from oclif: loading oclif takes longer than everything `status` does.
 * Anything not plainly understood (help, an unknown flag or command, a missing argument) is left to oclif, which
 * explains it. Returns whether the command line was taken.
 */
export async function runQuickly(argv: readonly string[]): Promise<boolean> {
  if (argv[0] === 'help') return refuseHelp(argv.slice(1))
  const words = argv[0] !== undefined && isVerb(argv[0]) ? 1 : 2
  const id = argv.slice(0, words).join(' ')
  const verb = isVerb(id) ? await VERBS[id]?.() : undefined
  if (verb === undefined) return false
  const parsed = parse(verb, argv.slice(words))
  if (parsed === null) return false
  await runVerb(verb, parsed, parsed.json)
  return true
}

/** A word every object has, such as "constructor", is no command. */
function isVerb(id: string): boolean {
  return Object.hasOwn(VERBS, id)
}

/** oclif has no code and no suggestion for help on a command that does not exist; all other help is its own. */
function refuseHelp(args: readonly string[]): boolean {
  const typed = args.filter((arg) => !arg.startsWith('-')).join(' ')
  const ids = [...Object.keys(VERBS), 'help']
  if (typed === '' || ids.some((id) => id === typed || id.startsWith(`${typed} `))) return false
  reportError(explainUnknown(typed, ids), args.includes('--json'))
  return true
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
