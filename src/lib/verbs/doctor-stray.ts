import { formatBytes, formatDuration } from '../base/index.js'
import type { ServerSpec } from '../core/index.js'
import type { ListedProcess } from '../process/index.js'
import { ok, warn, count, type Finding } from './doctor-finding.js'
import { lookAtProgram, scriptOf } from './doctor-program.js'

/** Who takes over the children of a process that ended. */
const REAPERS = /^(?:systemd|init|launchd|tini|dumb-init|docker-init|catatonit|s6-svscan)$/
/** So many are listed one by one. */
const SHOWN = 10

/** A process tree that looks like an MCP server and is not ours. */
export interface Stray {
  readonly top: ListedProcess
  /** Its descendants, itself among them. */
  readonly pids: readonly number[]
  readonly name: string
  readonly key: string
  /** Nobody is left whose server it could be. */
  readonly isOrphan: boolean
}

/** Trees of processes that no daemon of ours started, and whose command line looks like an MCP server's. */
export function findStrays(processes: readonly ListedProcess[]): Stray[] {
  const byPid = new Map(processes.map((entry) => [entry.pid, entry]))
  const looks = new Map(processes.flatMap((entry) => {
    const look = entry.marker === null ? lookAtProgram(entry.args) : null
    return look === null ? [] : [[entry.pid, look] as const]
  }))
  return processes.flatMap((top) => {
    const look = looks.get(top.pid)
    if (look === undefined || hasAncestor(top, byPid, (above) => looks.has(above.pid))) return []
    const pids = processes.filter((entry) => entry === top || hasAncestor(entry, byPid, (above) => above === top)).map(({ pid }) => pid)
    return [{ top, pids, ...look, isOrphan: isOrphan(top) }]
  })
}

/** Its parent is gone: whoever reaps for the system is its parent now. A unit of the service manager never had another. */
function isOrphan({ parentPid, parentName, isService, args }: ListedProcess): boolean {
  // `docker run` in the background is meant to be on its own.
  return !isService && (parentPid <= 1 || (parentName !== null && REAPERS.test(parentName))) && !/^(?:docker|podman)$/.test(args[0] ?? '')
}

function hasAncestor(entry: ListedProcess, byPid: ReadonlyMap<number, ListedProcess>, test: (above: ListedProcess) => boolean): boolean {
  const seen = new Set([entry.pid])
  for (let above = byPid.get(entry.parentPid); above !== undefined && !seen.has(above.pid); above = byPid.get(above.parentPid)) {
    if (test(above)) return true
    seen.add(above.pid)
  }
  return false
}

export type Measure = (pids: readonly number[]) => number | null

/** What is left of clients that ended without their servers. Never ended from here: they are not ours. */
export function judgeOrphans(strays: readonly Stray[], now: number, measure: Measure): Finding[] {
  const orphans = strays.filter(({ isOrphan: alone }) => alone)
  if (orphans.length === 0) return [ok('leaks', 'no process looks like the orphaned server of another client')]
  const shown = orphans.slice(0, SHOWN).map((stray) =>
    warn('leaks', `${describeStray(stray, now, measure)} looks like a server whose client is gone`, `If nobody uses it: kill ${stray.pids.join(' ')}`))
  const rest = orphans.slice(SHOWN)
  if (rest.length === 0) return shown
  return [...shown, warn('leaks', `${rest.length} more look like servers whose clients are gone`, `If nobody uses them: kill ${rest.flatMap(({ pids }) => pids).join(' ')}`)]
}

/** Servers of the configuration that other programs run once more, besides the daemon. */
export function judgeCopies(strays: readonly Stray[], servers: readonly ServerSpec[], now: number, measure: Measure): Finding[] {
  return servers.flatMap((server) => {
    const copies = strays.filter((stray) => !stray.isOrphan && isCopy(stray, server))
    if (copies.length === 0) return []
    const listed = copies.slice(0, SHOWN).map((stray) => `${describeStray(stray, now, measure)}${stray.top.parentName === null ? '' : ` under ${stray.top.parentName}`}`)
    const more = copies.length > SHOWN ? ` and ${copies.length - SHOWN} more` : ''
    return [warn('clients', `${server.name} runs ${count(copies.length, 'more time', 'more times')} outside of mcpctl: ${listed.join('; ')}${more}`, 'mcpctl install --all makes clients share the one mcpctl runs; restart them afterwards.', { server: server.name })]
  })
}

/** The same package or program by its name, or the very same script. Two servers may share a package: then both are meant. */
function isCopy(stray: Stray, { launch }: ServerSpec): boolean {
  if (launch === null) return false
  const args = [launch.command, ...launch.args]
  const script = scriptOf(args, launch.cwd)
  if (script !== null && script === scriptOf(stray.top.args, '/')) return true
  const look = lookAtProgram(args)
  return look !== null && look.key !== '' && look.key === stray.key
}

/** Arguments stay out of it: they may be secrets. */
function describeStray({ top, pids, name }: Stray, now: number, measure: Measure): string {
  const memoryBytes = measure(pids) ?? top.memoryBytes
  const age = top.startedAt === null ? '' : `, ${formatDuration(Math.max(0, now - top.startedAt))} old`
  const tree = pids.length > 1 ? ` with ${count(pids.length - 1, 'child', 'children')}` : ''
  return `pid ${top.pid}${tree} (${name}, ${formatBytes(memoryBytes)}${age})`
}
