import { createInterface } from 'node:readline/promises'
import type { Io } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'

/** Throws USAGE when a command that changes files can ask nobody and was not told to go ahead. */
export function checkMayAsk(io: Io, id: string, isTold: boolean): void {
  if (isTold || (process.stdin.isTTY && io.sayTerminal.interactive && !io.json)) return
  throw new McpctlError('USAGE', `${id} changes files and there is nobody to ask`, { hint: `Add --yes to go ahead, or --dry-run to see what would be done: mcpctl ${id} --dry-run`, details: { command: id, flags: ['yes', 'dry-run'] } })
}

/** Asks on the terminal; Enter means no. Throws INTERRUPTED on Ctrl-C. */
export async function confirm(io: Io, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: io.signal })
    return /^y(?:es)?$/i.test(answer.trim())
  } catch (error) {
    // The cursor is still behind the question.
    io.say('')
    if (io.signal.aborted || (error as Error).name === 'AbortError') throw new McpctlError('INTERRUPTED', 'interrupted; nothing was changed', { hint: 'Run it again when you are ready.', cause: error })
    throw error
  } finally {
    lines.close()
  }
}
