import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { shortHash } from '../base/index.js'
import { McpctlError } from '../errors/index.js'

/** Where everything of one `MCP_HOME` lives. All absolute. */
export interface Home {
  readonly root: string
  readonly run: string
  readonly pids: string
  readonly logs: string
  readonly state: string
  readonly socket: string
  /** Where the clients of the servers come in: `mcpctl proxy`, `call`, `tools`. Beside the control socket. */
  readonly gatewaySocket: string
  /** Written by the daemon while it runs: who it is. */
  readonly daemonFile: string
  /** What the daemon itself has to say. */
  readonly daemonLog: string
}

/** A socket address holds 104 bytes on macOS and 108 on Linux; a longer path is cut without an error. */
const SOCKET_PATH_BYTES = 103

/**
 * The folders named by `MCP_HOME` (default ~/.mcp), `MCP_PID_DIR` and `MCP_LOG_DIR`; a leading `~` is the person's home
 * folder. Creates nothing.
 * The sockets move to the temporary folder when their paths would not fit a socket address.
 */
export function resolveHome(env: NodeJS.ProcessEnv): Home {
  const personal = env['HOME'] || homedir()
  const folder = (name: string, fallback: string): string => resolve((env[name]?.trim() || fallback).replace(/^~(?=$|[/\\])/, personal))
  const root = folder('MCP_HOME', join(personal, '.mcp'))
  const run = join(root, 'run')
  return {
    root,
    run,
    pids: folder('MCP_PID_DIR', join(root, 'pids')),
    logs: folder('MCP_LOG_DIR', join(root, 'logs')),
    state: join(root, 'state'),
    socket: socketPath(root, run, 'control'),
    gatewaySocket: socketPath(root, run, 'gateway'),
    daemonFile: join(run, 'daemon.json'),
    daemonLog: join(root, 'daemon.log'),
  }
}

function socketPath(root: string, run: string, name: 'control' | 'gateway'): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\mcpctl-${name === 'control' ? '' : `${name}-`}${userInfo().username}-${shortHash(root)}`
  const path = join(run, `${name}.sock`)
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES) return path
  return join(tmpdir(), `mcpctl-${process.getuid?.() ?? 0}-${shortHash(root)}`, `${name}.sock`)
}

/** Creates the folders (0700). Throws HOME_UNUSABLE with the path and what is wrong with it. */
export function ensureHome(home: Home): void {
  const folders = [home.root, home.run, home.pids, home.logs, home.state]
  if (process.platform !== 'win32') folders.push(dirname(home.socket))
  for (const folder of new Set(folders)) ensureFolder(folder)
}

function ensureFolder(folder: string): void {
  try {
    makeFolder(folder)
    const stat = lstatSync(folder)
    if (stat.isSymbolicLink() && folder.startsWith(tmpdir()) && stat.uid !== process.getuid?.()) throw new Error('it is a symbolic link')
    const uid = process.getuid?.()
    const isShared = folder.startsWith(tmpdir())
    if (uid !== undefined && (uid !== 0 || isShared) && !stat.isSymbolicLink() && stat.uid !== uid) throw new Error('it belongs to another user')
  } catch (error) {
    throw homeUnusable(folder, error)
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    // Node tells of a read-only file system as of a missing folder when it makes folders on the way.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !existsSync(dirname(folder))) throw error
    mkdirSync(folder, { mode: 0o700 })
  }
}

/** The error for a home folder that cannot be written to, with the way out. */
export function homeUnusable(path: string, cause: unknown): McpctlError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  const why: Record<string, string> = {
    EROFS: 'the file system is read-only',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    ENOSPC: 'no space left on the device',
    EDQUOT: 'the disk quota is used up',
    ENOTDIR: 'a part of the path is a file, not a folder',
    EEXIST: 'a file stands in its place',
    EISDIR: 'a folder stands in its place',
    ERR_FS_EISDIR: 'a folder stands in its place',
  }
  const reason = (code !== undefined && why[code]) || (cause instanceof Error ? cause.message : String(cause))
  return new McpctlError('HOME_UNUSABLE', `cannot use ${path}: ${reason}`, {
    hint: 'Make it writable or free some space, or set MCP_HOME to another folder.',
    details: { path, ...(code === undefined ? {} : { cause: code }) },
    cause,
  })
}
