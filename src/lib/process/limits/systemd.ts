import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { LimitsSpec } from '../../core/index.js'
import { lookUpExecutable } from '../find-executable.js'
import { READY } from '../join.js'
import { KeptFile, numberOf, removeGroup, tryWrite } from './cgroup-file.js'
import { findGroupOf, type Hierarchy } from './cgroup-paths.js'
import { FolderGroup, type KernelGroup, type LaunchPrefix } from './kernel-group.js'
import type { KernelSource, Trial } from './kernel-source.js'
import { launcherArgs, SHELL } from './launcher.js'
import { RESOURCES, type GroupUsage, type Resource } from './types.js'

const PROBE_MS = 10_000
const PROBE_LIMITS: LimitsSpec = { memoryBytes: 64 * 1024 ** 2, cpuPercent: 50, pids: 16 }
const PROBE_ANSWER = [String(PROBE_LIMITS.memoryBytes), '50000 100000', String(PROBE_LIMITS.pids)]
/** Says where it is and what holds there. From the inside: a slice may drop controllers with its last scope. */
const PROBE_SCRIPT = `
while IFS= read -r line; do case $line in 0::*) path=\${line#0::} ;; esac; done < /proc/self/cgroup
echo "$path"
for file in memory.max cpu.max pids.max; do IFS= read -r line < "$1$path/$file" && echo "$line"; done
`
/** A server that was above this share of its limit a moment ago. */
const ON_ITS_WAY = 0.5
/** The first that can be told not to touch `$` in arguments, and the first that says it will do so one day. */
const KNOWS_EXPANSION = 254

export interface SystemdPlace {
  readonly hierarchies: readonly Hierarchy[]
  /** Names of units begin with it and a dash. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

interface Manager {
  readonly run: string
  readonly control: string
  readonly scope: '--user' | '--system'
  /** Without these the user's manager is not found. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * A transient scope unit per server: systemd-run(1) with --scope places itself there and becomes the command. Tried by
 * starting one and looking whether its limit has arrived at the kernel.
 */
export async function trySystemd(place: SystemdPlace): Promise<Trial> {
  const manager = findManager(place.env)
  if ('why' in manager) return manager
  const hierarchy = place.hierarchies.find(({ version }) => version === 2)
  if (hierarchy === undefined) return { why: 'systemd does not use cgroup version 2 here' }
  const version = Number(/^systemd (\d+)/.exec(await run(manager, manager.run, ['--version']) ?? '')?.[1])
  if (Number.isNaN(version)) return { why: 'systemd-run does not run' }
  const source = new Systemd(manager, place.folder, hierarchy, version)
  const why = await source.prove()
  if (why !== null) return { why }
  // Units of a daemon that was killed; the shell's pattern is matched against the loaded ones.
  await run(manager, manager.control, [manager.scope, 'kill', '--signal=SIGKILL', `${place.folder}-*.scope`])
  return { source, notes: [] }
}

function findManager(env: SystemdPlace['env']): Manager | { why: string } {
  if (!existsSync('/run/systemd/system')) return { why: 'systemd does not run here' }
  const search = { cwd: '/', env: { PATH: env['PATH'] ?? '/usr/bin:/bin' } }
  const [tool, control] = [lookUpExecutable('systemd-run', search), lookUpExecutable('systemctl', search)]
  if (tool === null || control === null) return { why: 'systemd-run and systemctl are not in PATH' }
  const user = process.geteuid?.() ?? 0
  if (user === 0) return { run: tool, control, scope: '--system', env: {} }
  const runtime = env['XDG_RUNTIME_DIR'] ?? `/run/user/${user}`
  if (!existsSync(`${runtime}/bus`) && !existsSync(`${runtime}/systemd/private`)) return { why: `no systemd of this user: there is no ${runtime}/bus` }
  return { run: tool, control, scope: '--user', env: { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: env['DBUS_SESSION_BUS_ADDRESS'] ?? `unix:path=${runtime}/bus` } }
}

/** What it prints, or null when it fails or does not end in time. */
function run(manager: Manager, file: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(file, args, { env: { ...manager.env, LC_ALL: 'C' }, timeout: PROBE_MS, killSignal: 'SIGKILL' }, (error, stdout) => resolve(error === null ? stdout : null))
  })
}

class Systemd implements KernelSource {
  readonly name = 'systemd'
  readonly holds: ReadonlySet<Resource> = new Set(RESOURCES)
  readonly kill = 'atomic'
  readonly bases: readonly string[] = []
  readonly #manager: Manager
  readonly #folder: string
  readonly #hierarchy: Hierarchy
  readonly #version: number

  constructor(manager: Manager, folder: string, hierarchy: Hierarchy, version: number) {
    this.#manager = manager
    this.#folder = folder
    this.#hierarchy = hierarchy
    this.#version = version
  }

