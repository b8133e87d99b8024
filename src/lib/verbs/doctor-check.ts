import type { Io } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import { checkClients } from './doctor-clients.js'
import { checkCommands, checkConfiguration, checkPath } from './doctor-config.js'
import { checkDaemon, checkDescriptors, checkLimits, checkNode } from './doctor-daemon.js'
import { checkDefinitions } from './doctor-definitions.js'
import { configuredServers, gatherFacts, runningSnapshot, type Facts } from './doctor-facts.js'
import { fail, type Area, type Finding } from './doctor-finding.js'
import { checkClock, checkDisk, checkHome } from './doctor-home.js'
import { checkPorts, checkTelemetry } from './doctor-network.js'
import { checkState } from './doctor-state.js'
import { findStrays, judgeCopies, judgeOrphans } from './doctor-stray.js'
import { checkWrappers } from './doctor-wrapper.js'
import { expandNames } from './names.js'

/** One question; several findings may answer it. */
export interface Check {
  readonly area: Area
  look(): Promise<readonly Finding[]> | readonly Finding[]
}

/** Longer than what a configuration that is code may take to load. */
const DEADLINE_MS = 15_000

/**
 * Looks at everything servers depend on here, all checks at once; starts no daemon and changes nothing that stays.
 * With `names`, of what is about single servers only what is about these. Throws SERVER_UNKNOWN.
 */
export async function examine(io: Io, names: readonly string[]): Promise<Finding[]> {
  const facts = gatherFacts(io)
  const wanted = names.length === 0 ? null : new Set(expandNames(names, await knownNames(facts)))
  const found = await Promise.all(listChecks(facts, wanted !== null).map((check) => runCheck(check)))
  return found.flat().filter(({ server }) => wanted === null || server === null || wanted.has(server))
}

async function knownNames(facts: Facts): Promise<string[]> {
  const [snapshot, servers] = await Promise.all([runningSnapshot(facts), configuredServers(facts)])
  return [...new Set([...servers.map(({ name }) => name), ...(snapshot?.servers ?? []).map(({ name }) => name)])]
}

function listChecks(facts: Facts, areNamed: boolean): Check[] {
  const { home } = facts
  return [
    { area: 'node', look: () => [checkNode()] },
    { area: 'home', look: () => checkHome(home) },
    { area: 'state', look: () => checkState(facts) },
    { area: 'disk', look: () => checkDisk(home) },
    { area: 'clock', look: () => checkClock(home, Date.now()) },
    { area: 'configuration', look: () => checkConfiguration(facts) },
    { area: 'path', look: () => checkPath(facts) },
    { area: 'commands', look: () => checkCommands(facts) },
    { area: 'wrappers', look: () => checkWrappers(facts) },
    { area: 'daemon', look: () => checkDaemon(facts, areNamed) },
    { area: 'definitions', look: () => checkDefinitions(facts) },
    { area: 'ports', look: () => checkPorts(facts) },
    { area: 'limits', look: () => checkLimits(facts) },
    { area: 'descriptors', look: () => checkDescriptors(facts) },
    { area: 'leaks', look: () => checkStrays(facts) },
    { area: 'clients', look: () => checkClients(facts) },
    { area: 'telemetry', look: () => checkTelemetry(facts) },
  ]
}

async function checkStrays(facts: Facts): Promise<Finding[]> {
  const [processes, servers] = await Promise.all([facts.processes, configuredServers(facts)])
  const { measureProcesses } = await import('../process/index.js')
  const strays = findStrays(processes)
  return [...judgeOrphans(strays, Date.now(), measureProcesses), ...judgeCopies(strays, servers, Date.now(), measureProcesses)]
}

/** A check that throws or does not come to an end is a finding itself. */
export async function runCheck(check: Check, deadlineMs = DEADLINE_MS): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => resolve([fail(check.area, `could not be checked: no end within ${deadlineMs / 1000} s`, 'Look at what hangs (a disk, a network folder, a start file of the shell), and try again.')]), deadlineMs)
  })
  try {
    return await Promise.race([check.look(), late])
  } catch (error) {
    const hint = error instanceof McpctlError ? error.hint : undefined
    return [fail(check.area, `could not be checked: ${error instanceof Error ? error.message : String(error)}`, hint ?? 'Mend what the message names, and try again.')]
  } finally {
    clearTimeout(timer)
  }
}
