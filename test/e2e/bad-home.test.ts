import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { BIN, cliEnvironment, run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { errorOf, fixture, logOf, kill, pidOf, processesLeft, serverOf, statusOf, untilServer, useHome } from './support.js'

const home = useHome()
const isRoot = process.getuid?.() === 0
/** Somebody to whom read-only means something. */
const NOBODY = 65_534

/** `mcpctl ARGS` as an ordinary user: root may read and write whatever the mode says. */
async function runAsUser(args: readonly string[], node = process.execPath): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(node, [BIN, ...args], {
    cwd: home().project,
    env: cliEnvironment(home()),
    extendEnv: false,
    stdin: 'ignore',
    timeout: 30_000,
    reject: false,
    stripFinalNewline: false,
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  })
  return { exitCode, stdout, stderr }
}

/** The home belongs to the ordinary user, its parent lets everybody through. */
function hand(...folders: string[]): void {
  chmodSync(home().base, 0o755)
  if (!isRoot) return
  for (const folder of folders) chownSync(folder, NOBODY, NOBODY)
}

async function expectUnusable(root: string): Promise<void> {
  const env = { MCP_HOME: root }
  const { exitCode, stdout, stderr } = await run(['start'], { home: home(), env })
  expect(exitCode, stderr).toBe(6)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^error: cannot use [^]*: .+\nhint: .*MCP_HOME.*\n$/)
  expect(stderr).toContain(`cannot use ${root}`)
  const json = await run(['start', '--json'], { home: home(), env })
  expect(json.exitCode).toBe(6)
  expect(errorOf(json)).toMatchObject({ code: 'HOME_UNUSABLE', details: { path: expect.stringContaining(root) } })
  // Whatever stop answers, it does not blame itself.
  expect((await run(['stop'], { home: home(), env })).stderr).not.toMatch(/defect|\n +at /)
  expect(processesLeft(home())).toEqual([])
}

describe('an MCP_HOME that cannot be used is named with the reason and the way out:', () => {
  // Not the home of the test itself, which has to be usable for the looking after it.
  test.each<[string, (root: string) => unknown]>([
    ['the home is a file', (root) => writeFileSync(root, '')],
    ['a file stands where the sockets go', (root) => (mkdirSync(root), writeFileSync(join(root, 'run'), ''))],
    ['a file stands where the logs go', (root) => (mkdirSync(root), writeFileSync(join(root, 'logs'), ''))],
    ['a file stands where the PID files go', (root) => (mkdirSync(root), writeFileSync(join(root, 'pids'), ''))],
    ['a folder stands where the socket goes', (root) => mkdirSync(join(root, 'run/control.sock/full'), { recursive: true })],
    ['a folder stands where the daemon writes who it is', (root) => mkdirSync(join(root, 'run/daemon.json/full'), { recursive: true })],
    ['a folder stands where the daemon writes its log', (root) => mkdirSync(join(root, 'daemon.log'), { recursive: true })],
  ])('%s', async (_what, spoil) => {
    const root = join(home().base, 'spoiled')
    home().config({ a: fixture('mcp-legacy.mjs') })
    spoil(root)
    await expectUnusable(root)
  })

  test('the home lies below a file', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    writeFileSync(join(home().base, 'file'), '')
    await expectUnusable(join(home().base, 'file/home'))
  })

  test('it may not be written', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    mkdirSync(home().home)
    hand(home().home)
    chmodSync(home().home, 0o500)
    const { exitCode, stderr } = await runAsUser(['start'])
    expect(exitCode).toBe(6)
    expect(stderr).toMatch(new RegExp(`^error: cannot use ${home().home}\\S*: permission denied\\nhint: Make it writable`))
  })

  test('a configuration may not be read', async () => {
    chmodSync(home().config({ a: fixture('mcp-legacy.mjs') }), 0o000)
    hand()
    const { exitCode, stderr } = await runAsUser(['start'])
    expect(exitCode).toBe(5)
    expect(stderr).toMatch(/^error: cannot read \S+mcp\.config\.json: permission denied\nhint: .*chmod u\+r/)
  })

  test('the disk is full', async (context) => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    mkdirSync(home().home, { mode: 0o700 })
    const unmount = mountSmall(home().home)
    if (unmount === null) return context.skip('a file system of a few pages can only be mounted by root')
    try {
      fillUp(home().home)
      const { exitCode, stderr } = await run(['start'], { home: home() })
      expect(exitCode, stderr).toBe(6)
      expect(stderr).toMatch(new RegExp(`^error: cannot use ${home().home}\\S*: no space left on the device\\nhint: .*free some space`))
      await runOk(['stop'], { home: home() })
    } finally {
      unmount()
    }
  })
})

describe('a disk that fills up under a running daemon', () => {
  test('costs log lines, not servers: they go on, are restarted and stopped', async (context) => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    mkdirSync(home().home, { mode: 0o700 })
    const unmount = mountSmall(home().home)
    if (unmount === null) return context.skip('a file system of a few pages can only be mounted by root')
    try {
      await runOk(['start'], { home: home() })
      fillUp(home().home)
      kill(await pidOf(home(), 'a'))
      expect(await untilServer(home(), 'a', (server) => server.ready && server.generation === 2)).toMatchObject({ restarts: 1 })
      expect((await statusOf(home())).servers).toMatchObject([{ name: 'a', ready: true }])
      await runOk(['restart', 'a'], { home: home() })
      await runOk(['stop'], { home: home() })
    } finally {
      unmount()
    }
  })
})

describe('a home in an unusual place', () => {
  test('with a path too long for a socket address works', async () => {
    const long = join(home().base, 'home-'.padEnd(120, 'x'))
    home().config({ a: fixture('mcp-legacy.mjs') })
    const env = { MCP_HOME: long }
    await runOk(['start'], { home: home(), env })
    expect((await runOk(['status', '--json'], { home: home(), env })).json()).toMatchObject({ servers: [{ ready: true }], daemon: { home: long } })
    await runOk(['stop'], { home: home(), env })
    expect(readdirSync(join(long, 'pids'))).toEqual([])
  })

  test('with spaces and letters of all kinds in its path works', async () => {
    const odd = join(home().base, "a b's größe ☂")
    home().config({ a: fixture('mcp-legacy.mjs') })
    const env = { MCP_HOME: odd }
    await runOk(['start'], { home: home(), env })
    expect(existsSync(join(odd, 'logs/a.log'))).toBe(true)
    await runOk(['stop'], { home: home(), env })
  })

  test('has its folders and files for its owner only', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    await waitFor(() => readdirSync(home().paths.pids).length > 0)
    const open = execFileSync('find', [home().home, '-perm', '/077'], { encoding: 'utf8' })
    expect(open).toBe('')
    expect((await logOf(home(), 'a')).length).toBeGreaterThan(0)
    expect(await serverOf(home(), 'a')).toMatchObject({ ready: true })
  })
})

/** A file system of 64 pages on the folder, or null where that is not allowed. */
function mountSmall(folder: string): (() => void) | null {
  if (!isRoot || process.platform !== 'linux') return null
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return null
  }
  return () => void execFileSync('umount', ['-l', folder])
}

function fillUp(folder: string): void {
  const page = Buffer.alloc(statfsSync(folder).bsize)
  for (;;) {
    try {
      appendFileSync(join(folder, 'ballast'), page)
    } catch {
      return
    }
  }
}
