import { accessSync, constants } from 'node:fs'
import { basename, delimiter, extname } from 'node:path'
import type { ServerSpec } from '../core/index.js'
import { asMcpctlError } from '../errors/index.js'
import { configuredServers, runningSnapshot, type Facts } from './doctor-facts.js'
import { count, fail, ok, warn, type Finding } from './doctor-finding.js'

const CODE = new Set(['.ts', '.mts', '.js', '.mjs', '.cjs'])
const LOGIN_SHELL_LIMIT_MS = 4_000
/** So many missing folders are named. */
const SHOWN_FOLDERS = 6

/** Whether it can be found, read and understood, and every variable in it is set. */
export async function checkConfiguration(facts: Facts): Promise<Finding[]> {
  const found = await facts.config
  if (found.state === 'absent') return [warn('configuration', `none in ${facts.io.cwd} or above`, 'mcpctl init writes one out of what your clients have; or go to the folder of your project.')]
  if (found.state === 'broken') {
    const { message, hint } = asMcpctlError(found.trouble)
    return [fail('configuration', message, hint ?? 'mcpctl config validate')]
  }
  const { source, servers, warnings } = found.config
  const code = CODE.has(extname(source)) ? '; it is code, and runs with your rights whenever it is loaded' : ''
  return [ok('configuration', `${source}, ${count(servers.length, 'server')}${code}`), ...warnings.map((text) => warn('configuration', text, 'mcpctl config validate'))]
}

/** Whether each program is there, in the PATH its server will have. */
export async function checkCommands(facts: Facts): Promise<Finding[]> {
  const servers = (await configuredServers(facts)).filter(({ launch }) => launch !== null)
  if (servers.length === 0) return []
  const { resolveLaunch, lookUpExecutable } = await import('../process/index.js')
  const found = servers.flatMap(({ name, launch }) => {
    if (launch === null) return []
    try {
      resolveLaunch(launch)
      return []
    } catch (error) {
      const { hint } = error as { hint?: string }
      return [fail('commands', `${name}: ${error instanceof Error ? error.message : String(error)}`, hint ?? `Check command and args of ${name}.`, { server: name })]
    }
  })
  const unprobed = unusableProbes(servers, lookUpExecutable)
  if (found.length + unprobed.length > 0) return [...found, ...unprobed]
  return [ok('commands', `${count(servers.length, 'program is', 'programs are')} there and can be executed`)]
}

type LookUp = (command: string, place: { readonly cwd: string; readonly env: Readonly<Record<string, string>> }) => string | null

function unusableProbes(servers: readonly ServerSpec[], lookUp: LookUp): Finding[] {
  return servers.flatMap(({ name, launch, health }) => {
    if (launch === null || health.probe.type !== 'command' || lookUp(health.probe.command, launch) !== null) return []
    return [fail('commands', `${name}: the command of its health probe is not found: ${health.probe.command}`, `Correct health.probe of ${name}.`, { server: name })]
  })
}

/** The PATH that servers have against the one a terminal has: a desktop starts programs with a short one. */
export async function checkPath(facts: Facts): Promise<Finding[]> {
  const { readLoginPath } = await import('../process/index.js')
  const [login, seen] = await Promise.all([readLoginPath(facts.io.env, LOGIN_SHELL_LIMIT_MS), readServersPath(facts)])
  if (seen === null) return [ok('path', 'not known: no server was started or is configured with a PATH')]
  if ('trouble' in login) return [ok('path', `${count(seen.folders.length, 'folder')} (${seen.from}); not compared with your login shell: ${login.trouble}`)]
  return [judgePath({ ...seen, login: login.folders.filter(isUsable), shell: login.shell })]
}

export interface PathFacts {
  /** What servers search. */
  readonly folders: readonly string[]
  /** Where that was seen: "of the running server files". */
  readonly from: string
  readonly isRunning: boolean
  /** What the login shell searches, as far as it exists. */
  readonly login: readonly string[]
  readonly shell: string
}

/** Names of folders only; what is in them does not matter here. */
export function judgePath({ folders, from, isRunning, login, shell }: PathFacts): Finding {
  const missing = [...new Set(login.map(plain))].filter((folder) => !folders.map(plain).includes(folder))
  if (missing.length === 0) return ok('path', `${count(folders.length, 'folder')} (${from}), all that ${basename(shell)} searches among them`)
  const named = `${missing.slice(0, SHOWN_FOLDERS).join(', ')}${missing.length > SHOWN_FOLDERS ? ` and ${missing.length - SHOWN_FOLDERS} more` : ''}`
  const detail = `${count(missing.length, 'folder')} that ${basename(shell)} searches at login ${missing.length === 1 ? 'is' : 'are'} missing from the PATH ${from}: ${named}`
  const fix = isRunning ? 'From a terminal: mcpctl restart. Or set PATH under env (defaults.env for all servers), or give commands as absolute paths.' : 'Start servers from a login shell, or set PATH under env, or give commands as absolute paths.'
  return warn('path', detail, fix)
}

function plain(folder: string): string {
  return folder.length > 1 ? folder.replace(/\/+$/, '') : folder
}

interface SeenPath {
  readonly folders: readonly string[]
  readonly from: string
  readonly isRunning: boolean
}

/** That of a running server is the truth; else what the next start would hand on. */
async function readServersPath(facts: Facts): Promise<SeenPath | null> {
  const { readEnvironmentOf } = await import('../process/index.js')
  const servers = await configuredServers(facts)
  const ownPath = new Set(servers.filter(({ launch }) => launch?.ownEnv.includes('PATH') === true).map(({ name }) => name))
  for (const { name, pid } of (await runningSnapshot(facts))?.servers ?? []) {
    const path = pid === null || ownPath.has(name) ? null : readEnvironmentOf(pid, 'PATH')
    if (path !== null) return { folders: split(path), from: `of the running server ${name}`, isRunning: true }
  }
  const path = servers.find(({ name, launch }) => launch !== null && !ownPath.has(name))?.launch?.env['PATH'] ?? facts.io.env['PATH']
  return path === undefined ? null : { folders: split(path), from: 'that servers would get from here', isRunning: false }
}

function split(path: string): string[] {
  return path.split(delimiter).filter((folder) => folder !== '')
}

function isUsable(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK)
    return true
  } catch {
    return false
  }
}