  make(id: string, limits: LimitsSpec): KernelGroup {
    return new ScopeGroup({ hierarchy: this.#hierarchy, unit: this.#unit(id), limits, prefix: this.#prefix(id, limits) })
  }

  close(): void {
    // A scope ends with its last process.
  }

  /** Null when a scope really limits; otherwise why not. */
  async prove(): Promise<string | null> {
    const id = `probe-${process.pid}`
    const { args, file } = this.#prefix(id, PROBE_LIMITS)
    const placement = { joins: [], dataKib: null, prefix: null }
    // The launcher reports on descriptor 3, which must survive systemd-run: here it leads to where the answer goes.
    const launch = launcherArgs(placement, { file: SHELL, args: ['-c', PROBE_SCRIPT, 'probe', this.#hierarchy.mount], env: {} })
    const said = await run(this.#manager, SHELL, ['-c', 'exec "$@" 3>&1', 'probe', file, ...args, SHELL, ...launch])
    if (said === null) return 'systemd-run --scope fails or takes too long'
    const [ready, path = '', ...limits] = said.split('\n')
    if (`${ready}\n` !== READY) return 'systemd-run does not pass descriptors on'
    if (basename(path) !== this.#unit(id)) return 'a scope has no group of cgroup version 2 of its own'
    return limits.slice(0, PROBE_ANSWER.length).join() === PROBE_ANSWER.join() ? null : 'limits of memory, cpu and pids do not all reach a scope'
  }

  #unit(id: string): string {
    return `${this.#folder}-${id}.scope`
  }

  #prefix(id: string, limits: LimitsSpec): LaunchPrefix {
    const properties = [
      'CPUAccounting=yes',
      'MemoryAccounting=yes',
      'TasksAccounting=yes',
      ...(limits.memoryBytes === undefined ? [] : [`MemoryMax=${limits.memoryBytes}`, 'MemorySwapMax=0']),
      ...(limits.cpuPercent === undefined ? [] : [`CPUQuota=${limits.cpuPercent}%`]),
      `TasksMax=${limits.pids ?? 'infinity'}`,
    ]
    return {
      file: this.#manager.run,
      args: [
        this.#manager.scope, '--scope', '--quiet', '--collect', `--unit=${this.#unit(id)}`,
        ...(this.#version >= KNOWS_EXPANSION ? ['--expand-environment=no'] : []),
        ...properties.flatMap((property) => ['-p', property]),
        '--',
      ],
      env: this.#manager.env,
    }
  }
}

interface ScopeOptions {
  readonly hierarchy: Hierarchy
  readonly unit: string
  readonly limits: LimitsSpec
  readonly prefix: LaunchPrefix
}

/** The group of a scope, known once the process is in it. */
class ScopeGroup implements KernelGroup {
  readonly holds: ReadonlySet<Resource> = new Set(RESOURCES)
  readonly joins: readonly string[] = []
  readonly prefix: LaunchPrefix
  readonly vanishes = true
  readonly #options: ScopeOptions
  #folder: string | null = null
  #inner: FolderGroup | null = null
  /** The same counters of the slice, which include those of all its scopes. */
  #slice: KeptFile | null = null
  #usage: KeptFile | null = null
  #killsInSlice = 0
  #newestBytes = 0
  #changed = false

  constructor(options: ScopeOptions) {
    this.#options = options
    this.prefix = options.prefix
  }

  attach(leader: number): void {
    const { hierarchy, unit, limits } = this.#options
    const folder = findGroupOf(leader, hierarchy)
    // It may have ended meanwhile; then there is nothing to hold any more.
    if (folder === null || basename(folder) !== unit) return
    const inner = new FolderGroup({ version: 2, directories: { memory: folder, cpu: folder, pids: folder } }, this.holds)
    this.#folder = folder
    // systemd has set the limits; this adds what it does not do before version 253, and opens the counters.
    tryWrite(`${folder}/memory.oom.group`, 1)
    try {
      this.#slice = new KeptFile(`${dirname(folder)}/memory.events`)
      this.#usage = new KeptFile(`${folder}/memory.current`)
      inner.write(limits)
    } catch {
      // It ended between the two looks; what is known of it is enough to end it.
    }
    this.#inner = inner
    this.#killsInSlice = this.#countInSlice()
  }

  watch(listener: (about: Resource) => void): void {
    this.#inner?.watch((about) => {
      if (about === 'memory') this.#changed = true
      listener(about)
    })
  }

  countKills(): number | null {
    const kills = this.#inner?.countKills() ?? null
    if (kills === null) return null
    this.#killsInSlice = this.#countInSlice()
    this.#newestBytes = this.#usage === null ? 0 : Number.parseInt(this.#usage.read(), 10) || 0
    return kills
  }

  /**
   * systemd removes a scope the moment it is empty, and with it what was counted since the last look. What remains:
   * the slice counts for all its scopes (unless it loses the controller with its last one), the kernel told of a
   * change in the counters, or it was on its way there at the last look.
   */
  suspectsOom(): boolean {
    const { memoryBytes } = this.#options.limits
    if (memoryBytes === undefined || this.#inner === null) return false
    return this.#changed || this.#countInSlice() > this.#killsInSlice || this.#newestBytes > memoryBytes * ON_ITS_WAY
  }

  #countInSlice(): number {
    return this.#slice === null ? 0 : numberOf(this.#slice.read(), 'oom_kill')
  }

  countRefusals(): number {
    return this.#inner?.countRefusals() ?? 0
  }

  isFull(): boolean {
    return this.#inner?.isFull() ?? false
  }

  reachedMemoryLimit(): boolean {
    return this.#inner?.reachedMemoryLimit() ?? true
  }

  write(limits: LimitsSpec): void {
    if (this.#inner === null) throw new Error('its group is not known')
    this.#inner.write(limits)
  }

  workingSet(): number | null {
    return this.#inner?.workingSet() ?? null
  }

  usage(): GroupUsage | null {
    return this.#inner?.usage() ?? null
  }

  kill(): boolean {
    return this.#inner?.kill() ?? true
  }

  close(): void {
    this.#inner?.close()
    this.#slice?.close()
    this.#usage?.close()
  }

  remove(): boolean {
    return this.#folder === null || !existsSync(this.#folder) || removeGroup(this.#folder)
  }
}
