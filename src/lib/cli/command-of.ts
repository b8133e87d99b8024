import { Args, Command, Errors, Flags } from '@oclif/core'
import { McpctlError } from '../errors/index.js'
import { nearest } from '../base/index.js'
import { reportError, runVerb } from './run-verb.js'
import { JSON_FLAG, type FlagSpec, type FlagTable, type FlagValues, type Verb } from './verb.js'

/** The oclif command of a verb: help, completion and the explanation of command lines that do not parse. */
export function commandOf<F extends FlagTable>(verb: Verb<F>): Command.Class {
  const flagTable: FlagTable = { ...verb.flags, json: JSON_FLAG }
  return class extends Command {
    static override summary = verb.summary
    static override description = verb.description ?? ''
    static override examples = verb.examples.map((example) => `<%= config.bin %> ${example}`)
    static override strict = verb.names === undefined
    static override usage = verb.names?.usage === undefined ? undefined : `${verb.id} ${verb.names.usage} [flags]`
    static override flags = Object.fromEntries(Object.entries(flagTable).map(([name, spec]) => [name, toFlag(spec)]))
    static override args = verb.names === undefined ? {} : { name: Args.string({ description: verb.names.usage === undefined ? `${verb.names.summary} Several may be given.` : verb.names.summary, required: verb.names.required }) }

    async run(): Promise<void> {
      const { flags, argv } = await this.parse(this.ctor)
      const { json, ...own } = flags as Record<string, unknown>
      await runVerb(verb, { names: argv as string[], flags: own as FlagValues<F> }, json === true)
    }

    // Only a command line that does not parse ends here: a verb reports its own errors.
    protected override catch(error: Error): Promise<void> {
      // Under NODE_ENV=development oclif would add a warning meant for whoever forgot to parse.
      this.parsed = true
      reportError(toUsageError(error, verb.id, Object.keys(flagTable)), this.argv.includes('--json'))
      return Promise.resolve()
    }
  }
}

function toFlag(spec: FlagSpec) {
  const common = { summary: spec.summary, ...(spec.short === undefined ? {} : { char: spec.short as 'a' }) }
  if (spec.type === 'boolean') return Flags.boolean(common)
  const text = { ...common, ...(spec.value === undefined ? {} : { helpValue: spec.value }), ...(spec.options === undefined ? {} : { options: [...spec.options] }) }
  // Without the second, a flag takes every word up to the next one.
  return spec.multiple === true ? Flags.string({ ...text, multiple: true, multipleNonGreedy: true }) : Flags.string(text)
}

function toUsageError(error: Error, id: string, known: readonly string[]): unknown {
  if (!(error instanceof Errors.CLIError)) return error
  const [line = error.message] = error.message.replace(/\nSee more help with --help/, '').split('\n')
  const unknown = /Nonexistent flags?: (.*)/.exec(error.message)?.[1]?.split(', ') ?? []
  const message = unknown.length > 0 ? `${id}: unknown flag ${unknown.join(', ')}` : `${id}: ${error.message.replace(/\nSee more help with --help/, '').trim() || line}`
  const close = unknown.flatMap((flag) => nearest(flag.replace(/^-+/, ''), known)).map((name) => `--${name}`)
  return new McpctlError('USAGE', message, {
    hint: close.length > 0 ? `Did you mean ${close.join(' or ')}? See mcpctl ${id} --help.` : `See mcpctl ${id} --help.`,
    details: { command: id, ...(unknown.length > 0 ? { flags: unknown, suggestions: close } : {}) },
  })
}
