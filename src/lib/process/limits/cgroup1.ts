import { existsSync } from 'node:fs'
import type { LimitsSpec } from '../../core/index.js'
import { removeGroup } from './cgroup-file.js'
import type { Hierarchy } from './cgroup-paths.js'
import { GroupFolder } from './folders.js'
import { reasonOf, type KernelSource, type Trial } from './kernel-source.js'
import type { KernelGroup } from './kernel-group.js'
import type { Layout } from './layout.js'
import { RESOURCES, type Resource } from './types.js'
import { makeFolder } from './make-folder.js'

type Controller = keyof Layout['directories']

/** A file each controller must have to be of use; `cpuacct` only counts and `freezer` only helps to kill. */
const NEEDED: Readonly<Record<Controller, string>> = {
  memory: 'memory.limit_in_bytes',
  cpu: 'cpu.cfs_quota_us',
  pids: 'pids.max',
  cpuacct: 'cpuacct.usage',
  freezer: 'freezer.state',
}
const CONTROLLERS = ['memory', 'cpu', 'pids', 'cpuacct', 'freezer'] as const satisfies readonly Controller[]

/** Makes its folder below this process's own group in every hierarchy that allows it. */
export function tryCgroup1(hierarchies: readonly Hierarchy[], folder: string): Trial {
  const bases: Partial<Record<Controller, string>> = {}
  const missing: string[] = []
  for (const controller of CONTROLLERS) {
    const base = claim(hierarchies.find((one) => one.version === 1 && one.controllers.includes(controller)), controller, folder)
    if (typeof base === 'string') bases[controller] = base
    else missing.push(`${controller}: ${base.why}`)
  }
  const holds = new Set(RESOURCES.filter((resource) => bases[resource] !== undefined))
  if (holds.size === 0) return { why: `no controller of version 1 can be used (${missing.join('; ')})` }
  return { source: new Cgroup1(bases, holds), notes: missing.map((one) => `cgroup1 without ${one}`) }
}

function claim(hierarchy: Hierarchy | undefined, controller: Controller, folder: string): string | { why: string } {
  if (hierarchy === undefined) return { why: 'not mounted' }
  const base = `${hierarchy.own}/${folder}`
  try {
    makeFolder(base)
  } catch (error) {
    return { why: reasonOf(error) }
  }
  if (existsSync(`${base}/${NEEDED[controller]}`)) return base
  removeGroup(base)
  return { why: `this kernel has no ${NEEDED[controller]}` }
}

class Cgroup1 implements KernelSource {
  readonly name = 'cgroup1'
  readonly kill = 'loop'
  readonly holds: ReadonlySet<Resource>
  readonly #folder: GroupFolder

  constructor(bases: Layout['directories'], holds: ReadonlySet<Resource>) {
    this.holds = holds
    this.#folder = new GroupFolder({ version: 1, directories: bases }, holds)
  }

  get bases(): readonly string[] {
    return this.#folder.bases
  }

  make(id: string, limits: LimitsSpec): KernelGroup {
    return this.#folder.make(id, limits)
  }

  close(): void {
    this.#folder.remove()
  }
}
