import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { McpctlError } from '../errors/index.js'

/** A file as it was read, so that it can be written back without a byte changed that was not meant to be. */
export interface TextFile {
  readonly file: string
  /** Behind symbolic links; what is written. */
  readonly real: string
  readonly exists: boolean
  /** As on disk; empty when the file does not exist. */
  readonly bytes: Buffer
  /** Without the byte order mark. */
  readonly text: string
  readonly hasMark: boolean
  /** SHA-256 in hex; null when the file does not exist. */
  readonly hash: string | null
  readonly mode: number
}

const MAX_BYTES = 64 * 1024 ** 2
const MARK = '\uFEFF'
const NEW_FILE_MODE = 0o600

/** Reads a file that may not exist. Throws CONFIG_UNREADABLE or, when it is not UTF-8, CONFIG_SYNTAX. */
export function readTextFile(file: string): TextFile {
  const found = readBytesOf(file)
  if (found === null) return { file, real: realTarget(file), exists: false, bytes: Buffer.alloc(0), text: '', hasMark: false, hash: null, mode: NEW_FILE_MODE }
  const { bytes, stat } = found
  const whole = decode(file, bytes)
  const hasMark = whole.startsWith(MARK)
  return { file, real: realTarget(file), exists: true, bytes, text: hasMark ? whole.slice(1) : whole, hasMark, hash: hashOf(bytes), mode: stat.mode & 0o7777 }
}

function readBytesOf(file: string): { bytes: Buffer; stat: Stats } | null {
  try {
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat === undefined) return null
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > MAX_BYTES) throw new Error('it is larger than 64M')
    return { bytes: readFileSync(file), stat }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR') return null
    throw new McpctlError('CONFIG_UNREADABLE', `cannot read ${file}: ${reasonOf(cause)}`, { hint: 'Give yourself the right to read it, or leave this client out.', details: { file }, cause })
  }
}

function decode(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new McpctlError('CONFIG_SYNTAX', `${file}: the file is not UTF-8 text`, { hint: 'Save it with the encoding UTF-8.', details: { file }, cause })
  }
}

/** SHA-256 in hex. */
export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The bytes of a text in this file: with its byte order mark. */
export function encodeFor(file: Pick<TextFile, 'hasMark'>, text: string): Buffer {
  return Buffer.from(file.hasMark ? MARK + text : text)
}

/** The line end the text uses. */
export function lineEndOf(text: string): '\n' | '\r\n' {
  return /\r\n/.test(text) ? '\r\n' : '\n'
}

/**
 * Replaces the content in one step (a temporary file beside it, then rename), through a symbolic link, with mode and owner
 * kept. `expected` is the hash the file must still have, null: it must not exist. Returns the folders it had to make.
 * Throws FILE_CHANGED or FILE_UNWRITABLE.
 */
export function replaceFile(target: { readonly file: string; readonly real: string; readonly mode: number }, bytes: Buffer, expected: string | null): string[] {
  const { file, real, mode } = target
  const made: string[] = []
  const temporary = join(dirname(real), `.${basename(real)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    makeFolders(dirname(real), made)
    writeWhole(temporary, bytes, mode)
    keepOwner(temporary, real)
    // As late as possible: what somebody saves after this is lost, and that is the time of one rename.
    checkUnchanged(file, expected)
    renameSync(temporary, real)
    return made
  } catch (cause) {
    rmSync(temporary, { force: true })
    if (cause instanceof McpctlError) throw cause
    throw new McpctlError('FILE_UNWRITABLE', `cannot write ${file}: ${reasonOf(cause)}`, { hint: 'Make the file and its folder writable for you; nothing was changed.', details: { file }, cause })
  }
}

/** Throws FILE_CHANGED when the file is not what it was when it was looked at. */
export function checkUnchanged(file: string, expected: string | null): void {
  const now = readTextFile(file).hash
  if (now === expected) return
  const what = now === null ? 'was removed' : expected === null ? 'was created' : 'was changed'
  throw new McpctlError('FILE_CHANGED', `${file} ${what} by somebody else meanwhile; it was left as it is`, { hint: 'Run the command again: it looks at the file anew.', details: { file, expected, found: now } })
}

function makeFolders(folder: string, made: string[]): void {
  if (existsSync(folder)) return
  makeFolders(dirname(folder), made)
  mkdirSync(folder, { mode: 0o755 })
  made.push(folder)
}

function writeWhole(file: string, bytes: Buffer, mode: number): void {
  const descriptor = openSync(file, 'wx', mode)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  // The mask of the process has no say in what the mode was.
  chmodSync(file, mode)
}

function keepOwner(temporary: string, real: string): void {
  const stat = statSync(real, { throwIfNoEntry: false })
  if (stat === undefined || process.getuid === undefined || (stat.uid === process.getuid() && stat.gid === process.getgid?.())) return
  try {
    chownSync(temporary, stat.uid, stat.gid)
  } catch {
    // Not allowed: then the file is ours from now on, as with any editor.
  }
}

function realTarget(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

export function reasonOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  const known: Record<string, string> = { EACCES: 'permission denied', EPERM: 'operation not permitted', EROFS: 'the file system is read-only', ENOSPC: 'no space left on the device', EISDIR: 'it is a folder', ENOTDIR: 'a part of the path is a file', ELOOP: 'symbolic links in a circle' }
  return (code !== undefined && known[code]) || (cause instanceof Error ? cause.message : String(cause))
}
