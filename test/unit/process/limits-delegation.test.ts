import { describe, expect, it } from 'vitest'
import { unitOf } from '../../../src/lib/process/limits/delegation.js'

describe('the unit of systemd a group belongs to', () => {
  it.each([
    ['/sys/fs/cgroup/system.slice/mcpctl.service', { unit: 'mcpctl.service', user: false }],
    ['/sys/fs/cgroup/system.slice/_cgroup.service', { unit: 'cgroup.service', user: false }],
    ['/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope', { unit: 'session-3.scope', user: false }],
    ['/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/mcpctl.service', { unit: 'mcpctl.service', user: true }],
    ['/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service', { unit: 'user@1000.service', user: false }],
  ])('%s', (group, unit) => {
    expect(unitOf(group)).toEqual(unit)
  })

  it('is none for the root, slices, containers and what lies below a unit', () => {
    for (const group of ['/sys/fs/cgroup', '/sys/fs/cgroup/system.slice', '/sys/fs/cgroup/docker/4f', '/sys/fs/cgroup/system.slice/x.service/daemon', '/']) expect(unitOf(group)).toBeNull()
  })
})
