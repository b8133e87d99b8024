import { describe, expect, it } from 'vitest'
import type { LaunchSpec, ServerSpec } from '../../../src/lib/core/index.js'
import type { ListedProcess } from '../../../src/lib/process/index.js'
import type { Found, SurveyedPlace } from '../../../src/lib/clients/index.js'
import { judgeClients, type Relation } from '../../../src/lib/verbs/doctor-clients.js'
import { findStrays, judgeCopies, judgeOrphans } from '../../../src/lib/verbs/doctor-stray.js'
import { findWrappers, judgeWrapper } from '../../../src/lib/verbs/doctor-wrapper.js'

const MB = 1024 ** 2
const NOW = Date.UTC(2026, 10, 21)

function processOf(pid: number, parentPid: number, line: string, changes: Partial<ListedProcess> = {}): ListedProcess {
  return { pid, parentPid, parentName: parentPid === 1 ? 'systemd' : 'cursor', args: line.split(' '), memoryBytes: 40 * MB, startedAt: NOW - 7200_000, marker: null, isService: false, ...changes }
}

function serverOf(name: string, command: string, ...args: string[]): ServerSpec {
  const launch: LaunchSpec = { command, args, cwd: '/srv', env: {}, ownEnv: [], shown: [command, ...args] }
  // What is judged here is the launch alone.
  return { name, launch, source: '/srv/mcp.config.json' } as unknown as ServerSpec
}

const measure = (pids: readonly number[]): number => pids.length * 30 * MB

describe('processes that look like servers of others', () => {
  it('are whole trees: npx, its shell and the server are one', () => {
    const strays = findStrays([
      processOf(10, 1, 'npm exec @modelcontextprotocol/server-git'),
      processOf(11, 10, 'sh -c mcp-server-git', { parentName: 'npm' }),
      processOf(12, 11, 'node /x/node_modules/.bin/mcp-server-git', { parentName: 'sh' }),
      processOf(13, 12, 'git status', { parentName: 'node' }),
      processOf(20, 5, '/bin/bash'),
    ])
    expect(strays.map(({ top, pids, key, isOrphan }) => [top.pid, pids, key, isOrphan])).toEqual([[10, [10, 11, 12, 13], 'git', true]])
  })

  it('are not those that carry the mark of a daemon, nor services of the system', () => {
    expect(findStrays([processOf(10, 9, 'npx mcp-server-git', { marker: 'home:run:git:1' })])).toEqual([])
    expect(findStrays([processOf(10, 1, '/usr/bin/mcp-server-git', { isService: true })])).toMatchObject([{ isOrphan: false }])
    expect(findStrays([processOf(10, 4, '/usr/bin/mcp-server-git', { parentName: 'claude' })])).toMatchObject([{ isOrphan: false }])
    expect(findStrays([processOf(10, 1400, '/usr/bin/mcp-server-git', { parentName: 'systemd' })])).toMatchObject([{ isOrphan: true }])
  })

  it('do not send the search round in circles', () => {
    expect(findStrays([processOf(10, 11, 'sh -c mcp-server-git'), processOf(11, 10, 'sh -c mcp-server-git')])).toEqual([])
  })

  it('are listed with pid, memory and age, never with their arguments, and never ended from here', () => {
    const found = judgeOrphans(findStrays([processOf(10, 1, '/usr/bin/mcp-server-git --token s3cret'), processOf(11, 10, 'git log', { parentName: 'mcp-server-git' })]), NOW, measure)
    expect(found).toMatchObject([{ area: 'leaks', state: 'warn', repair: null, detail: 'pid 10 with 1 child (mcp-server-git, 60 MB, 2h old) looks like a server whose client is gone', fix: 'If nobody uses it: kill 10 11' }])
    expect(judgeOrphans([], NOW, measure)).toMatchObject([{ state: 'ok' }])
  })

  it('are summed up when there are many', () => {
    const found = judgeOrphans(findStrays(Array.from({ length: 14 }, (_, index) => processOf(100 + index, 1, 'uvx mcp-server-time'))), NOW, measure)
    expect(found).toHaveLength(11)
    expect(found.at(-1)).toMatchObject({ detail: '4 more look like servers whose clients are gone', fix: 'If nobody uses them: kill 110 111 112 113' })
  })

  it('are copies when a server of the configuration is the same package or script', () => {
    const strays = findStrays([
      processOf(10, 5, 'node /x/node_modules/.bin/mcp-server-git /r'),
      processOf(11, 5, 'node /srv/notes-mcp/server.js'),
      processOf(12, 5, 'uvx mcp-server-time'),
      processOf(13, 1, 'npx @modelcontextprotocol/server-git'),
    ])
    const found = judgeCopies(strays, [serverOf('git', 'npx', '-y', '@modelcontextprotocol/server-git@1.0.0'), serverOf('notes', 'node', 'notes-mcp/server.js'), serverOf('db', 'node', 'db.js')], NOW, () => null)
    expect(found.map(({ server, detail }) => [server, detail])).toEqual([
      ['git', 'git runs 1 more time outside of mcpctl: pid 10 (mcp-server-git, 40 MB, 2h old) under cursor'],
      ['notes', 'notes runs 1 more time outside of mcpctl: pid 11 (notes-mcp, 40 MB, 2h old) under cursor'],
    ])
  })
})

