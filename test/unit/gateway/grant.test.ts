import { describe, expect, test } from 'vitest'
import { FULL_GRANT, type GrantSpec, type MembershipSpec } from '../../../src/lib/core/index.js'
import type { Access } from '../../../src/lib/gateway/access.js'
import { limitView } from '../../../src/lib/gateway/view-limits.js'
import { EVERYTHING } from '../../../src/lib/gateway/index.js'
import { createRig, type FakeServer } from './rig.js'

const membership = (priority: number): MembershipSpec => ({ group: 'search', strategy: 'priority', sticky: 'none', priority, weight: 1 })
const CATALOGUE = { tools: [{ name: 'look', inputSchema: {} }, { name: 'drop', inputSchema: {} }] }
const server = (traffic: FakeServer['traffic'] = {}): FakeServer => ({ catalogue: CATALOGUE, traffic })

/** What somebody with that grant sees where, as `/mcp` or `/mcp/NAME` shows it. */
function seen(servers: Readonly<Record<string, FakeServer>>, grant: Partial<GrantSpec>, at: string | null = null): string[] {
  const rig = createRig(servers)
  const access: Access = { id: 'key:ci', kind: 'key', grant: { ...FULL_GRANT, ...grant } }
  const client = rig.client({ access, view: limitView(at === null ? EVERYTHING : rig.view(at), access) })
  const { tools } = client.answerTo(client.request('tools/list'))?.['result'] as { tools: { name: string }[] }
  return tools.map(({ name }) => name)
}

describe('what a key forbids', () => {
  const GROUP = { main: server({ membership: membership(1) }), backup: server({ membership: membership(2) }) }

  test('of a group is forbidden of each of its members, asked by itself', () => {
    expect(seen(GROUP, { deny: ['search__drop'] })).toEqual(['search__look'])
    expect(seen(GROUP, { deny: ['search__drop'] }, 'main')).toEqual(['main__look'])
    expect(seen(GROUP, { deny: ['search__d*'] }, 'backup')).toEqual(['backup__look'])
    expect(seen(GROUP, { allow: ['search__look'] }, 'backup')).toEqual(['backup__look'])
  })

  test('of one member is forbidden of the group, whose calls may come to it', () => {
    for (const name of ['main', 'backup']) expect(seen(GROUP, { deny: [`${name}__drop`] })).toEqual(['search__look'])
    expect(seen(GROUP, { allow: ['main__look'] })).toEqual([])
    expect(seen(GROUP, { allow: ['main__look'] }, 'main')).toEqual(['main__look'])
  })

  test('holds under every name: the one the configuration gives, the server\'s own, and without its server', () => {
    const renamed = { files: server({ tools: { drop: { name: 'remove' } } }) }
    expect(seen(renamed, {})).toEqual(['files__look', 'files__remove'])
    for (const deny of ['files__drop', 'files__remove', 'drop', 'remove']) expect(seen(renamed, { deny: [deny] }), deny).toEqual(['files__look'])
    expect(seen({ main: server({ membership: membership(1), tools: { drop: { name: 'remove' } } }) }, { deny: ['search__remove'] }, 'main')).toEqual(['main__look'])
  })

  test('is unknown to it also while it is quarantined', () => {
    const servers = { files: server({ pins: { tools: {}, prompts: {} } }) }
    const rig = createRig(servers)
    const ask = (grant: Partial<GrantSpec>, name: string): unknown => {
      const access: Access = { id: 'key:ci', kind: 'key', grant: { ...FULL_GRANT, ...grant } }
      const client = rig.client({ access, view: limitView(EVERYTHING, access) })
      return client.answerTo(client.request('tools/call', { name }))
    }
    for (const name of ['files__drop', 'drop']) {
      expect(ask({}, name)).toMatchObject({ error: { data: { reason: 'quarantined' } } })
      expect(ask({ deny: ['files__drop'] }, name)).toMatchObject({ error: { message: expect.stringMatching(/^Unknown tool/) } })
    }
    expect(ask({ deny: ['files__drop'] }, 'files__look')).toMatchObject({ error: { data: { reason: 'quarantined' } } })
  })
})

describe('how much servers say in their logs', () => {
  test('is decided by clients that may see them, also of servers that come later', async () => {
    const rig = createRig({ files: { catalogue: CATALOGUE }, db: { catalogue: CATALOGUE, isUp: false } })
    const access: Access = { id: 'key:ci', kind: 'key', grant: { ...FULL_GRANT, servers: ['files'] } }
    const levels = (name: string): unknown[] => rig.link(name).requests.filter(({ method }) => method === 'logging/setLevel').map(({ params }) => params?.['level'])
    const limited = rig.client({ access, view: limitView(EVERYTHING, access) })
    limited.initialize()
    limited.request('logging/setLevel', { level: 'debug' })
    rig.raise('db')
    await rig.settle()
    expect([levels('files'), levels('db')]).toEqual([['debug'], []])
    const user = rig.client({ door: 'stdio' })
    user.initialize()
    user.request('logging/setLevel', { level: 'info' })
    expect([levels('files'), levels('db')]).toEqual([['debug'], ['info']])
    rig.replace('late', { catalogue: CATALOGUE })
    await rig.settle()
    expect(levels('late')).toEqual(['info'])
  })
})
