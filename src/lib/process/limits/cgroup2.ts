import { accessSync, constants, existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { LimitsSpec } from '../../core/index.js'
import { readStat } from '../proc.js'
import { listGroup, readText, removeGroup, tryWrite, writeValue } from './cgroup-file.js'
import type { Hierarchy } from './cgroup-paths.js'
import { isKeptBySystemd } from './delegation.js'
import { GroupFolder } from './folders.js'
import type { KernelGroup } from './kernel-group.js'
import { reasonOf, type KernelSource, type Trial } from './kernel-source.js'
import { RESOURCES, type Resource } from './types.js'
import { makeFolder } from './make-folder.js'

/** Where this process moves to: a group whose children are limited must have no processes of its own. */
const LEAF = 'daemon'

/**
 * Takes over this process's own group, if nobody else lives in it: moves into a leaf first, enables controllers
 * second (the other way round the kernel may silently make the group threaded, and nothing could be placed below
 * it), and checks the type third.
 */
export function tryCgroup2(hierarchies: readonly Hierarchy[], folder: string, env: Readonly<Record<string, string | undefined>>): Trial {
  const hierarchy = hierarchies.find(({ version }) => version === 2)
  if (hierarchy === undefined) return { why: 'cgroup version 2 is not mounted' }
  const root = findRoot(hierarchy.own)
  const offered = controllersOf(root)
  if (offered.length === 0) return { why: `no controller is delegated to ${root}` }
  try {
    accessSync(root, constants.W_OK)
    accessSync(`${root}/cgroup.procs`, constants.W_OK)
  } catch (error) {
    return { why: `${root} may not be written to: ${reasonOf(error)}` }
  }
  if (isKeptBySystemd(root, env)) return { why: `${root} belongs to a unit of systemd without Delegate=yes` }
  const undo = new Undo()
  try {
    return claim({ root, offered, folder }, undo)
  } catch (error) {
    undo.run()
    return { why: `${root} cannot be used: ${reasonOf(error)}` }
  }
}

function claim({ root, offered, folder }: { root: string; offered: readonly Resource[]; folder: string }, undo: Undo): Trial {
  // Only the root of all groups may have both processes and limited children; it alone has no type.
  if (existsSync(`${root}/cgroup.type`)) moveToLeaf(root, undo)
  const base = `${root}/${folder}`
  enable(root, offered, undo)
  makeFolder(base)
  undo.add(() => removeGroup(base))
  enable(base, controllersOf(base), undo)
  checkType(base)
  const holds = new Set(offered.filter((resource) => readText(`${base}/cgroup.subtree_control`).split(/\s/).includes(resource)))
  if (holds.size === 0) throw new Error('no controller could be enabled')
  const missing = RESOURCES.filter((resource) => !holds.has(resource))
  return { source: new Cgroup2(base, holds, undo), notes: missing.map((resource) => `cgroup2 without ${resource}: not delegated to ${root}`) }
}

/** When this process is in such a leaf already (a daemon started by a daemon, or systemd's DelegateSubgroup), the group above is meant. */
function findRoot(own: string): string {
  const above = dirname(own)
  return basename(own) === LEAF && listGroup(above).length === 0 && existsSync(`${above}/cgroup.type`) ? above : own
}

function controllersOf(directory: string): Resource[] {
  const offered = readText(`${directory}/cgroup.controllers`).trim().split(/\s+/)
  return RESOURCES.filter((resource) => offered.includes(resource))
}

function moveToLeaf(root: string, undo: Undo): void {
  const inside = listGroup(root)
  const others = inside.filter((pid) => pid !== process.pid && readStat(pid)?.parentPid !== process.pid)
  if (others.length > 0) throw new Error(`other processes live in it (pid ${others.slice(0, 3).join(', ')}${others.length > 3 ? ', ...' : ''})`)
  const leaf = `${root}/${LEAF}`
  makeFolder(leaf)
  undo.add(() => {
    for (const pid of listGroup(leaf)) tryWrite(`${root}/cgroup.procs`, pid)
    removeGroup(leaf)
  })
  for (const pid of inside) writeValue(`${leaf}/cgroup.procs`, pid)
}

function enable(directory: string, resources: readonly Resource[], undo: Undo): void {
  for (const resource of resources) {
    if (!tryWrite(`${directory}/cgroup.subtree_control`, `+${resource}`)) continue
    undo.add(() => tryWrite(`${directory}/cgroup.subtree_control`, `-${resource}`))
  }
}

function checkType(directory: string): void {
  const type = readText(`${directory}/cgroup.type`).trim()
  if (type !== 'domain') throw new Error(`${directory} is of type ${type === '' ? 'unknown' : type}, not domain`)
}

class Cgroup2 implements KernelSource {
  readonly name = 'cgroup2'
  readonly kill: 'loop' | 'atomic'
  readonly holds: ReadonlySet<Resource>
  readonly bases: readonly string[]
  readonly #folder: GroupFolder
  readonly #undo: Undo

  constructor(base: string, holds: ReadonlySet<Resource>, undo: Undo) {
    this.holds = holds
    this.bases = [base]
    this.#undo = undo
    this.#folder = new GroupFolder({ version: 2, directories: Object.fromEntries([...holds].map((resource) => [resource, base])) }, holds)
    this.kill = existsSync(`${base}/cgroup.kill`) ? 'atomic' : 'loop'
  }

  make(id: string, limits: LimitsSpec): KernelGroup {
    for (const base of this.bases) {
      makeFolder(base)
      checkType(base)
      // A base that was removed and made anew has to be told again; one that has them does not mind.
      for (const resource of this.holds) writeValue(`${base}/cgroup.subtree_control`, `+${resource}`)
    }
    return this.#folder.make(id, limits, checkType)
  }

  close(): void {
    this.#undo.run()
  }
}

/** Steps to be taken back, newest first. */
class Undo {
  #steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  run(): void {
    for (const step of this.#steps.splice(0).reverse()) step()
  }
}
