import { readProcFile } from '../proc.js'

/** One mounted control group hierarchy and this process's place in it. */
export interface Hierarchy {
  readonly version: 1 | 2
  /** Controllers of a version 1 hierarchy; empty for version 2, which says in its own files what it has. */
  readonly controllers: readonly string[]
  readonly mount: string
  /** The folder of the group this process is in. */
  readonly own: string
}

interface Mount {
  readonly point: string
  /** The part of the hierarchy that is mounted there. */
  readonly root: string
  readonly version: 1 | 2
  readonly options: readonly string[]
}

/** All hierarchies this process can see its own place in; none outside Linux. */
export function findHierarchies(): Hierarchy[] {
  return parseHierarchies(readProcFile('/proc/self/cgroup') ?? '', readProcFile('/proc/self/mountinfo') ?? '')
}

/** The folder a process's version 2 group has below the mount of `hierarchy`, or null. */
export function findGroupOf(pid: number, hierarchy: Hierarchy): string | null {
  const places = parseHierarchies(readProcFile(`/proc/${pid}/cgroup`) ?? '', readProcFile('/proc/self/mountinfo') ?? '')
  return places.find(({ version, mount }) => version === 2 && mount === hierarchy.mount)?.own ?? null
}

/** Reads `/proc/PID/cgroup` (cgroups(7)) together with `/proc/PID/mountinfo` (proc_pid_mountinfo(5)). */
export function parseHierarchies(cgroup: string, mountinfo: string): Hierarchy[] {
  const mounts = parseMounts(mountinfo)
  const found: Hierarchy[] = []
  for (const line of cgroup.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line)
    if (match === null) continue
    const [, number, list = '', path = ''] = match
    const version = number === '0' && list === '' ? 2 : 1
    const controllers = list === '' ? [] : list.split(',')
    const first = controllers[0]
    const mount = mounts.find((one) => one.version === version && (first === undefined ? version === 2 : one.options.includes(first)))
    const own = mount === undefined ? null : placeBelow(mount, path)
    if (mount !== undefined && own !== null) found.push({ version, controllers, mount: mount.point, own })
  }
  return found
}

function parseMounts(mountinfo: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , , root = '', point = ''] = left.split(' ')
    const [type, , options = ''] = right.split(' ')
    if (type === 'cgroup' || type === 'cgroup2') {
      mounts.push({ point: unescape(point), root: unescape(root), version: type === 'cgroup' ? 1 : 2, options: options.split(',') })
    }
  }
  return mounts
}

/** A container may see only its own part of the tree under the mount point, and paths with `..` lie outside of what it sees. */
function placeBelow({ point, root }: Mount, path: string): string | null {
  if (path.startsWith('/..')) return null
  const inside = root !== '/' && (path === root || path.startsWith(`${root}/`)) ? path.slice(root.length) : path
  return inside === '/' || inside === '' ? point : point + inside
}

/** Blanks, tabs, line feeds and backslashes are written in octal. */
function unescape(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
