import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { shortHash } from '../base/index.js'
import { acquireLock, desiredFile, readDesired, type Home } from '../control/index.js'
import { DOSSIER_FOLDER, listDossierNames, readDossiers, removeOldDossiers } from '../logs/index.js'
import type { ListedProcess } from '../process/index.js'
import type { Facts } from './doctor-facts.js'
import { count, fail, ok, warn, type Finding } from './doctor-finding.js'

const OLD_DOSSIER_MS = 30 * 24 * 3600 * 1000

/** What daemons and commands that were killed have left behind. */
export async function checkState(facts: Facts): Promise<Finding[]> {
  const { home } = facts
  if (!existsSync(home.root)) return [ok('state', 'nothing was ever started here')]
  const isAbsent = (await facts.daemon).state === 'absent'
  const found = [
    ...(isAbsent ? await leftByDaemon(home, await facts.processes) : []),
    ...leftDrafts(home),
    ...(await oldDossiers(home)),
  ]
  return found.length === 0 ? [ok('state', isAbsent ? 'nothing is left of earlier daemons' : 'no leftovers')] : found
}

async function leftByDaemon(home: Home, processes: readonly ListedProcess[]): Promise<Finding[]> {
  const mark = `${shortHash(realpathSync(home.root))}:`
  const found = [
    ...judgeSurvivors(processes.filter(({ marker }) => marker?.startsWith(mark) === true), home),
    ...judgeFiles([...runFiles(home), ...pidFiles(home)].filter((path) => existsSync(path)), home),
    ...judgeDesired(home),
    ...judgeGroups(home),
  ]
  // A daemon that is just starting or leaving holds the lock: what there is now is in use.
  return found.length > 0 && (await isHeld(home)) ? [] : found
}

async function isHeld(home: Home): Promise<boolean> {
  if (!existsSync(home.state)) return false
  const lock = await acquireLock(home).catch(() => undefined)
  lock?.release()
  return lock === null
}

async function cleanUp(home: Home): Promise<void> {
  const { cleanUpHome } = await import('../daemon/index.js')
  await cleanUpHome(home)
}

function judgeSurvivors(survivors: readonly ListedProcess[], home: Home): Finding[] {
  if (survivors.length === 0) return []
  const detail = `${count(survivors.length, 'process', 'processes')} of a daemon that was killed still run${survivors.length === 1 ? 's' : ''}: pid ${survivors.map(({ pid }) => pid).join(', ')}`
  return [fail('state', detail, 'mcpctl stop, or mcpctl doctor --fix', { repair: { does: `ended pid ${survivors.map(({ pid }) => pid).join(', ')}`, apply: () => cleanUp(home) } })]
}

function judgeFiles(files: readonly string[], home: Home): Finding[] {
  if (files.length === 0) return []
  const detail = `no daemon runs, but its files are still there: ${files.join(', ')}`
  return [warn('state', detail, 'mcpctl doctor --fix; the next start replaces them too', { repair: { does: `removed ${files.join(', ')}`, apply: () => cleanUp(home) } })]
}

function runFiles(home: Home): string[] {
  return process.platform === 'win32' ? [home.daemonFile] : [home.daemonFile, home.socket, home.gatewaySocket]
}

/** The folder of PID files may be shared: only names that were written down as ours count. */
function pidFiles(home: Home): string[] {
  return readText(join(home.state, 'pid-names')).split('\n').filter((name) => name !== '').map((name) => join(home.pids, `${name}.pid`))
}

/** What servers were wanted when a daemon was killed, all of configurations that are gone. */
function judgeDesired(home: Home): Finding[] {
  const sources = [...new Set((readDesired(home) ?? []).map(({ source }) => source))]
  if (sources.length === 0 || sources.some((source) => existsSync(source))) return []
  const file = desiredFile(home)
  const detail = `${file} remembers servers of ${sources.join(', ')}, which ${sources.length === 1 ? 'is' : 'are'} gone`
  return [warn('state', detail, `rm ${file}, or mcpctl doctor --fix`, { repair: { does: `removed ${file}`, apply: () => removeHeld(home, file) } })]
}

/** Not under the hands of a daemon that has started meanwhile. */
async function removeHeld(home: Home, file: string): Promise<void> {
  const lock = await acquireLock(home)
  if (lock === null) throw new Error('a daemon has started meanwhile')
  try {
    rmSync(file, { force: true })
  } finally {
    lock.release()
  }
}

/** Groups of the kernel that a killed daemon made; the next one ends what is in them, and removes them. */
function judgeGroups(home: Home): Finding[] {
  const left = readFolders(join(home.state, 'limits.json')).filter((folder) => existsSync(folder))
  return left.length === 0 ? [] : [warn('state', `${count(left.length, 'cgroup')} of an earlier daemon ${left.length === 1 ? 'is' : 'are'} left: ${left.join(', ')}`, 'mcpctl start removes what earlier daemons left.')]
}

function readFolders(file: string): string[] {
  try {
    const value: unknown = JSON.parse(readText(file))
    return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
  } catch {
    return []
  }
}

/** Files that were being written by a process that is gone: `NAME.PID`. */
function leftDrafts(home: Home): Finding[] {
  const drafts = namesIn(home.state).filter((name) => /\.\d+$/.test(name) && !isAlive(Number(/\d+$/.exec(name)?.[0]))).map((name) => join(home.state, name))
  if (drafts.length === 0) return []
  return [warn('state', `half-written files were left: ${drafts.join(', ')}`, 'mcpctl doctor --fix', { repair: { does: `removed ${drafts.join(', ')}`, apply: () => drafts.forEach((path) => rmSync(path, { force: true })) } })]
}

/** The daemon removes them at its start; one that has been running for long has not looked since. */
async function oldDossiers(home: Home): Promise<Finding[]> {
  const folder = join(home.state, DOSSIER_FOLDER)
  const newest = await Promise.all((await listDossierNames(folder)).map(async (name) => ({ name, at: (await readDossiers(folder, name, 1)).found[0]?.dossier.endedAt ?? null })))
  const old = newest.filter(({ at }) => at !== null && Date.now() - at > OLD_DOSSIER_MS).map(({ name }) => name)
  if (old.length === 0) return []
  const detail = `dossiers of ends more than 30 days ago: ${old.join(', ')}`
  return [warn('state', detail, 'mcpctl doctor --fix', { repair: { does: `removed the dossiers of ${old.join(', ')}`, apply: async () => void (await removeOldDossiers(folder, Date.now())) } })]
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
