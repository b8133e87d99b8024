import { realpathSync, rmdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { shortHash } from '../base/index.js'
import { acquireLock, homeUnusable, type Home } from '../control/index.js'
import { forgetPidNames, readPidNames } from './pid-names.js'
import { clearPidFiles, createSweeper, type Sweeper, type SweepReport } from '../process/index.js'

/** Survivors of a daemon that was killed get this long to end by themselves. */
const SURVIVOR_GRACE_MS = 500

/** The first part of the mark that every process of this home carries. */
export function homeMark(home: Home): string {
  return shortHash(realpathSync(home.root))
}

/** Ends processes of this home whose daemon was killed together with its watchdog: they carry our mark, nothing else is touched. */
export async function endSurvivors(home: Home, sweeper: Sweeper): Promise<SweepReport> {
  const report = await sweeper.end({ prefix: `${homeMark(home)}:` }, SURVIVOR_GRACE_MS)
  clearPidFiles(home.pids, readPidNames(home))
  forgetPidNames(home)
  return report
}

/** Removes what a daemon keeps in its run folder. Only for the holder of the lock. */
export function removeRunFiles(home: Home): void {
  if (process.platform !== 'win32') {
    removeFile(home.socket)
    removeFile(home.gatewaySocket)
  }
  removeFile(home.daemonFile)
  if (dirname(home.socket) === home.run) return
  try {
    rmdirSync(dirname(home.socket))
  } catch {
    // Not empty or already gone: nothing of ours.
  }
}

function removeFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch (error) {
    throw homeUnusable(path, error)
  }
}

/**
 * Cleans up after a daemon that was killed, without starting another: processes, PID files, socket. Null when a
 * daemon holds this home.
 */
export async function cleanUpHome(home: Home): Promise<SweepReport | null> {
  const lock = await acquireLock(home).catch((error: NodeJS.ErrnoException) => {
    // Where nothing can be written no daemon can be starting either: what is left can still be ended.
    if (['ENOSPC', 'EDQUOT', 'EROFS'].includes(error.code ?? '')) return { release: () => undefined }
    throw homeUnusable(home.state, error)
  })
  if (lock === null) return null
  try {
    const report = await endSurvivors(home, createSweeper())
    removeRunFiles(home)
    return report
  } finally {
    lock.release()
  }
}
