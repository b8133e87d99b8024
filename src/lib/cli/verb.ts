import type { Terminal } from './terminal.js'

export interface FlagSpec {
  readonly type: 'boolean' | 'string'
  /** May be given several times; its value is the list of all. */
  readonly multiple?: true
  readonly short?: string
  readonly summary: string
  /** How the value is named in help. */
  readonly value?: string
  readonly options?: readonly string[]
}

/** `call`: a server, one of its tools, the tool's arguments. `none`: nothing can be known. */
export type NameKind = 'servers' | 'call' | 'clients' | 'shells' | 'files' | 'none'

export type FlagTable = Readonly<Record<string, FlagSpec>>

export type FlagValues<F extends FlagTable> = {
  readonly [K in keyof F]: (F[K]['type'] extends 'boolean' ? boolean : F[K] extends { readonly multiple: true } ? readonly string[] : string) | undefined
}

/** Where a verb may write and what it may ask: nothing else of the process. */
export interface Io {
  readonly env: NodeJS.ProcessEnv
  /** Throws USAGE when the current folder was deleted: most commands need none. */
  readonly cwd: string
  /** Data for whoever called; `out` ends lines itself. */
  readonly out: (text: string) => void
  /** Messages and progress; silent under --json. */
  readonly say: (text: string) => void
  readonly outTerminal: Terminal
  readonly sayTerminal: Terminal
  readonly json: boolean
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
}

export interface Outcome {
  readonly exitStatus?: number
  /** Printed under --json with its schemaVersion; verbs that stream print their own lines and leave this out. */
  readonly json?: Record<string, unknown>
}

/**
 * One command: how it is called and what it does. The same table feeds the quick path and oclif (help, completion,
 * error messages); see docs/decisions/0003.
 */
export interface Verb<F extends FlagTable = FlagTable> {
  /** Words of the command: "status", "daemon run". */
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly examples: readonly string[]
  /** Name of the positional arguments; none when absent. */
  readonly names?: {
    readonly summary: string
    readonly required: boolean
    /** How they are written in help, where they are more than a list of names: "SERVER TOOL [KEY=VALUE...]". */
    readonly usage?: string
    /** What a shell offers in their place. Default: names of servers. */
    readonly complete?: NameKind
  }
  readonly flags: F
  run(input: { readonly names: readonly string[]; readonly flags: FlagValues<F> }, io: Io): Promise<Outcome>
}

/** Keeps the flag types of a verb while it is written down. */
export function defineVerb<const F extends FlagTable>(verb: Verb<F>): Verb<F> {
  return verb
}

export const JSON_FLAG: FlagSpec = { type: 'boolean', summary: 'Print one JSON document (or JSON lines) for programs.' }
