import { accessSync, chmodSync, constants, existsSync, lstatSync, type Stats } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { formatBytes } from '../base/index.js'
import type { Home } from '../control/index.js'
import { fail, ok, warn, type Finding } from './doctor-finding.js'

const GROUP_OR_OTHERS = 0o077
const GROUP_OR_OTHERS_WRITE = 0o022
/** Below this, state can soon not be written any more; a single rotated log is 10 MB. */
const LITTLE_BYTES = 500 * 1024 ** 2
const NOTHING_BYTES = 50 * 1024 ** 2

/** Whether the home can be used, and by nobody else. */
export function checkHome(home: Home): Finding[] {
  const existing = existsSync(home.root) ? home.root : dirname(home.root)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
  } catch (error) {
    return [fail('home', `${existing} cannot be written: ${error instanceof Error ? error.message : String(error)}`, 'Make it writable, or set MCP_HOME to another folder.')]
  }
  if (existing !== home.root) return [ok('home', `${home.root} (not there yet: the first start makes it)`)]
  const open = openPlaces(home)
  return open.length === 0 ? [ok('home', `${home.root}, for its owner only`)] : open
}

function openPlaces(home: Home): Finding[] {
  if (process.platform === 'win32') return []
  // Folders for PID files and logs elsewhere are somebody's choice, and may be shared on purpose.
  const folders = [home.root, home.run, home.pids, home.logs, home.state].filter((path) => path.startsWith(home.root)).concat(dirname(home.socket))
  const sockets = [home.socket, home.gatewaySocket]
  return [...new Set(folders)].map((path) => judgePlace(path, statOf(path), 0o700)).concat(sockets.map((path) => judgePlace(path, statOf(path), 0o600))).filter((finding) => finding !== null)
}

/** A place of ours that others can get at; null when there is none, or it is as it should be. */
export function judgePlace(path: string, found: Pick<Stats, 'mode' | 'uid'> | null, mode: 0o700 | 0o600, owner = process.getuid?.()): Finding | null {
  if (found === null) return null
  if (owner !== undefined && owner !== 0 && found.uid !== owner) return fail('home', `${path} belongs to another user (uid ${found.uid})`, 'Set MCP_HOME to a folder of your own.')
  if ((found.mode & GROUP_OR_OTHERS) === 0) return null
  const wanted = mode.toString(8).padStart(4, '0')
  const detail = `${path} has mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}: ${(found.mode & GROUP_OR_OTHERS_WRITE) === 0 ? 'others can read it' : 'others can change it'}`
  const about = { repair: { does: `mode ${wanted} for ${path}`, apply: () => chmodSync(path, mode) } }
  const fix = `chmod ${wanted} ${path}, or mcpctl doctor --fix`
  return (found.mode & GROUP_OR_OTHERS_WRITE) === 0 ? warn('home', detail, fix, about) : fail('home', detail, fix, about)
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null
}

/** Room for logs, PID files and state. */
export async function checkDisk(home: Home): Promise<Finding[]> {
  const existing = [home.logs, home.root, dirname(home.root)].find((path) => existsSync(path)) ?? '/'
  const { bavail, bsize, ffree, files } = await statfs(existing)
  return [judgeDisk(existing, { freeBytes: bavail * bsize, freeFiles: files === 0 ? null : ffree })]
}

/** `freeFiles`: null where the file system has no fixed number of them. */
export function judgeDisk(path: string, { freeBytes, freeFiles }: { readonly freeBytes: number; readonly freeFiles: number | null }): Finding {
  const fix = `Free some space on the disk of ${path}; logs.maxSize and logs.keep bound what each server's log takes.`
  if (freeFiles !== null && freeFiles < 100) return fail('disk', `${path}: no file can be made there any more (${freeFiles} left)`, fix)
  const detail = `${path}: ${formatBytes(freeBytes)} free`
  if (freeBytes < NOTHING_BYTES) return fail('disk', detail, fix)
  return freeBytes < LITTLE_BYTES ? warn('disk', detail, fix) : ok('disk', detail)
}

/** A clock that was set back: ages, log searches and certificates are judged by it. */
export function checkClock(home: Home, now: number): Finding[] {
  const newest = Math.max(0, ...[home.daemonFile, home.daemonLog, home.state, home.run].map((path) => statOf(path)?.mtimeMs ?? 0))
  return [judgeClock(now, newest)]
}

const PLAUSIBLE_FROM = Date.UTC(2025, 0, 1)
const AHEAD_MS = 60_000

/** `newest`: when something of ours was written last, epoch milliseconds; 0: never. */
export function judgeClock(now: number, newest: number): Finding {
  const fix = 'Set the clock (timedatectl set-ntp true), then mcpctl daemon restart.'
  const shown = new Date(now).toISOString()
  if (now < PLAUSIBLE_FROM) return fail('clock', `the clock says ${shown}: certificates will be refused`, fix)
  if (newest > now + AHEAD_MS) return warn('clock', `the clock says ${shown}, but something was written here at ${new Date(newest).toISOString()}: it was set back`, fix)
  return ok('clock', shown)
}
