// The end of a soak: everything is stopped, and nothing of it may be left.
import fs from 'node:fs'
import path from 'node:path'
import { until } from './gate.mjs'

const STOP_MS = 30_000
const GONE_MS = 3000
const LOGS_MOST_BYTES = 32 * 2 ** 20

/** Stops the fleet, then lets the clients go. */
export async function endAll({ scratch, callers, sampling, violation, log, orphans }) {
  sampling.expectEnd(scratch.daemon()?.pid)
  const { code, isLate, elapsedMs, said } = await scratch.run(['stop'], STOP_MS)
  log(`mcpctl stop: exit ${code} after ${Math.round(elapsedMs)} ms`)
  if (isLate || code !== 0) violation(`mcpctl stop ${isLate ? `did not end within ${STOP_MS / 1000} s` : `ended with ${code}`}: ${said}`)
  sampling.stop()
  await callers.end()
  await until(() => scratch.processes().length === 0, GONE_MS)
  const left = scratch.processes()
  orphans.add(left)
  if (left.length > 0) violation(`left running after the end: ${left.map(({ pid, commandLine, marker }) => `${pid} ${commandLine ?? marker}`).join(', ').slice(0, 1000)}`)
  for (const file of findStray(scratch)) violation(`left on disk: ${file}`)
  checkLogs(scratch, violation)
}

/** Sockets, PID files, drafts of files that were being written, control groups, and whatever is in the temporary folder. */
function findStray({ home, temporary, mark }) {
  const inHome = list(home).filter((entry) => entry.isSocket() || path.basename(entry.parentPath) === 'pids' || /^daemon\.json$|\.tmp$|\.draft$|\.json\.\d+$|^\.#/.test(entry.name))
  const groups = fs.existsSync('/sys/fs/cgroup') ? list('/sys/fs/cgroup').filter((entry) => entry.isDirectory() && entry.name.includes(mark)) : []
  return [...inHome, ...list(temporary), ...groups].map((entry) => path.join(entry.parentPath, entry.name))
}

function checkLogs({ home }, violation) {
  const bytes = list(path.join(home, 'logs')).reduce((sum, entry) => sum + sizeOf(path.join(entry.parentPath, entry.name)), 0)
  if (bytes > LOGS_MOST_BYTES) violation(`the logs take ${bytes} bytes, more than ${LOGS_MOST_BYTES}`)
}

function list(folder) {
  try {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch {
    // Something in it went away while it was read, or there is none.
    return fs.existsSync(folder) ? fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => [entry, ...(entry.isDirectory() ? list(path.join(folder, entry.name)) : [])]) : []
  }
}

function sizeOf(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
