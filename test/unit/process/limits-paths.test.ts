import { describe, expect, it } from 'vitest'
import { parseHierarchies } from '../../../src/lib/process/limits/cgroup-paths.js'

const mount = (point: string, root: string, type: string, options: string): string => `31 24 0:27 ${root} ${point} rw,nosuid,relatime shared:9 - ${type} none rw,${options}`

describe('the place of a process in the hierarchies of control groups', () => {
  it('is a folder below the one mount of version 2', () => {
    expect(parseHierarchies('0::/user.slice/session-1.scope\n', mount('/sys/fs/cgroup', '/', 'cgroup2', 'nsdelegate'))).toEqual([
      { version: 2, controllers: [], mount: '/sys/fs/cgroup', own: '/sys/fs/cgroup/user.slice/session-1.scope' },
    ])
  })

  it('differs for each hierarchy of version 1, several controllers of which may be mounted together', () => {
    const found = parseHierarchies('5:memory:/a/b\n4:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n', [
      mount('/sys/fs/cgroup/memory', '/', 'cgroup', 'memory'),
      mount('/sys/fs/cgroup/cpu,cpuacct', '/', 'cgroup', 'cpu,cpuacct'),
      mount('/sys/fs/cgroup/unified', '/', 'cgroup2', 'nsdelegate'),
    ].join('\n'))
    expect(found).toEqual([
      { version: 1, controllers: ['memory'], mount: '/sys/fs/cgroup/memory', own: '/sys/fs/cgroup/memory/a/b' },
      { version: 1, controllers: ['cpu', 'cpuacct'], mount: '/sys/fs/cgroup/cpu,cpuacct', own: '/sys/fs/cgroup/cpu,cpuacct' },
      { version: 2, controllers: [], mount: '/sys/fs/cgroup/unified', own: '/sys/fs/cgroup/unified' },
    ])
  })

  it('is the mount point in a container that sees only its own part', () => {
    const [found] = parseHierarchies('7:memory:/docker/4f\n', mount('/sys/fs/cgroup/memory', '/docker/4f', 'cgroup', 'memory'))
    expect(found?.own).toBe('/sys/fs/cgroup/memory')
    const [inside] = parseHierarchies('7:memory:/docker/4f/inner\n', mount('/sys/fs/cgroup/memory', '/docker/4f', 'cgroup', 'memory'))
    expect(inside?.own).toBe('/sys/fs/cgroup/memory/inner')
  })

  it('is unknown outside of what is mounted, and where nothing is', () => {
    expect(parseHierarchies('0::/../other\n', mount('/sys/fs/cgroup', '/', 'cgroup2', ''))).toEqual([])
    expect(parseHierarchies('0::/a\n3:pids:/b\n', '')).toEqual([])
    expect(parseHierarchies('', mount('/sys/fs/cgroup', '/', 'cgroup2', ''))).toEqual([])
    expect(parseHierarchies('garbage\n\n', 'garbage\n - \n')).toEqual([])
  })

  it('may have blanks in its name', () => {
    expect(parseHierarchies('0::/my group\n', mount('/mnt/a\\040b', '/', 'cgroup2', ''))[0]?.own).toBe('/mnt/a b/my group')
  })
})
