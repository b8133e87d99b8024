import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run, runOk, start, type CliResult } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import type { TestHome } from '../helpers/home.js'
import { errorOf, fixture, useHome, useHomeOnce } from './support.js'

async function startBox(home: TestHome, changes: Record<string, unknown> = {}): Promise<void> {
  home.config({ box: { ...fixture('e2e-toolbox.mjs'), ...changes }, dual: fixture('mcp-dual.mjs'), helper: { command: 'sleep', args: ['1000'], transport: 'none' } })
  await runOk(['start'], { home })
}

const caller = (home: () => TestHome) => (...args: string[]): Promise<CliResult> => run(['call', ...args], { home: home() })

describe('call', () => {
  const home = useHomeOnce(startBox)
  const call = caller(home)

  test('gives a tool what it asks for and prints what it answers', async () => {
    expect(await call('box', 'add', 'numbers=[1,2.5]', 'numbers=3', 'label=total')).toMatchObject({ exitCode: 0, stdout: 'total: 6.5\n', stderr: '' })
    expect(await call('box', 'add', '--args', '{"numbers":[-1]}')).toMatchObject({ exitCode: 0, stdout: 'sum: -1\n' })
    expect(await call('dual', 'echo', 'text=42')).toMatchObject({ exitCode: 0, stdout: '42\n' })
    expect(await call('box', 'picture')).toMatchObject({ exitCode: 0, stdout: '[image: image/png, 2.9 KB]\n' })
    expect(await call('box', 'status')).toMatchObject({ exitCode: 0, stdout: '{\n  "fine": true,\n  "roots": null\n}\n' })
    expect(await call('box', 'repeat', 'a=1', 'b=x')).toMatchObject({ exitCode: 0, stdout: '{"a":1,"b":"x"}\n' })
  })

  test('reads arguments from a file and from stdin', async () => {
    home().write('numbers.json', { numbers: [4, 5] })
    expect(await call('box', 'add', '--args', '@numbers.json')).toMatchObject({ exitCode: 0, stdout: 'sum: 9\n' })
    expect(await run(['call', 'box', 'add', '--args', '-'], { home: home(), input: '{"numbers":[6]}' })).toMatchObject({ exitCode: 0, stdout: 'sum: 6\n' })
    expect(await call('box', 'add', '--args', '@none.json')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('cannot read none.json') })
  })

  test('--json has the result unchanged', async () => {
    const result = await call('box', 'status', '--json')
    expect(result.exitCode).toBe(0)
    expect(result.json()).toEqual({
      schemaVersion: 1, server: 'box', tool: 'status',
      result: { content: [{ type: 'text', text: '{"fine":true,"roots":null}' }], structuredContent: { fine: true, roots: null }, 'x-extra': 'kept' },
    })
  })

  test('tells the two kinds of errors apart', async () => {
    expect(await call('box', 'fail')).toMatchObject({ exitCode: 1, stdout: 'it broke\n', stderr: 'tool "fail" of server "box" reports an error\n' })
    const failed = await call('box', 'fail', '--json')
    expect(failed.exitCode).toBe(1)
    expect(failed.json()).toMatchObject({ result: { isError: true } })
    const refused = await call('box', 'refuse', '--json')
    expect(refused.exitCode).toBe(1)
    expect(errorOf(refused)).toMatchObject({ code: 'CALL_FAILED', message: 'server "box" answered with error -32000: not today', details: { server: 'box', rpcCode: -32000, data: { until: 'tomorrow' } } })
  })

  test('knows near names of servers, tools and arguments', async () => {
    expect(await call('bxo', 'add')).toMatchObject({ exitCode: 4, stderr: 'error: there is no server "bxo"\nhint: Did you mean box?\n' })
    expect(await call('box', 'ad')).toMatchObject({ exitCode: 4, stderr: 'error: server "box" has no tool "ad"\nhint: Did you mean add?\n' })
    expect(await call('box', 'zzz')).toMatchObject({ exitCode: 4, stderr: 'error: server "box" has no tool "zzz"\nhint: mcpctl tools box lists what it has.\n' })
    expect(await call('box', 'add', 'nubmers=1')).toMatchObject({ exitCode: 2, stderr: 'error: tool "add" has no argument "nubmers"\nhint: Did you mean numbers?\n' })
    expect(await call('box', 'add')).toMatchObject({ exitCode: 2, stderr: 'error: tool "add" needs numbers (a list)\nhint: Add numbers=…\n' })
    expect(await call('helper', 'add')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('speaks no MCP') })
  })

  test('takes a call back when its time is up and when it is interrupted', async () => {
    const told = (what: string): number => readFileSync(join(home().paths.logs, 'box.log'), 'utf8').split(`${what}\n`).length - 1
    const late = await call('box', 'forever', '--timeout', '1s', '--json')
    expect(late.exitCode).toBe(7)
    expect(errorOf(late).code).toBe('TIMEOUT')
    await waitFor(() => told('taken back') === 1, { what: 'the server to hear of it' })
    const running = start(['call', 'box', 'forever'], { home: home() })
    await waitFor(() => told('forever: begun') === 2, { what: 'the call to begin' })
    running.kill('SIGINT')
    expect(await running).toMatchObject({ exitCode: 130, stderr: expect.stringMatching(/^error: interrupted; server "box" is told that nobody waits any more\n/) })
    await waitFor(() => told('taken back') === 2, { what: 'the server to hear of it again' })
  })

  test.each([
    [['call'], /needs a server and a tool|Missing 1 required arg/],
    [['call', 'box'], /call needs a server and a tool; only "box" is given/],
    [['call', 'box', 'add', 'x=1', '--args', '{}'], /both with --args and as KEY=VALUE/],
    [['call', 'box', 'add', '--args', '[1]'], /--args has to be a JSON object, not a list/],
    [['call', 'box', 'add', '--args', '{'], /--args is not valid JSON/],
    [['call', 'box', 'add', '--timeout', 'soon'], /--timeout "soon" is not a time/],
  ])('refuses %j', async (args, message) => {
    expect(await run(args, { home: home() })).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringMatching(message) })
  })
})

describe('call, as things are,', () => {
  const home = useHome()
  const call = caller(home)

  test('goes by the names clients see', async () => {
    await startBox(home(), { tools: { deny: ['fail'], rename: { add: 'plus' } } })
    expect(await call('box', 'plus', 'numbers=1')).toMatchObject({ exitCode: 0, stdout: 'sum: 1\n' })
    expect(await call('box', 'add', 'numbers=1')).toMatchObject({ exitCode: 4 })
    expect(await call('box', 'fail')).toMatchObject({ exitCode: 4 })
  })

  test('says when nothing runs, and when the server does not', async () => {
    expect(await call('box', 'add')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('hint: mcpctl start\n') })
    await startBox(home())
    await runOk(['stop', 'box'], { home: home() })
    expect(await call('box', 'status')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('box') })
  })
})
