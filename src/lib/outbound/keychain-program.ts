import { OutboundError } from './failure.js'
import { runProgram, type Program, type ProgramEnd } from './run-program.js'

/** Time for a person to unlock it. */
const KEYCHAIN_LIMIT_MS = 60_000

export type Ended = Extract<ProgramEnd, { type: 'ended' }>

/** Runs the program of a keychain. Rejects with OutboundError when it gives no answer; `install`: what to do when there is no such program. */
export async function askKeychain(program: Program, signal: AbortSignal, install: string): Promise<Ended> {
  const end = await runProgram(program, signal, KEYCHAIN_LIMIT_MS)
  if (end.type === 'ended') return end
  const message = `the keychain cannot be asked: ${program.command} ${end.why}`
  if (end.cause === 'missing' || end.cause === 'unstartable') throw new OutboundError('refused', message, { hint: install })
  throw new OutboundError('unreachable', message, { hint: 'It may be waiting for somebody to unlock the keychain.' })
}
