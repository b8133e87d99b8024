import { McpctlError, asMcpctlError, toErrorDocument } from '../errors/index.js'
import { renderError } from './render-error.js'
import { createPaint } from './style.js'
import { describeTerminal } from './terminal.js'
import type { FlagTable, FlagValues, Io, Verb } from './verb.js'

/** The version of every JSON document mcpctl prints: fields are only added under the same number. */
export const SCHEMA_VERSION = 1

/**
 * Runs one verb against the real process: output, Ctrl-C, errors, exit status. The promise never rejects; the
 * process ends by itself when nothing is left open.
 */
export async function runVerb<F extends FlagTable>(verb: Verb<F>, input: { names: readonly string[]; flags: FlagValues<F> }, json: boolean): Promise<void> {
  const abort = new AbortController()
  const interrupt = (): void => {
    // The second Ctrl-C does not wait for anything.
    // eslint-disable-next-line no-restricted-properties
    if (abort.signal.aborted) process.exit(130)
    abort.abort()
  }
  process.on('SIGINT', interrupt)
  quietBrokenPipes()
  const io = createIo(json, abort.signal)
  try {
    const outcome = await verb.run(input, io)
    if (json && outcome.json) io.out(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...outcome.json }))
    process.exitCode = abort.signal.aborted ? 130 : (outcome.exitStatus ?? 0)
  } catch (error) {
    reportError(abort.signal.aborted && !tellsOfInterrupt(error) ? interrupted() : error, json)
  } finally {
    process.removeListener('SIGINT', interrupt)
  }
}

/**
 * Ends the process once what was written is out. A configuration that is code may have left timers or sockets behind;
 * they must not keep the command from ending.
 */
export async function leave(): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))))
  // eslint-disable-next-line no-restricted-properties
  process.exit()
}

/** Prints an error where its reader looks for it and sets the exit status. */
export function reportError(error: unknown, json: boolean): void {
  const known = asMcpctlError(error)
  process.exitCode = known.exitStatus
  if (json) process.stdout.write(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, error: toErrorDocument(known) })}\n`)
  else process.stderr.write(renderError(known, createPaint(describeTerminal(process.stderr, process.env).color), process.env['MCP_LOG_LEVEL'] === 'debug'))
}

function createIo(json: boolean, signal: AbortSignal): Io {
  return {
    env: process.env,
    get cwd() {
      return currentFolder()
    },
    out: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => {
      if (!json) process.stderr.write(`${text}\n`)
    },
    outTerminal: describeTerminal(process.stdout, process.env),
    sayTerminal: describeTerminal(process.stderr, process.env),
    json,
    signal,
  }
}

function currentFolder(): string {
  try {
    return process.cwd()
  } catch (error) {
    throw new McpctlError('USAGE', 'the current folder does not exist any more', { hint: 'Go to another folder, or name the configuration with --config /absolute/path.', cause: error })
  }
}

/** `mcpctl logs | head` is no error, and progress that nobody reads is none either. */
function quietBrokenPipes(): void {
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.stderr.write(`error: cannot write the output: ${error.message}\n`)
    // eslint-disable-next-line no-restricted-properties
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
}

/** A verb may know better than this room what became of its work. */
function tellsOfInterrupt(error: unknown): boolean {
  return error instanceof McpctlError && error.code === 'INTERRUPTED' && error.hint !== undefined
}

function interrupted(): McpctlError {
  return new McpctlError('INTERRUPTED', 'interrupted; what was started goes on in the background', { hint: 'See mcpctl status.' })
}
