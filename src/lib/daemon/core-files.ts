import { execFile } from 'node:child_process'

const LIMIT_MS = 2_000

/**
 * From now on neither this process nor what it starts leaves a core file when it crashes: those hold every secret the
 * server knew. Where there is no prlimit (util-linux) the limit of the shell stays.
 */
export function forbidCoreFiles(): Promise<void> {
  if (process.platform !== 'linux') return Promise.resolve()
  return new Promise((resolve) => {
    execFile('prlimit', ['--pid', String(process.pid), '--core=0'], { timeout: LIMIT_MS }, () => resolve())
  })
}
