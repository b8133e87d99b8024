import { describe, expect, it } from 'vitest'
import { readApplyParams } from '../../src/lib/control/index.js'
import type { MembershipSpec } from '../../src/lib/core/index.js'
import { createProject, problemsOf, type Project } from './config-support.js'

const A = { command: 'x' }

const project = (config: object, user?: object): Project => createProject({ 'mcp.config.json': config, ...(user ? { '../.config/mcpctl/config.json': user } : {}) })

async function memberships(config: object, user?: object): Promise<Record<string, MembershipSpec | null>> {
  const { source, servers, settings } = await project(config, user).load()
  // What is made here has to be understood by the daemon.
  expect(readApplyParams(JSON.parse(JSON.stringify({ source, settings, servers }))).servers).toEqual(servers)
  return Object.fromEntries(servers.map(({ name, traffic }) => [name, traffic.membership]))
}

const place = (group: string, priority: number, more: Partial<MembershipSpec> = {}): MembershipSpec => ({ group, strategy: 'priority', sticky: 'none', priority, weight: 1, ...more })

describe('servers that stand in for each other', () => {
  it('are listed in a group, the most wanted first, unless they say something else for themselves', async () => {
    const groups = { search: ['main', 'backup'], files: { members: ['c', 'd'], strategy: 'weighted', sticky: 'session', weights: { d: 3 } } }
    expect(await memberships({ servers: { main: A, backup: A, c: { ...A, priority: 7, weight: 2 }, d: { ...A, weight: 2 }, e: A }, groups })).toEqual({
      main: place('search', 1), backup: place('search', 2),
      c: place('files', 7, { strategy: 'weighted', sticky: 'session', weight: 2 }), d: place('files', 1, { strategy: 'weighted', sticky: 'session', weight: 3 }),
      e: null,
    })
  })

  it('are alike where a list of them shares calls out', async () => {
    for (const strategy of ['round-robin', 'least-pending', 'weighted', 'random', 'latency'] as const) {
      expect(await memberships({ servers: { a: A, b: A, c: { ...A, priority: 2 } }, groups: { g: { members: ['a', 'b', 'c'], strategy } } })).toEqual({ a: place('g', 1, { strategy }), b: place('g', 1, { strategy }), c: place('g', 2, { strategy }) })
    }
  })

  it('or name the same namespace, each with its priority', async () => {
    const servers = { main: { url: 'http://h:1/mcp', namespace: 'search', priority: 1 }, backup: { url: 'http://h:2/mcp', group: 'search', priority: 2, weight: 5 }, other: { ...A, namespace: 'renamed' }, own: { ...A, namespace: 'own' } }
    expect(await memberships({ servers })).toEqual({ main: place('search', 1), backup: place('search', 2, { weight: 5 }), other: place('renamed', 1), own: null })
  })

  it('and a group without a list says how the servers of its namespace share', async () => {
    const config = { servers: { a: { ...A, namespace: 'g' }, b: { ...A, namespace: 'g' }, c: A }, groups: { g: { strategy: 'latency', members: 'c' } } }
    expect(await memberships(config)).toEqual({ a: place('g', 1, { strategy: 'latency' }), b: place('g', 1, { strategy: 'latency' }), c: place('g', 1, { strategy: 'latency' }) })
  })

  it('may be called like one of them', async () => {
    expect(await memberships({ servers: { search: A, backup: A }, groups: { search: ['search', 'backup'] } })).toEqual({ search: place('search', 1), backup: place('search', 2) })
  })

  it('a group of the project hides the same one of the user, whose unknown members are only told', async () => {
    const user = { servers: { own: A }, groups: { search: ['own'], mine: ['own', 'b', 'elsewhere'] } }
    const { servers, warnings } = await project({ servers: { a: A, b: A }, groups: { search: ['a'] } }, user).load()
    expect(servers.map(({ name, traffic }) => [name, traffic.membership?.group])).toEqual([['a', 'search'], ['b', 'mine'], ['own', 'mine']])
    expect(warnings).toEqual([expect.stringMatching(/groups\.mine\[2\] names "elsewhere", and there is no such server here$/)])
  })

  it('what is said about a place in no group is told', async () => {
    const { warnings } = await project({ servers: { a: { ...A, priority: 1, weight: 2 } } }).load()
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/servers\.a\.priority has no effect: the server is in no group; give it a namespace/)
  })

  it('are shown with the origin of each value', async () => {
    const { explained } = await project({ servers: { a: { ...A, priority: 4 }, b: A }, groups: { g: { members: ['a', 'b'], sticky: 'session' } } }).load()
    const row = (index: number, field: string): unknown => explained.servers[index]?.fields.find((each) => each.field === field)?.value
    expect(['namespace', 'priority', 'weight'].map((field) => row(0, field))).toEqual(['g', 4, 1])
    expect(row(1, 'priority')).toBe(2)
    expect(explained.settings.filter(({ field }) => field.startsWith('groups.')).map(({ field, value, origin }) => [field, value, origin === 'default'])).toEqual([
      ['groups.g.members', ['a', 'b'], false], ['groups.g.strategy', 'priority', true], ['groups.g.sticky', 'session', false],
    ])
  })
})

