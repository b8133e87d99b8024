import { createMask } from '../base/index.js'
import { OutboundError } from './failure.js'
import { runProgram } from './run-program.js'

export interface TokenCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
}

const LIMIT_MS = 30_000
const MAX_SAID_CHARS = 200

/** Runs a command that prints a token, for at most 30 s. Rejects with OutboundError. Aborting ends it. */
export async function runTokenCommand(command: TokenCommand, signal: AbortSignal, limitMs = LIMIT_MS): Promise<string> {
  const end = await runProgram(command, signal, limitMs)
  if (end.type === 'ended' && end.status === 0) return end.output
  const why = end.type === 'stopped' ? end.why : `ended with status ${end.status}`
  throw new OutboundError('refused', `the command ${command.command}, which is to print a token, ${why}${quote(end.said)}`, { hint: 'Run it in a terminal; it must print the token and nothing else on its standard output.' })
}

/** The last line on its standard error, with what looks like a secret hidden. */
export function quote(said: string): string {
  const line = said.trim().split('\n').at(-1)?.trim() ?? ''
  return line === '' ? '' : `; it said: ${createMask([])(line).slice(0, MAX_SAID_CHARS)}`
}
