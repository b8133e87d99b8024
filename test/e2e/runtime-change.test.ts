import { readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runtimeChangesFile } from '../../src/lib/control/index.js'
import { run, runOk, type CliResult } from '../helpers/cli.js'
import { errorOf, fixture, look, pidOf, serverOf, useHome } from './support.js'

const home = useHome()
const DUAL = fixture('mcp-dual.mjs')
const phases = async (): Promise<Record<string, string>> => Object.fromEntries(((await look(home()))?.servers ?? []).map((server) => [server.name, server.enabled ? server.phase : 'disabled']))
const changesOf = (result: CliResult): unknown => (result.json()['changes'] as { name: string; action: string }[]).filter(({ action }) => action !== 'none').map(({ name, action }) => `${action} ${name}`)

test('servers are added, switched and removed while the daemon runs, and are as they were left after a restart', async () => {
  const added = await runOk(['add', 'early', '--env', 'API_KEY=sk-abcdefghij0123456789', '--', DUAL.command, ...DUAL.args], { home: home() })
  expect(added.stderr).toMatch(/API_KEY looks like a secret.*\$\{NAME\}/)
  const file = runtimeChangesFile(home().paths)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  // There is no configuration file at all.
  await runOk(['start'], { home: home() })
  expect(await phases()).toEqual({ early: 'ready' })

  home().config({ one: fixture('mcp-modern.mjs') })
  await runOk(['start'], { home: home() })
  const pid = await pidOf(home(), 'one')
  const late = await runOk(['add', 'late', '--json', '--', DUAL.command, ...DUAL.args], { home: home() })
  expect(late.json()).toMatchObject({ schemaVersion: 1, action: 'add', names: ['late'], file, daemon: 'running', servers: [{ name: 'late', phase: 'ready' }] })
  const off = await runOk(['disable', 'one', 'early', '--json'], { home: home() })
  expect(changesOf(off)).toEqual(['stop one', 'stop early'])
  expect(await phases()).toEqual({ one: 'disabled', early: 'disabled', late: 'ready' })

  const shown = await runOk(['config', 'show', '--json'], { home: home() })
  expect(shown.stdout).not.toContain('sk-abcdefghij')
  expect(shown.stdout).toContain(`runtime change (${file})`)

  await runOk(['stop'], { home: home() })
  await runOk(['start'], { home: home() })
  expect(await phases()).toEqual({ one: 'disabled', early: 'disabled', late: 'ready' })
  expect(changesOf(await runOk(['enable', 'one', '--json'], { home: home() }))).toEqual(['start one'])
  expect(await pidOf(home(), 'one')).not.toBe(pid)

  expect(changesOf(await runOk(['remove', 'late', '--json'], { home: home(), cwd: home().base }))).toEqual(['stop late'])
  expect(Object.keys(await phases())).toEqual(['one', 'early'])
  // With nothing but a switch left in it, the file still is where it was taken away from.
  await runOk(['disable', 'one'], { home: home() })
  expect(changesOf(await runOk(['remove', 'early', '--json'], { home: home() }))).toEqual([])
  expect(Object.keys(await phases())).toEqual(['one'])
  const reset = await run(['config', 'reset'], { home: home() })
  expect([reset.exitCode, reset.stderr]).toEqual([2, expect.stringContaining('mcpctl config reset --yes')])
  await runOk(['config', 'reset', '--yes'], { home: home() })
  expect(await phases()).toEqual({ one: 'ready' })
  expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined()
})

test('what cannot be done is said with the way out, and changes nothing', async () => {
  home().config({ one: DUAL })
  const refused = async (status: number, hint: RegExp, ...args: string[]): Promise<void> => {
    const result = await run([...args, '--json'], { home: home() })
    expect([args.join(' '), result.exitCode, errorOf(result)['hint']]).toEqual([args.join(' '), status, expect.stringMatching(hint)])
  }
  await refused(5, /another name/, 'add', 'one', '--url', 'http://localhost:1/mcp')
  await refused(5, /full address/, 'add', 'two', '--url', 'nonsense')
  await refused(2, /--url/, 'add', 'two')
  await refused(2, /mcpctl disable one/, 'remove', 'one')
  await refused(4, /one/, 'disable', 'onee')
  expect(statSync(runtimeChangesFile(home().paths), { throwIfNoEntry: false })).toBeUndefined()
  // A server that never comes up stays added: it is tried again, and the exit status says how it stands.
  await runOk(['start'], { home: home() })
  const failed = await run(['add', 'gone', '--url', 'http://127.0.0.1:9/mcp'], { home: home() })
  expect(failed.exitCode).toBe(1)
  expect(readFileSync(runtimeChangesFile(home().paths), 'utf8')).toContain('gone')
  await runOk(['add', 'calm', '--no-start', '--', DUAL.command, ...DUAL.args], { home: home() })
  expect(await serverOf(home(), 'calm')).toMatchObject({ desired: 'down', enabled: true })
})
