import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { errorOf, fixture, useHome } from './support.js'

const home = useHome()

describe('tools', () => {
  test('is a table with a line for each tool of each server', async () => {
    home().config({ box: fixture('e2e-toolbox.mjs'), basic: fixture('mcp-modern.mjs'), off: { ...fixture('mcp-legacy.mjs'), enabled: false } })
    await runOk(['start'], { home: home() })
    const { stdout, stderr } = await runOk(['tools'], { home: home() })
    expect(stderr).toBe('')
    const [head = '', ...rows] = stdout.trimEnd().split('\n')
    expect(head.split(/ {2,}/)).toEqual(['SERVER', 'TOOL', 'DESCRIPTION'])
    expect(rows).toHaveLength(11)
    expect(rows[0]?.split(/ {2,}/)).toEqual(['box', 'add', 'Adds numbers.'])
    expect(rows.map((row) => row.split(/ +/)[0])).toEqual([...Array<string>(7).fill('box'), ...Array<string>(4).fill('basic')])
  })

  test('--json has the definitions as the servers wrote them', async () => {
    home().config({ box: fixture('e2e-toolbox.mjs'), basic: fixture('mcp-modern.mjs') })
    await runOk(['start'], { home: home() })
    const all = (await runOk(['tools', '--json'], { home: home() })).json() as { servers: { name: string; ready: boolean; tools: Record<string, unknown>[] }[] }
    expect(all).toMatchObject({ schemaVersion: 1, servers: [{ name: 'box', ready: true, trouble: null }, { name: 'basic', ready: true, trouble: null }] })
    expect(all.servers[0]?.tools[0]).toEqual({
      name: 'add', description: 'Adds numbers.\nAll of them.', 'x-unknown': { kept: [1, null] },
      inputSchema: { type: 'object', properties: { numbers: { type: 'array', items: { type: 'number' } }, label: { type: 'string' } }, required: ['numbers'] },
    })
    const costs = (await runOk(['tools', '--tokens', '--json'], { home: home() })).json()
    expect(costs).toMatchObject({ ...all, estimate: { tools: 11, tokens: expect.any(Number), servers: [{ name: 'box' }, { name: 'basic' }] } })
    const table = (await runOk(['tools', '--tokens'], { home: home() })).stdout
    expect(table).toMatch(/^about \d+ tokens for 11 tools of 2 servers \(an estimate: models count differently\)$/m)
    const one = (await runOk(['tools', 'basic', '--json'], { home: home() })).json() as typeof all
    expect(one.servers.map((server) => server.name)).toEqual(['basic'])
  })

  test('names servers that are not ready on stderr and shows the others', async () => {
    home().config({ broken: { ...badServer('exit-at-start', { code: 9 }), restart: 'never' }, box: fixture('e2e-toolbox.mjs') })
    await run(['start'], { home: home() })
    const all = await run(['tools'], { home: home() })
    expect(all).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^broken: failed: exited with code 9/) })
    expect(all.stdout).toContain('box     add')
    const named = await run(['tools', 'broken'], { home: home() })
    expect(named).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringMatching(/^broken: failed: /) })
  })

  test('knows near names, helper processes, and that nothing runs', async () => {
    const silent = await run(['tools', '--json'], { home: home() })
    expect(silent.exitCode).toBe(3)
    expect(errorOf(silent)).toMatchObject({ code: 'NOT_RUNNING', hint: 'mcpctl start' })
    home().config({ files: fixture('mcp-legacy.mjs'), helper: { command: 'sleep', args: ['1000'], transport: 'none' } })
    await runOk(['start'], { home: home() })
    const unknown = await run(['tools', 'fils', '--json'], { home: home() })
    expect(unknown.exitCode).toBe(4)
    expect(errorOf(unknown)).toMatchObject({ code: 'SERVER_UNKNOWN', details: { suggestions: ['files'] } })
    const helper = await run(['tools', 'helper', '--json'], { home: home() })
    expect(helper.exitCode).toBe(2)
    expect(errorOf(helper).message).toContain('speaks no MCP')
    expect((await runOk(['tools'], { home: home() })).stdout).not.toContain('helper')
  })
})
