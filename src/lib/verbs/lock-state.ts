import { dirname } from 'node:path'
import type { Io } from '../cli/index.js'
import type { LoadedConfig, LockedServer, LockFile } from '../config/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient, type ListedServer } from '../control/index.js'
import type { HeldDefinition, ServerSpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { compareServer, lockDefinitions, type LockChange } from './lock-compare.js'
import { expandNames } from './names.js'
import { loadForReload, orderOf, withFreshOrder } from './reload-order.js'

/** One configured server beside what the lock says of it. */
export interface LockedPair {
  readonly name: string
  /** The name clients see it under, which others may share; null: its own. */
  readonly group: string | null
  /** Under which it stands in the lock; copies of one server share it. */
  readonly key: string
  readonly lockFile: string
  readonly before: LockedServer | null
  /** What it is now; null: it does not run, so nobody can say. */
  readonly now: LockedServer | null
  readonly changes: readonly LockChange[]
  readonly held: readonly HeldDefinition[]
  /** Why nobody can say. */
  readonly reason: string
}

export interface LockState {
  readonly client: ControlClient
  readonly configPath: string | undefined
  readonly config: LoadedConfig
  /** By path; null: there is no such file yet. */
  readonly locks: ReadonlyMap<string, LockFile | null>
  /** All that speak MCP and are in use. */
  readonly all: readonly LockedPair[]
  /** Those that were named; all when none was. */
  readonly meant: readonly LockedPair[]
}

/**
 * Puts what the running servers of this configuration list beside what its locks say. The caller closes `client`. Throws
 * NOT_RUNNING without a daemon, SERVER_UNKNOWN, and what loading a configuration throws.
 */
export async function openLockState(io: Io, names: readonly string[], configPath: string | undefined): Promise<LockState> {
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running: there is no server whose definitions could be looked at', { hint: 'mcpctl start' })
  try {
    const [{ config }, { readLock, lockedServer, lockNames, lockBeside }] = await Promise.all([loadForReload(io, client, { configPath, dryRun: true }), import('../config/index.js')])
    const locks = new Map(config.locks.map((file) => [file, readLock(file)]))
    const specs = config.servers.filter(({ enabled, transport }) => enabled && transport !== 'none')
    const wanted = names.length === 0 ? null : new Set(expandNames(names, specs.map(namedOf)))
    const { servers } = await client.request('definitions', { names: null })
    const all = await Promise.all(specs.map(async (spec): Promise<LockedPair> => {
      const lockFile = lockBeside(spec.source)
      const lock = locks.get(lockFile) ?? null
      const before = lock === null ? null : lockedServer(lock, spec.name)
      const listed = servers.find(({ name }) => name === spec.name)
      const now = await lockNow(spec, listed, lockFile)
      const key = lockNames(spec.name).at(-1) ?? spec.name
      return { ...namedOf(spec), key, lockFile, before, now, changes: now === null ? [] : compareServer(key, before, now), held: listed?.held ?? [], reason: reasonOf(listed) }
    }))
    return { client, configPath, config, locks, all, meant: all.filter(({ name }) => wanted === null || wanted.has(name)) }
  } catch (error) {
    client.close()
    throw error
  }
}

function namedOf({ name, traffic }: ServerSpec): Pick<LockedPair, 'name' | 'group'> {
  return { name, group: traffic.membership?.group ?? null }
}

/** Writes these locks, each only if it is what was read, and has the daemon take them at once. Returns the files that changed. */
export async function saveLocks(io: Io, state: LockState, next: ReadonlyMap<string, LockFile>, names: readonly string[]): Promise<string[]> {
  const [{ writeLock }, { readTextFile, replaceFile }] = await Promise.all([import('../config/index.js'), import('../clients/index.js')])
  const written: string[] = []
  for (const [file, lock] of next) {
    const old = readTextFile(file)
    const text = writeLock(lock)
    if (old.exists && old.text === text) continue
    replaceFile({ file, real: old.real, mode: old.exists ? old.mode : 0o644 }, Buffer.from(text), old.hash)
    written.push(file)
  }
  if (written.length > 0) {
    await withFreshOrder(io, state.client, { configPath: state.configPath, dryRun: false }, (loaded) => state.client.request('reload', { ...orderOf(io, loaded), names: [...names], dryRun: false }))
  }
  return written
}

/** The lock with these servers in place of what it said of them. */
export function putServers(lock: LockFile | null, servers: ReadonlyMap<string, LockedServer>): LockFile {
  return { servers: Object.fromEntries([...Object.entries(lock?.servers ?? {}), ...servers]) }
}

async function lockNow(spec: ServerSpec, listed: ListedServer | undefined, lockFile: string): Promise<LockedServer | null> {
  if (listed === undefined || listed.listed === null || listed.listed.isRemembered) return null
  const { identifyProgram, portablePath } = await import('../process/index.js')
  const program = spec.launch === null ? null : await identifyProgram(spec.launch)
  return {
    package: program?.type === 'package' ? { name: program.name, version: program.version, integrity: program.integrity } : null,
    program: program?.type === 'file' ? { file: portablePath(program.path, dirname(lockFile)), integrity: program.integrity } : null,
    tools: lockDefinitions('tool', listed.listed.tools),
    prompts: lockDefinitions('prompt', listed.listed.prompts),
  }
}

function reasonOf(listed: ListedServer | undefined): string {
  if (listed === undefined) return 'the daemon does not know it yet: mcpctl reload'
  return `it is ${listed.phase}, so what it lists now cannot be known`
}
