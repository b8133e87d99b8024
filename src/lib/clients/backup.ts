import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRecord } from '../config/index.js'
import { McpctlError } from '../errors/index.js'
import { CLIENT_IDS, type ClientId } from './client.js'
import { checkUnchanged, hashOf, readTextFile, reasonOf, replaceFile, type TextFile } from './text-file.js'

/** What was changed in one file of a client, kept with the bytes from before. */
export interface ChangeRecord {
  /** Folder of the record. */
  readonly folder: string
  readonly client: ClientId
  readonly file: string
  /** Name of the entry that was put in. */
  readonly entry: string
  readonly at: number
  /** Null: the file did not exist. */
  readonly hashBefore: string | null
  readonly hashAfter: string
  readonly mode: number
  /** Folders that were made for it. */
  readonly madeFolders: readonly string[]
  /** Already taken back. */
  readonly isUndone: boolean
}

/** Records of changes that were taken back are of no use for long. */
const KEPT_UNDONE = 10

/** Where records are, below the state folder of an `MCP_HOME`. */
export function recordFolder(stateFolder: string): string {
  return join(stateFolder, 'clients')
}

/**
 * Writes the new content of a client's file, its bytes from before kept under the state folder first (0600).
 * Throws FILE_CHANGED when the file is not what was read, FILE_UNWRITABLE; then nothing was changed.
 */
export function changeFile(stateFolder: string, change: { readonly client: ClientId; readonly entry: string; readonly before: TextFile; readonly bytes: Buffer }): ChangeRecord {
  const { client, entry, before, bytes } = change
  checkUnchanged(before.file, before.hash)
  const at = Date.now()
  const folder = makeRecordFolder(stateFolder, `${new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${client}-${(before.hash ?? 'new').slice(0, 8)}`)
  const record = { client, file: before.file, entry, at, hashBefore: before.hash, hashAfter: hashOf(bytes), mode: before.mode, madeFolders: [], isUndone: false }
  try {
    writeFileSync(join(folder, 'original'), before.bytes, { mode: 0o600, flag: 'wx' })
    writeRecord(folder, record)
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true })
    throw new McpctlError('FILE_UNWRITABLE', `cannot keep a copy of ${before.file} in ${folder}: ${reasonOf(cause)}`, { hint: 'Make some room there, or set MCP_HOME to another folder; nothing was changed.', details: { folder }, cause })
  }
  try {
    const madeFolders = replaceFile(before, bytes, before.hash)
    const done = { ...record, madeFolders }
    if (madeFolders.length > 0) writeRecord(folder, done)
    return { ...done, folder }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function makeRecordFolder(stateFolder: string, name: string): string {
  const all = recordFolder(stateFolder)
  try {
    mkdirSync(all, { recursive: true, mode: 0o700 })
    for (let number = 1; ; number++) {
      const folder = join(all, number === 1 ? name : `${name}-${number}`)
      try {
        mkdirSync(folder, { mode: 0o700 })
        return folder
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  } catch (cause) {
    throw new McpctlError('FILE_UNWRITABLE', `cannot make a folder for copies in ${all}: ${reasonOf(cause)}`, { hint: 'Make it writable, or set MCP_HOME to another folder; nothing was changed.', details: { folder: all }, cause })
  }
}

function writeRecord(folder: string, record: Omit<ChangeRecord, 'folder'>): void {
  writeFileSync(join(folder, 'record.json'), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
}

/** Every change that was recorded, the newest first; what cannot be read is passed over. */
export function readRecords(stateFolder: string): ChangeRecord[] {
  const all = recordFolder(stateFolder)
  const names = listFolder(all)
  return names.flatMap((name) => readRecord(join(all, name))).sort((a, b) => b.at - a.at || (a.folder < b.folder ? 1 : -1))
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readRecord(folder: string): ChangeRecord[] {
  try {
    const data: unknown = JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8'))
    if (!isRecord(data)) return []
    const { file, entry, at, hashBefore, hashAfter, mode, madeFolders, isUndone } = data
    const client = CLIENT_IDS.find((id) => id === data['client'])
    const isComplete = typeof file === 'string' && typeof entry === 'string' && typeof at === 'number' && typeof hashAfter === 'string' && typeof mode === 'number'
    if (client === undefined || !isComplete || (hashBefore !== null && typeof hashBefore !== 'string')) return []
    const made = Array.isArray(madeFolders) ? madeFolders.filter((each) => typeof each === 'string') : []
    return [{ folder, client, file, entry, at, hashBefore, hashAfter, mode, madeFolders: made, isUndone: isUndone === true }]
  } catch {
    return []
  }
}

/**
 * The changes of one file that undoing takes back, the newest first: those that follow each other without anybody else's
 * change in between.
 */
export function undoChain(records: readonly ChangeRecord[], file: string): ChangeRecord[] {
  const chain: ChangeRecord[] = []
  for (const record of records) {
    if (record.file !== file || record.isUndone) continue
    const later = chain.at(-1)
    if (later !== undefined && later.hashBefore !== record.hashAfter) break
    chain.push(record)
  }
  return chain
}

/** The bytes the file had before the change. */
export function originalOf(record: ChangeRecord): Buffer {
  const bytes = record.hashBefore === null ? Buffer.alloc(0) : readOriginal(record)
  if (record.hashBefore !== null && hashOf(bytes) !== record.hashBefore) {
    throw new McpctlError('CONFIG_UNREADABLE', `the copy in ${record.folder} is damaged`, { hint: 'Take what is usable from it by hand.', details: { folder: record.folder } })
  }
  return bytes
}

function readOriginal({ folder }: ChangeRecord): Buffer {
  try {
    return readFileSync(join(folder, 'original'))
  } catch (cause) {
    throw new McpctlError('CONFIG_UNREADABLE', `cannot read the copy in ${folder}: ${reasonOf(cause)}`, { hint: 'Without the copy the file cannot be put back; edit it by hand.', details: { folder }, cause })
  }
}

/**
 * Puts the file back byte for byte as it was before the chain of changes; one that did not exist is removed, with the folders
 * that were made for it when they are empty. Throws FILE_CHANGED when it was edited since.
 */
export function undoChanges(chain: readonly ChangeRecord[], stateFolder: string): void {
  const [newest] = chain
  const oldest = chain.at(-1)
  if (newest === undefined || oldest === undefined) return
  const now = readTextFile(newest.file)
  checkUnchanged(now.file, newest.hashAfter)
  if (oldest.hashBefore === null) removeFile(now, chain.flatMap(({ madeFolders }) => madeFolders))
  else replaceFile({ ...now, mode: oldest.mode }, originalOf(oldest), newest.hashAfter)
  markUndone(chain, stateFolder)
}

function removeFile({ file, real }: TextFile, folders: readonly string[]): void {
  try {
    rmSync(real)
  } catch (cause) {
    throw new McpctlError('FILE_UNWRITABLE', `cannot remove ${file}: ${reasonOf(cause)}`, { hint: 'Make its folder writable for you.', details: { file }, cause })
  }
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
    try {
      rmdirSync(folder)
    } catch {
      // Something else is in it by now.
    }
  }
}

/** Remembers that the changes were taken back, and forgets the oldest of those. */
export function markUndone(chain: readonly ChangeRecord[], stateFolder: string): void {
  for (const { folder, ...record } of chain) writeRecord(folder, { ...record, isUndone: true })
  const undone = readRecords(stateFolder).filter(({ isUndone }) => isUndone)
  for (const { folder } of undone.slice(KEPT_UNDONE)) rmSync(folder, { recursive: true, force: true })
}
