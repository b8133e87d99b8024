import { basename } from 'node:path'
import { formatBytes } from '../base/index.js'
import type { ServerSnapshot, ServerSpec } from '../core/index.js'
import type { ListedProcess } from '../process/index.js'
import { configuredServers, runningSnapshot, type Facts } from './doctor-facts.js'
import { count, ok, warn, type Finding } from './doctor-finding.js'
import { isWrapper, lookAtProgram, packageIn } from './doctor-program.js'
import type { Measure } from './doctor-stray.js'

const RUNNERS = /^(?:npx|npm|pnpm|pnpx|yarn|bunx|uvx|uv|pipx)(?:\.cmd|\.exe)?$/i

/** Servers that are started through npx, uvx and the like: which of them stay between mcpctl and the server, and what that takes. */
export async function checkWrappers(facts: Facts): Promise<Finding[]> {
  const servers = (await configuredServers(facts)).filter(({ launch }) => launch !== null && RUNNERS.test(basename(launch.command)))
  if (servers.length === 0) return []
  const { resolveLaunch, measureProcesses } = await import('../process/index.js')
  const isDirect = ({ launch }: ServerSpec): boolean => {
    try {
      return launch !== null && resolveLaunch(launch).note !== null
    } catch {
      // Its command is not there, which is told elsewhere.
      return false
    }
  }
  const wrapped = servers.filter((server) => !isDirect(server))
  const [processes, snapshot] = await Promise.all([facts.processes, runningSnapshot(facts)])
  const direct = servers.length - wrapped.length
  return [
    ...(direct === 0 ? [] : [ok('wrappers', `${direct} of ${count(servers.length, 'server')} behind npx ${direct === 1 ? 'is' : 'are'} started directly, without it`)]),
    ...wrapped.map((server) => judgeWrapper(server, findWrappers(snapshot?.servers.find(({ name }) => name === server.name) ?? null, processes), measureProcesses)),
  ]
}

/** Processes of a server's tree that only wait for the one they started. */
export function findWrappers(server: Pick<ServerSnapshot, 'pid'> | null, processes: readonly ListedProcess[]): ListedProcess[] {
  if (server === null || server.pid === null) return []
  const tree = [server.pid]
  // The list grows while it is walked through.
  for (const pid of tree) tree.push(...processes.filter((entry) => entry.parentPid === pid).map((entry) => entry.pid))
  const members = processes.filter(({ pid }) => tree.includes(pid))
  return members.filter((entry) => isWrapper(entry.args) && members.some(({ parentPid }) => parentPid === entry.pid))
}

export function judgeWrapper({ name, launch }: Pick<ServerSpec, 'name' | 'launch'>, wrappers: readonly ListedProcess[], measure: Measure): Finding {
  const runner = basename(launch?.command ?? '').replace(/\.(?:cmd|exe)$/i, '')
  const fix = fixFor(runner, launch)
  if (wrappers.length === 0) return warn('wrappers', `${name} is started through ${runner}, which may stay beside it as a process of its own (not measured: it does not run)`, fix, { server: name })
  const pids = wrappers.map(({ pid }) => pid)
  const memoryBytes = measure(pids) ?? wrappers.reduce((sum, entry) => sum + entry.memoryBytes, 0)
  const detail = `${name} is started through ${runner}: ${count(pids.length, 'process', 'processes')} (pid ${pids.join(', ')}) only ${pids.length === 1 ? 'waits' : 'wait'} for the server, and ${pids.length === 1 ? 'takes' : 'take'} ${formatBytes(memoryBytes)}`
  return warn('wrappers', detail, fix, { server: name })
}

function fixFor(runner: string, launch: ServerSpec['launch']): string {
  const args = launch === null ? [] : [launch.command, ...launch.args]
  const name = lookAtProgram(args)?.name ?? packageIn(args)
  if (/^uvx?$/.test(runner)) return `uv tool install ${name ?? 'PACKAGE'}, and its program as command`
  if (runner === 'pipx') return `pipx install ${name ?? 'PACKAGE'}, and its program as command`
  if (runner === 'npx' || runner === 'npm') return `npm install ${name ?? 'PACKAGE'} in ${launch?.cwd ?? 'its folder'}: an installed package is started directly`
  return 'Install the package, and name its program as command.'
}