describe('a server with several processes', () => {
  it('becomes one server each, in a group of its name; who depends on it waits for all', async () => {
    const { servers, explained } = await project({ servers: { search: { ...A, instances: 3, env: { N: '1' }, dependsOn: 'db' }, db: A, last: { ...A, dependsOn: ['search', 'db'] } } }).load()
    expect(servers.map(({ name, dependsOn }) => [name, dependsOn])).toEqual([
      ['search@1', ['db']], ['search@2', ['db']], ['search@3', ['db']], ['db', []], ['last', ['search@1', 'search@2', 'search@3', 'db']],
    ])
    expect(servers[1]?.traffic.membership).toEqual(place('search', 1, { strategy: 'least-pending' }))
    expect(servers[1]?.launch?.env).toMatchObject({ N: '1', MCPCTL_INSTANCE: '2' })
    expect(servers[1]?.launch?.ownEnv).toEqual(['N', 'MCPCTL_INSTANCE'])
    expect(explained.servers.map(({ name }) => name)).toEqual(['search', 'db', 'last'])
    expect(explained.servers[0]?.fields.find(({ field }) => field === 'instances')?.value).toBe(3)
  })

  it('and each of them a member where the server is one', async () => {
    const config = { servers: { main: { ...A, instances: 2 }, backup: A, alone: { ...A, instances: 2, namespace: 'shown' } }, groups: { search: { members: ['main', 'backup'] } }, profiles: { p: ['search', 'alone', 'shown'] } }
    expect(await memberships(config)).toEqual({
      'main@1': place('search', 1), 'main@2': place('search', 1), backup: place('search', 2),
      'alone@1': place('shown', 1, { strategy: 'least-pending' }), 'alone@2': place('shown', 1, { strategy: 'least-pending' }),
    })
  })

  it('one is one, under its own name', async () => {
    const { servers } = await project({ servers: { a: { ...A, instances: 1 } } }).load()
    expect(servers.map(({ name, traffic, launch }) => [name, traffic.membership, launch?.ownEnv])).toEqual([['a', null, []]])
  })
})

const U = { url: 'http://h/mcp' }

describe('is refused with place, value and way out:', () => {
  it.each<[object, string, RegExp, RegExp]>([
    [{ servers: { main: A }, groups: { s: ['mian'] } }, 'groups.s[0]', /names "mian", and there is no such server/, /Did you mean "main"/],
    [{ servers: { main: A }, groups: { s: { members: ['main'], weights: { mian: 2 } } } }, 'groups.s.weights.mian', /no such server/, /Did you mean "main"/],
    [{ servers: { main: A }, groups: { s: ['main'], t: { members: ['main'] } } }, 'groups.t.members[0]', /names "main", which is in the group "s" already/, /one of the two/],
    [{ servers: { main: { ...A, namespace: 'n' } }, groups: { s: ['main'] } }, 'servers.main.namespace', /is "n", but the group "s" has the server in its list/, /Keep one/],
    [{ servers: { main: A }, groups: { s: ['main', 'main'] } }, 'groups.s[1]', /a second time/, /Remove one/],
    [{ servers: { main: A, s: A }, groups: { s: ['main'] } }, 'groups.s[0]', /leads to the group "s", and a server that is not in it is called the same/, /Rename the group, or make the server a member/],
    [{ servers: { main: { ...A, namespace: 'S' }, s: A } }, 'servers.main.namespace', /is called "s"/, /Rename the group/],
    [{ servers: { a: { ...A, namespace: 's' }, b: { ...A, namespace: 'S' } } }, 'servers.b.namespace', /differs from the group "s" only in case/, /the same way/],
    [{ servers: { db: { ...A, transport: 'none' } }, groups: { s: ['db'] } }, 'groups.s[0]', /a helper, which speaks no MCP/, /Remove it/],
    [{ servers: { main: A }, groups: { s: [] } }, 'groups.s', /has no members/, /namespace/],
    [{ servers: { main: A }, groups: { 's t': ['main'] } }, 'groups["s t"]', /not a possible name of a group: it contains a space/, /letters/],
    [{ servers: { main: A }, groups: { s: { members: ['main'], strategy: 'weigthed' } } }, 'groups.s.strategy', /not "weigthed"/, /Did you mean "weighted"/],
    [{ servers: { main: A }, groups: { s: { member: ['main'] } } }, 'groups.s.member', /not a known field/, /Did you mean "members"/],
    [{ servers: { main: A }, groups: ['main'] }, 'groups', /must be an object of group names, not a list/, /main/],
    [{ servers: { main: { ...A, priority: -1 } } }, 'servers.main.priority', /must be a whole number from 0/, /0/],
    [{ servers: { main: { ...A, weight: 0 } } }, 'servers.main.weight', /must be a number above 0 and at most 1000, not 0/, /above 0/],
    [{ servers: { main: { ...A, namespace: 'a b' } } }, 'servers.main.namespace', /must be a name of letters/, /letters/],
    [{ servers: { main: { ...A, instances: 33 } } }, 'servers.main.instances', /must be a whole number from 1 to 32, not 33/, /32/],
    [{ servers: { main: { ...U, instances: 2 } } }, 'servers.main.instances', /is 2, but nothing is started here/, /one server for each address, all with the same "namespace"/],
    [{ servers: { main: { ...A, ...U, instances: 2 } } }, 'servers.main.instances', /all of them would answer at the same url/, /one server for each port/],
    [{ servers: { main: { ...A, transport: 'none', instances: 2 } } }, 'servers.main.instances', /has no effect on a helper/, /transport "none"/],
    [{ servers: { main: { ...A, isolation: 'per-session', instances: 2 } } }, 'servers.main.instances', /each client session has a process of its own/, /Remove one/],
  ])('%j', async (config, field, message, hint) => {
    const problems = problemsOf(await project(config).fail())
    expect(problems.map((problem) => problem.field)).toContain(field)
    const problem = problems.find((each) => each.field === field)
    expect(problem?.message).toMatch(message)
    expect(problem?.hint).toMatch(hint)
    expect(problems).toHaveLength(1)
  })
})
