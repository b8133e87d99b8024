import { existsSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { fixture, untilServer, useHome } from './support.js'

const home = useHome()

interface Finding {
  readonly area: string
  readonly state: string
  readonly detail: string
  readonly fix: string | null
}

async function findings(): Promise<{ exitCode: number; found: Finding[] }> {
  const result = await run(['doctor', '--json'], { home: home() })
  return { exitCode: result.exitCode, found: (result.json() as unknown as { findings: Finding[] }).findings }
}

test('names what holds limits here, with a daemon and without, and leaves nothing behind', async () => {
  home().config({ a: fixture('mcp-legacy.mjs') })
  const before = await findings()
  const limits = before.found.find(({ area }) => area === 'limits')
  expect(limits?.detail).toMatch(/^(cgroup2|systemd|cgroup1|rlimit|poll|none): memory (tree|process|polled|none), cpu /)
  expect(before.exitCode).toBe(0)
  const groups = '/sys/fs/cgroup/memory'
  if (existsSync(groups)) expect(readdirSync(groups).filter((name) => name.startsWith('mcpctl-try-'))).toEqual([])
  await runOk(['start'], { home: home() })
  const after = await findings()
  expect(after).toMatchObject({ exitCode: 0 })
  expect(after.found.find(({ area }) => area === 'limits')).toEqual(limits)
  expect(after.found.find(({ area }) => area === 'daemon')?.detail).toMatch(/^pid \d+, 1 of 1 wanted servers ready$/)
})

test('fails with the way out for a server in trouble and a broken configuration', async () => {
  home().config({ bad: { ...badServer('exit-at-start'), restart: 'never' } })
  await run(['start'], { home: home() })
  await untilServer(home(), 'bad', ({ phase }) => phase === 'failed')
  home().config({ bad: { command: 7 } })
  const { exitCode, found } = await findings()
  expect(exitCode).toBe(1)
  expect(found.filter(({ state }) => state === 'fail')).toEqual(expect.arrayContaining([
    expect.objectContaining({ area: 'daemon', detail: expect.stringMatching(/^bad is failed: /), fix: 'mcpctl why bad' }),
    expect.objectContaining({ area: 'configuration', detail: expect.stringContaining('command') }),
  ]))
  const { stdout } = await run(['doctor'], { home: home() })
  expect(stdout).toMatch(/^fail +daemon +bad is failed/m)
  expect(stdout).toMatch(/fix: mcpctl why bad/)
})
