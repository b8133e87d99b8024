import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { TestHome } from './home.js'

export interface CliOptions {
  readonly home: TestHome
  /** Default: the home's project folder. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Text for stdin; default is no input at all. */
  readonly input?: string
  /** The command is killed and the call rejects after this long. Default 60 s. */
  readonly deadlineMs?: number
  /** The Node to run it with; default the one that runs the tests. */
  readonly node?: string
  /** The entry file; default the built CLI of this repository. */
  readonly bin?: string
}

export interface CliResult {
  /** 128 + number of the signal when a signal ended it, as a shell has it. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly elapsedMs: number
  /** stdout as one JSON document; throws with the whole output when it is none. */
  json(): Record<string, unknown>
  /** stdout as one JSON document a line. */
  jsonLines(): Record<string, unknown>[]
}

/** The entry file of the built CLI. */
export const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** The environment a test's CLI gets: nothing of ours that would change what it does. */
export function cliEnvironment(home: TestHome, extra: CliOptions['env'] = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(MCP_|MCPCTL_|VITEST|NODE_OPTIONS$|NODE_ENV$|CI$|NO_COLOR$|FORCE_COLOR$|TEST$)/.test(name))
  const all = { ...Object.fromEntries(kept), HOME: home.base, MCP_HOME: home.home, TERM: 'dumb', ...extra }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Runs `mcpctl ARGS` to its end. Rejects only when it does not end in time: an exit status is a result. */
export async function run(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const deadlineMs = options.deadlineMs ?? 60_000
  const startedAt = performance.now()
  const result = await start(args, { ...options, deadlineMs })
  const elapsedMs = performance.now() - startedAt
  const { stdout, stderr } = result
  if (result.timedOut) throw new Error(`mcpctl ${args.join(' ')} did not end within ${deadlineMs} ms\n${transcript(stdout, stderr)}`)
  const exitCode = result.exitCode ?? (result.signal ? 128 + constants.signals[result.signal] : Number.NaN)
  if (Number.isNaN(exitCode)) throw new Error(`mcpctl ${args.join(' ')} could not be run: ${String(result.cause)}`)
  return {
    exitCode,
    stdout,
    stderr,
    elapsedMs,
    json: () => parse(stdout, transcript(stdout, stderr)),
    jsonLines: () => stdout.split('\n').filter((line) => line.trim() !== '').map((line) => parse(line, transcript(stdout, stderr))),
  }
}

/**
 * Runs `mcpctl ARGS` and expects it to succeed: rejects with its whole output when the exit status is not 0.
 */
export async function runOk(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const result = await run(args, options)
  if (result.exitCode !== 0) throw new Error(`mcpctl ${args.join(' ')} ended with ${result.exitCode}\n${transcript(result.stdout, result.stderr)}`)
  return result
}

/**
 * Starts `mcpctl ARGS` and returns the running command (an execa subprocess) for tests that signal it or read it as
 * it goes (`logs -f`, `events`, `daemon run`). It is killed with SIGKILL at its deadline and when the tests end.
 */
export function start(args: readonly string[], options: CliOptions) {
  return execa(options.node ?? process.execPath, [options.bin ?? BIN, ...args], {
    cwd: options.cwd ?? options.home.project,
    env: cliEnvironment(options.home, options.env),
    extendEnv: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    timeout: options.deadlineMs ?? 60_000,
    killSignal: 'SIGKILL',
    reject: false,
    stripFinalNewline: false,
  })
}

function parse(text: string, whole: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below, with everything the command said.
  }
  throw new Error(`not a JSON object: ${text.slice(0, 200)}\n${whole}`)
}

function transcript(stdout: string, stderr: string): string {
  return `--- stdout\n${stdout}\n--- stderr\n${stderr}`
}
