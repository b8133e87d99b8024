import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDossier, type Dossier } from './dossier.js'
import { fitDossier } from './dossier-fit.js'

/** Stands in the state folder of a home and holds a folder for each server. */
export const DOSSIER_FOLDER = 'crashes'
/** Dossiers kept of one server. */
export const KEPT_DOSSIERS = 10
export const MAX_DOSSIER_BYTES = 64 * 1024
const GONE_MS = 30 * 24 * 3600 * 1000
const FILE = /^(\d{1,16})-g(\d{1,10})\.json$/
/** What a daemon that was killed while it wrote has left. */
const DRAFT = /^\d{1,16}-g\d{1,10}\.json\.draft$/

export interface StoredDossier {
  readonly file: string
  readonly dossier: Dossier
}

export interface StoredDossiers {
  /** Newest first. */
  readonly found: readonly StoredDossier[]
  /** Files that cannot be read, and why. */
  readonly damaged: readonly { readonly file: string; readonly why: string }[]
}

/**
 * Writes one dossier into the folder of its server, all or nothing, and removes the oldest beyond 10. Only for one writer at
 * a time. Rejects with the error of the file system.
 */
export async function writeDossier(directory: string, name: string, dossier: Dossier): Promise<void> {
  const folder = join(directory, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = await listFiles(folder)
  const path = join(folder, freeName(dossier, new Set(files)))
  await writeWhole(path, fitDossier(dossier, MAX_DOSSIER_BYTES))
  const drafts = (await readdir(folder)).filter((file) => DRAFT.test(file))
  for (const file of [...files.slice(KEPT_DOSSIERS - 1), ...drafts]) await rm(join(folder, file), { force: true })
}

/** Processes of the same server for two sessions can end in the same moment. */
function freeName({ endedAt, generation }: Dossier, taken: ReadonlySet<string>): string {
  let at = Math.max(0, Math.round(endedAt))
  while (taken.has(`${at}-g${generation}.json`)) at++
  return `${at}-g${generation}.json`
}

/** Under another name first, so that nobody ever sees half of it. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`
  await rm(draft, { force: true })
  try {
    // Fails where something stands that is not ours, a link above all.
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
    } finally {
      await handle.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
}

/** The dossiers of a server, the newest first, at most `most`. A file that cannot be read or understood is named, not read. */
export async function readDossiers(directory: string, name: string, most = KEPT_DOSSIERS): Promise<StoredDossiers> {
  const folder = join(directory, name)
  const found: StoredDossier[] = []
  const damaged: { file: string; why: string }[] = []
  for (const entry of await listFiles(folder)) {
    if (found.length >= most) break
    const file = join(folder, entry)
    try {
      found.push({ file, dossier: parseDossier(await readBounded(file)) })
    } catch (error) {
      // Removed by the daemon since the list was made.
      if (isMissing(error)) continue
      damaged.push({ file, why: error instanceof SyntaxError ? 'it is not valid JSON' : error instanceof Error ? error.message : String(error) })
    }
  }
  return { found, damaged }
}

/** Servers that have dossiers. */
export async function listDossierNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()
}

/**
 * Removes the folders whose newest dossier is older than 30 days: those of servers that are gone, or that have been well
 * since. Resolves with their names; what cannot be removed stays.
 */
export async function removeOldDossiers(directory: string, now: number): Promise<string[]> {
  const removed: string[] = []
  for (const name of await listDossierNames(directory)) {
    const folder = join(directory, name)
    try {
      const files = await listFiles(folder)
      const newest = files[0] === undefined ? (await stat(folder)).mtimeMs : timeOf(files[0])
      if (now - newest < GONE_MS) continue
      // Only what is ours: a folder that holds anything else stays.
      for (const file of await readdir(folder)) if (FILE.test(file) || DRAFT.test(file)) await rm(join(folder, file), { force: true })
      await rmdir(folder)
      removed.push(name)
    } catch {
      // It is looked at again at the next start.
    }
  }
  return removed
}

/** Names of the dossiers in a folder, the newest first; none when there is no such folder. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => [])
  return entries.filter((entry) => FILE.test(entry)).sort((a, b) => timeOf(b) - timeOf(a) || generationOf(b) - generationOf(a))
}

function timeOf(file: string): number {
  return Number(FILE.exec(file)?.[1] ?? 0)
}

function generationOf(file: string): number {
  return Number(FILE.exec(file)?.[2] ?? 0)
}

async function readBounded(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > 4 * MAX_DOSSIER_BYTES) throw new Error(`it has ${size} bytes`)
  return readFile(file, 'utf8')
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
