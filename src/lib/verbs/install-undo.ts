import type { ChangeRecord, ClientId } from '../clients/index.js'
import type { Io, Outcome } from '../cli/index.js'
import { resolveHome } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { enumerate, shortPath } from './init-text.js'

/** One file that was put back, or could not be. */
interface Undone {
  readonly client: ClientId
  readonly file: string
  readonly how: 'exact' | 'partial' | 'failed' | 'would'
  readonly error: McpctlError | null
}

export interface UndoOrder {
  readonly clients: readonly ClientId[] | null
  readonly isForced: boolean
  readonly isDryRun: boolean
}

/**
 * Puts the clients' files back byte for byte. A file that was edited since is refused; forced, only our own change is taken
 * back and the edits stay. Exits 1 when one could not be put back; throws USAGE when there is nothing to take back.
 */
export async function undoInstall({ clients, isForced, isDryRun }: UndoOrder, io: Io): Promise<Outcome> {
  const { readRecords, undoChain } = await import('../clients/index.js')
  const state = resolveHome(io.env).state
  const records = readRecords(state).filter(({ client, isUndone }) => !isUndone && (clients === null || clients.includes(client)))
  const files = [...new Set(records.map(({ file }) => file))]
  if (files.length === 0) {
    const whom = clients === null ? 'any client' : enumerate([...clients])
    throw new McpctlError('USAGE', `there is no change of ${whom} to take back`, { hint: 'mcpctl install remembers its changes under MCP_HOME; see that it is the one they were made with.', details: { clients, home: resolveHome(io.env).root } })
  }
  const undone: Undone[] = []
  for (const file of files) undone.push(await undoOne(undoChain(records, file), { state, isForced, isDryRun }))
  const failed = undone.filter(({ how }) => how === 'failed')
  const [first] = failed
  if (undone.length === 1 && first?.error) throw first.error
  if (!io.json) for (const each of undone) io.out(describe(each, io))
  return { exitStatus: failed.length > 0 ? 1 : 0, json: { undo: true, dryRun: isDryRun, files: undone.map(({ error, ...rest }) => ({ ...rest, error: error?.message ?? null })) } }
}

function describe({ client, file, how, error }: Undone, io: Io): string {
  const path = shortPath(file, io)
  if (how === 'exact') return `${client}: ${path} is what it was before, byte for byte`
  if (how === 'partial') return `${client}: ${path} has its own servers again; what was edited since stays`
  return how === 'would' ? `${client}: ${path} would be put back` : `${client}: ${error?.message ?? ''} (${error?.hint ?? ''})`
}

interface UndoContext {
  readonly state: string
  readonly isForced: boolean
  readonly isDryRun: boolean
}

async function undoOne(chain: readonly ChangeRecord[], { state, isForced, isDryRun }: UndoContext): Promise<Undone> {
  const { readTextFile, undoChanges } = await import('../clients/index.js')
  const [newest] = chain
  if (newest === undefined) throw new McpctlError('INTERNAL', 'a change without a record')
  const { client, file } = newest
  try {
    const isEdited = readTextFile(file).hash !== newest.hashAfter
    if (isEdited && !isForced) throw edited(newest)
    if (isDryRun) return { client, file, how: 'would', error: null }
    if (!isEdited) undoChanges(chain, state)
    else await undoPartly(chain, state)
    return { client, file, how: isEdited ? 'partial' : 'exact', error: null }
  } catch (error) {
    if (!(error instanceof McpctlError)) throw error
    return { client, file, how: 'failed', error }
  }
}

function edited({ file, client, folder }: ChangeRecord): McpctlError {
  return new McpctlError('FILE_CHANGED', `${file} was edited since mcpctl changed it; it was left as it is`, {
    hint: `mcpctl install ${client} --undo --force takes only mcpctl's change back and keeps the edits; the file as it was is ${folder}/original.`,
    details: { file, copy: `${folder}/original` },
  })
}

async function undoPartly(chain: readonly ChangeRecord[], state: string): Promise<void> {
  const { CLIENTS, encodeFor, markUndone, originalOf, planPartialUndo, readTextFile, replaceFile } = await import('../clients/index.js')
  const oldest = chain.at(-1)
  const [newest] = chain
  if (oldest === undefined || newest === undefined) return
  const bytes = originalOf(oldest)
  const now = readTextFile(newest.file)
  const original = { ...now, bytes, text: bytes.toString('utf8').replace(/^\uFEFF/, ''), exists: oldest.hashBefore !== null }
  const place = { client: newest.client, scope: 'user', file: newest.file, path: [CLIENTS[newest.client].rootKey], project: null } as const
  if (now.exists) replaceFile(now, encodeFor(now, await planPartialUndo(place, original, now, newest.entry)), now.hash)
  // A file that mcpctl made, and that is gone, is as it was.
  else if (original.exists) replaceFile({ ...now, mode: oldest.mode }, bytes, now.hash)
  markUndone(chain, state)
}
