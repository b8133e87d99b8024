import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, writeSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { McpctlError } from '../errors/index.js'
import { readErrorCode } from './launch-error.js'

const WORLD_WRITABLE = 0o002

/**
 * Writes `dir/NAME.pid`: the pid and a newline, mode 0600. The content goes to a new file that is renamed into place, so
 * a link planted under the name is replaced, never followed. Synchronous: 0.1 ms, a third of what 200 of them cost
 * through the thread pool.
 * @throws McpctlError HOME_UNUSABLE when the folder cannot be used, is a link, or belongs to somebody else.
 */
export function writePidFile(dir: string, name: string, pid: number): void {
  const path = pidFilePath(dir, name)
  const temporary = join(dir, `.${name}.${process.pid}.tmp`)
  claimDirectory(dir)
  try {
    const fd = createExclusively(temporary)
    try {
      writeSync(fd, `${pid}\n`)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    removeQuietly(temporary)
    throw unusable(dir, `${path} cannot be written (${readErrorCode(error) ?? String(error)})`, error)
  }
}

/** Removes `dir/NAME.pid` if it still holds this pid; a file that was replaced meanwhile stays. Never throws for an absent file. */
export function removePidFile(dir: string, name: string, pid: number): void {
  const path = pidFilePath(dir, name)
  if (readPid(path) === pid) removeQuietly(path)
}

/**
 * Removes the PID files of these servers, half-written ones too. For the holder of the home's lock, which knows that
 * nothing of the sort runs; other files in the folder are not ours.
 */
export function clearPidFiles(dir: string, names: readonly string[]): void {
  const wanted = new Set(names)
  let entries: string[]
  try {
    entries = readdirSync(dir)
  } catch {
    return
  }
  for (const entry of entries) {
    const name = /^(.+)\.pid$/.exec(entry)?.[1] ?? /^\.(.+)\.\d+\.tmp$/.exec(entry)?.[1]
    if (name !== undefined && wanted.has(name)) removeQuietly(join(dir, entry))
  }
}

function pidFilePath(dir: string, name: string): string {
  // Names are checked by the configuration; here it is about never leaving the folder, whatever happens there.
  if (!/^[^./\\\0][^/\\\0]{0,199}$/.test(name)) {
    throw new McpctlError('INTERNAL', `${JSON.stringify(name)} cannot be the name of a PID file`)
  }
  return join(dir, `${name}.pid`)
}

function claimDirectory(dir: string): void {
  let found: Stats
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    found = lstatSync(dir)
  } catch (error) {
    const code = readErrorCode(error) ?? String(error)
    throw unusable(dir, code === 'EEXIST' || code === 'ENOTDIR' ? `${dir} is not a folder` : `${dir} cannot be created (${code})`, error)
  }
  const owner = process.geteuid?.()
  if (found.isSymbolicLink()) throw unusable(dir, `${dir} is a symbolic link`)
  if (!found.isDirectory()) throw unusable(dir, `${dir} is not a folder`)
  if (owner !== undefined && found.uid !== owner) throw unusable(dir, `${dir} belongs to another user (uid ${found.uid})`)
  if (owner !== undefined && (found.mode & WORLD_WRITABLE) !== 0) throw unusable(dir, `${dir} can be written by every user`)
}

function unusable(dir: string, message: string, cause?: unknown): McpctlError {
  return new McpctlError('HOME_UNUSABLE', `PID files: ${message}`, {
    hint: 'Make it a folder that only you can write to, or set MCP_PID_DIR to one.', details: { dir }, cause,
  })
}

/** A file left by a crash of an earlier process with the same pid is in the way once. */
function createExclusively(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  try {
    return openSync(path, flags, 0o600)
  } catch (error) {
    if (readErrorCode(error) !== 'EEXIST') throw error
    unlinkSync(path)
    return openSync(path, flags, 0o600)
  }
}

function readPid(path: string): number | null {
  try {
    if (!lstatSync(path).isFile()) return null
    const text = readFileSync(path, 'latin1')
    return /^\d+\n$/.test(text) ? Number(text) : null
  } catch {
    return null
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Absent is what was wanted; anything else shows at the next write.
  }
}