describe('what npx and its like cost', () => {
  const tree = [processOf(10, 5, 'npm exec cowsay-mcp', { marker: 'h' }), processOf(11, 10, 'sh -c cowsay-mcp', { marker: 'h' }), processOf(12, 11, 'node cowsay-mcp', { marker: 'h' }), processOf(13, 12, 'sh -c date', { marker: 'h' }), processOf(14, 5, 'npx other')]

  it('is counted in the tree of the server, without the server itself', () => {
    expect(findWrappers({ pid: 10 }, tree).map(({ pid }) => pid)).toEqual([10, 11])
    expect(findWrappers({ pid: null }, tree)).toEqual([])
    expect(findWrappers(null, tree)).toEqual([])
  })

  it('is said in processes and memory, measured', () => {
    const { name, launch } = serverOf('cow', 'npx', '-y', 'cowsay-mcp@1.2.3', '--x')
    expect(judgeWrapper({ name, launch }, findWrappers({ pid: 10 }, tree), measure)).toMatchObject({ state: 'warn', server: 'cow', detail: 'cow is started through npx: 2 processes (pid 10, 11) only wait for the server, and take 60 MB', fix: 'npm install cowsay-mcp in /srv: an installed package is started directly' })
    expect(judgeWrapper({ name, launch }, [], measure).detail).toContain('not measured')
    expect(judgeWrapper(serverOf('t', 'uvx', 'mcp-server-time'), [], measure).fix).toBe('uv tool install mcp-server-time, and its program as command')
  })
})

describe('clients that start servers themselves', () => {
  const entry = (name: string, enabled = true): Found => ({ name, draft: { enabled, more: {} } }) as unknown as Found
  const surveyed = (found: Found[], changes: Partial<SurveyedPlace> = {}): SurveyedPlace => ({ place: { client: 'cursor', scope: 'user', file: '/h/.cursor/mcp.json', path: ['mcpServers'], project: null }, title: 'Cursor', found, skipped: [], trouble: null, isElsewhere: false, ...changes })
  const relations: Record<string, Relation> = { git: 'covered', notes: 'similar' }
  const relate = (found: Found, spec: ServerSpec): Relation => (found.name === spec.name ? (relations[spec.name] ?? 'other') : 'other')
  const servers = [serverOf('git', 'uvx', 'mcp-server-git'), serverOf('notes', 'node', 'n.js'), serverOf('db', 'node', 'd.js')]

  it('are named with what both run, and how to end that', () => {
    expect(judgeClients([surveyed([entry('git'), entry('notes'), entry('db'), entry('else')])], servers, relate)).toMatchObject([
      { area: 'clients', state: 'warn', server: 'git', detail: 'Cursor still starts 1 server of its own that mcpctl runs too: git (/h/.cursor/mcp.json)', fix: 'mcpctl install cursor, then restart it' },
      { state: 'warn', server: 'notes', detail: expect.stringContaining('with other arguments or variables') as string },
    ])
  })

  it('are fine with what is disabled there, and with mcpctl itself', () => {
    expect(judgeClients([surveyed([entry('git', false)])], servers, relate)).toMatchObject([{ state: 'ok', detail: 'no client starts a server that mcpctl runs' }])
    expect(judgeClients([surveyed([], { skipped: [{ name: 'mcpctl', reason: 'it is mcpctl', isSelf: true }] })], servers, relate)).toMatchObject([{ state: 'ok', detail: 'Cursor comes in through mcpctl, and no client starts a server that mcpctl runs' }])
    expect(judgeClients([], servers, relate)).toMatchObject([{ state: 'ok', detail: 'no configuration of a client was found' }])
  })

  it('whose file is broken are named too', () => {
    expect(judgeClients([surveyed([], { trouble: '3:1: a comma is missing' })], servers, relate)).toMatchObject([{ state: 'warn', detail: 'Cursor: 3:1: a comma is missing', fix: expect.stringContaining('/h/.cursor/mcp.json') as string }])
  })
})
