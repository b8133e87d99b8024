import type { FlagTable, FlagValues, Io, Verb } from '../../src/lib/cli/index.js'
import { completion } from '../../src/lib/verbs/completion.js'
import { logs } from '../../src/lib/verbs/logs.js'
import { status } from '../../src/lib/verbs/status.js'
import { stop } from '../../src/lib/verbs/stop.js'
import type { TestHome } from './home.js'

const PLAIN = { interactive: false, color: false, columns: Infinity, unicode: true }

/** `mcpctl stop`, run in this process: what a test does after itself need not cost the start of a command. Throws what the command would print. */
export async function stopHere(home: TestHome): Promise<void> {
  await runHere(stop, [], { 'keep-daemon': undefined }, home)
}

/** What `mcpctl logs NAME --tail all --json` prints. */
export function logsHere(home: TestHome, name: string): Promise<unknown[]> {
  return runHere(logs, [name], { tail: 'all' }, home).then(({ lines }) => lines.map((line) => JSON.parse(line) as unknown))
}

/** What `mcpctl status --json` prints. */
export async function statusHere(home: TestHome): Promise<Record<string, unknown>> {
  return { schemaVersion: 1, ...(await runHere(status, [], {}, home)).document }
}

/** What `mcpctl completion words -- TYPED...` prints, one a line. */
export function wordsHere(home: TestHome, ...typed: string[]): Promise<string[]> {
  return runHere(completion, ['words', ...typed], {}, home).then(({ document }) => document?.['lines'] as string[])
}

async function runHere<F extends FlagTable>(verb: Verb<F>, names: readonly string[], flags: Partial<FlagValues<F>>, home: TestHome): Promise<{ lines: string[]; document: Record<string, unknown> | undefined }> {
  const lines: string[] = []
  const io: Io = {
    env: { HOME: home.base, MCP_HOME: home.home }, cwd: home.project, out: (text) => void lines.push(text), say: () => undefined,
    outTerminal: PLAIN, sayTerminal: PLAIN, json: true, signal: new AbortController().signal,
  }
  const { json } = await verb.run({ names, flags: flags as FlagValues<F> }, io)
  return { lines, document: json }
}
