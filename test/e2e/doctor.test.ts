import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { errorOf, fixture, untilServer, useHome } from './support.js'

const home = useHome()

interface Finding {
  readonly area: string
  readonly state: string
  readonly detail: string
  readonly fix: string | null
  readonly server: string | null
  readonly fixed?: boolean
  readonly done?: string
}

async function findings(...args: string[]): Promise<{ exitCode: number; found: Finding[]; of(area: string): Finding[] }> {
  const result = await run(['doctor', ...args, '--json'], { home: home(), env: { SHELL: '/bin/sh' } })
  const { findings: found } = result.json() as unknown as { findings: Finding[] }
  return { exitCode: result.exitCode, found, of: (area) => found.filter((finding) => finding.area === area) }
}

test('names what holds limits here, with a daemon and without, and leaves nothing behind', async () => {
  home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-modern.mjs') })
  const before = await findings()
  const limits = before.of('limits')[0]
  expect(limits?.detail).toMatch(/^(cgroup2|systemd|cgroup1|rlimit|poll|none): memory (tree|process|polled|none), cpu /)
  expect(before.exitCode).toBe(0)
  const groups = '/sys/fs/cgroup/memory'
  if (existsSync(groups)) expect(readdirSync(groups).filter((name) => name.startsWith('mcpctl-try-'))).toEqual([])
  await runOk(['start'], { home: home() })
  const after = await findings()
  expect(after).toMatchObject({ exitCode: 0 })
  expect(after.of('limits')[0]).toEqual(limits)
  expect(after.of('daemon').map(({ detail }) => detail)).toEqual([expect.stringMatching(/^pid \d+, 2 of 2 wanted servers ready$/)])
  expect(after.of('home')).toMatchObject([{ state: 'ok' }])
  expect(after.of('state')).toMatchObject([{ state: 'ok' }])
  if (process.platform === 'linux') expect(after.of('path')[0]?.detail).toMatch(/running server a/)
  const named = await findings('b')
  expect(named.of('daemon').map(({ detail, server }) => [detail.replace(/, [\d.]+ MB$/, ''), server])).toEqual([[expect.stringMatching(/^pid /), null], ['b is ready: stdio, modern era, 4 tools', 'b']])
  const unknown = await run(['doctor', 'bb', '--json'], { home: home() })
  expect(unknown.exitCode).toBe(4)
  expect(errorOf(unknown)).toMatchObject({ code: 'SERVER_UNKNOWN' })
}, 120_000)

test('fails with the way out for a server in trouble, a program that is missing and a broken configuration', async () => {
  home().config({ bad: { ...badServer('exit-at-start'), restart: 'never' }, gone: { command: 'no-such-program-here', enabled: true } })
  await run(['start', 'bad'], { home: home() })
  await untilServer(home(), 'bad', ({ phase }) => phase === 'failed')
  const missing = await findings('gone')
  expect(missing.exitCode).toBe(1)
  expect(missing.of('commands')).toMatchObject([{ state: 'fail', server: 'gone', detail: expect.stringMatching(/^gone: command not found: no-such-program-here/), fix: expect.stringMatching(/^Install no-such-program-here/) }])
  expect(missing.found.filter(({ server }) => server === 'bad')).toEqual([])
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
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/\d failures?/)
}, 120_000)

test.skipIf(process.platform === 'win32')('--fix mends what is safe, --dry-run only says so, and a stranger’s server is left alone', async () => {
  home().config({ a: fixture('mcp-legacy.mjs') })
  await runOk(['start'], { home: home() })
  await runOk(['stop'], { home: home() })
  const { root, pids, state, daemonFile } = home().paths
  chmodSync(root, 0o777)
  mkdirSync(pids, { recursive: true })
  writeFileSync(daemonFile, '{"pid":2147483646}')
  writeFileSync(join(state, 'pid-names'), 'a\n')
  writeFileSync(join(pids, 'a.pid'), '2147483646\n')
  writeFileSync(join(state, 'catalogue.json.2147483646'), '{')
  writeFileSync(join(state, 'desired.json'), JSON.stringify({ servers: [{ name: 'x', source: '/no/such/mcp.config.json', desired: 'up' }] }))
  // Its parent ends at once: it looks like the server of a client that is gone.
  const script = home().write('old-mcp-server.mjs', 'setInterval(() => undefined, 1000)\n')
  const pidFile = join(home().base, 'orphan.pid')
  spawn('sh', ['-c', `${process.execPath} ${script} --token s3cret & echo $! > ${pidFile}`], { stdio: 'ignore', detached: true }).unref()
  const orphan = await waitFor(() => Number(readFileSync(pidFile, 'utf8')))
  try {
    await fixAll(orphan)
  } finally {
    process.kill(orphan, 'SIGKILL')
  }
}, 180_000)

async function fixAll(orphan: number): Promise<void> {
  const { root, pids, state, daemonFile } = home().paths
  const dry = await findings('--fix', '--dry-run')
  expect(dry.exitCode).toBe(1)
  expect(dry.of('home')).toMatchObject([{ state: 'fail', fixed: false, done: `would be done: mode 0700 for ${root}` }])
  expect(statSync(root).mode & 0o777).toBe(0o777)
  expect(dry.of('state').map(({ state: how, done }) => [how, done])).toEqual([
    ['warn', `would be done: removed ${daemonFile}, ${join(pids, 'a.pid')}`],
    ['warn', `would be done: removed ${join(state, 'desired.json')}`],
    ['warn', `would be done: removed ${join(state, 'catalogue.json.2147483646')}`],
  ])
  if (process.platform === 'linux') {
    const stray = await waitFor(async () => (await findings()).of('leaks').find(({ detail }) => detail.includes(`pid ${orphan} `)), { timeoutMs: 60_000, pollMs: 200 })
    expect(stray).toMatchObject({ state: 'warn', detail: expect.stringMatching(/\(old-mcp-server, [\d.]+ MB, .* old\) looks like a server whose client is gone$/), fix: `If nobody uses it: kill ${orphan}` })
    expect(JSON.stringify(stray)).not.toContain('s3cret')
  }

  const fixed = await findings('--fix')
  expect(fixed.exitCode).toBe(0)
  expect(fixed.found.filter((finding) => finding.fixed === true)).toHaveLength(4)
  expect(statSync(root).mode & 0o777).toBe(0o700)
  for (const path of [daemonFile, join(pids, 'a.pid'), join(state, 'desired.json'), join(state, 'catalogue.json.2147483646')]) expect(existsSync(path)).toBe(false)
  expect(() => process.kill(orphan, 0)).not.toThrow()
  const after = await findings()
  expect(after.of('state')).toMatchObject([{ state: 'ok' }])
  expect(after.of('home')).toMatchObject([{ state: 'ok' }])
  expect((await run(['doctor', '--dry-run'], { home: home() })).exitCode).toBe(2)
}
