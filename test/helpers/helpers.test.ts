import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { shortHash } from '../../src/lib/base/index.js'
import { afterEach, describe, expect, test } from 'vitest'
import { run, start } from './cli.js'
import { createHome } from './home.js'
import { alive, children, descendants, environmentOf, lookUp } from './proc.js'
import { waitFor } from './wait.js'

const SLEEP = ['-e', 'setInterval(() => {}, 1e6)']
const started: ChildProcess[] = []

function sleeper(options: { cwd?: string; env?: Record<string, string>; args?: string[] } = {}): number {
  const child = spawn(process.execPath, options.args ?? SLEEP, { stdio: 'ignore', cwd: options.cwd ?? '/', env: { ...process.env, ...options.env } })
  started.push(child)
  if (child.pid === undefined) throw new Error('no process')
  return child.pid
}

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

describe('waitFor', () => {
  test('resolves with the first truthy answer', async () => {
    let asked = 0
    await expect(waitFor(() => (++asked === 3 ? { asked } : null))).resolves.toEqual({ asked: 3 })
  })

  test('treats a throwing condition as not yet', async () => {
    let asked = 0
    const condition = (): boolean => {
      asked += 1
      if (asked < 3) throw new Error('too early')
      return true
    }
    await expect(waitFor(condition)).resolves.toBe(true)
  })

  test('says at the deadline what was waited for and the last answer', async () => {
    await expect(waitFor(() => 0, { timeoutMs: 30, what: 'a miracle' })).rejects.toThrow('waited 30 ms for a miracle; last answer: 0')
  })

  test('does not outlast its deadline when the condition never answers', async () => {
    await expect(waitFor(() => new Promise<boolean>(() => undefined), { timeoutMs: 30 })).rejects.toThrow(/no answer in time/)
  })
})

describe('processes', () => {
  test('a process that has ended but was not collected is not alive', async () => {
    // The shell ends its child and never waits for it: exec turns it into a sleep that knows of no child.
    const shell = spawn('/bin/sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 100'])
    started.push(shell)
    const pid = await new Promise<number>((resolve) => shell.stdout.once('data', (chunk: Buffer) => resolve(Number(String(chunk)))))
    await waitFor(() => lookUp(pid)?.zombie === true)
    expect(alive(pid)).toBe(false)
  })

  test('children and environment of a process are found', async () => {
    const script = `require('child_process').spawn(process.execPath, ${JSON.stringify(SLEEP)}, { env: { ...process.env, WHO: 'grandchild' } }); ${SLEEP[1]}`
    const pid = sleeper({ args: ['-e', script], env: { WHO: 'child' } })
    const [child] = await waitFor(() => (children(pid).length === 1 ? children(pid) : null))
    expect(descendants(process.pid)).toEqual(expect.arrayContaining([pid, child]))
    await waitFor(() => environmentOf(child ?? 0)['WHO'] === 'grandchild')
    if (child !== undefined && child > 1) process.kill(child, 'SIGKILL')
  })
})

describe('a test home', () => {
  test('is removed without complaint when nothing is left', async () => {
    const home = createHome()
    home.config({ a: { command: 'x' } })
    mkdirSync(join(home.home, 'logs'), { recursive: true })
    writeFileSync(join(home.home, 'logs', 'a.log'), 'kept')
    await home.cleanup()
    expect(existsSync(home.base)).toBe(false)
  })

  const mark = shortHash
  test.each([
    ['works in its folder', (home: ReturnType<typeof createHome>) => sleeper({ cwd: home.project })],
    ['has its home in the environment', (home: ReturnType<typeof createHome>) => sleeper({ env: { MCP_HOME: home.home } })],
    ['carries the mark of its daemon', (home: ReturnType<typeof createHome>) => sleeper({ env: { MCPCTL_ID: `${mark(home.paths.root)}:abcd:web:1` } })],
  ])('kills and reports a process that %s', async (_how, leave) => {
    const home = createHome({ endingMs: 100 })
    const pid = leave(home)
    await waitFor(() => home.leftovers().length === 1)
    await expect(home.cleanup()).rejects.toThrow(`process ${pid}`)
    expect(alive(pid)).toBe(false)
    expect(existsSync(home.base)).toBe(false)
  })

  test('reports PID files and sockets', async () => {
    const home = createHome({ endingMs: 100 })
    for (const folder of [home.paths.run, home.paths.pids]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(home.paths.pids, 'web.pid'), '1')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(home.paths.socket, resolve))
    try {
      await expect(home.cleanup()).rejects.toThrow(/file home\/pids\/web\.pid\n {2}file home\/run\/control\.sock/)
    } finally {
      server.close()
    }
  })
})

describe('the CLI runner', () => {
  const withScript = (text: string): { home: ReturnType<typeof createHome>; bin: string } => {
    const home = createHome()
    return { home, bin: home.write('cli.mjs', text) }
  }

  test('hands over exit status, output, JSON and a clean environment', async () => {
    const { home, bin } = withScript(`
      console.log(JSON.stringify({ args: process.argv.slice(2), home: process.env.MCP_HOME, cwd: process.cwd(), ci: process.env.VITEST ?? null }))
      console.error('said')
      process.exitCode = 3
    `)
    const result = await run(['status', '--json'], { home, bin })
    expect(result).toMatchObject({ exitCode: 3, stderr: 'said\n' })
    expect(result.json()).toEqual({ args: ['status', '--json'], home: home.home, cwd: home.project, ci: null })
    await home.cleanup()
  })

  test('ends a command that does not end and shows what it said', async () => {
    // A shell has said that long before a Node is up.
    const { home, bin } = withScript('echo thinking; exec sleep 1000')
    await expect(run(['start'], { home, bin, node: '/bin/sh', deadlineMs: 2000 })).rejects.toThrow(/did not end within 2000 ms[^]*thinking/)
    await home.cleanup()
  })

  test('reports the end by a signal as a shell does', async () => {
    const { home, bin } = withScript("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1e6)")
    await expect(run([], { home, bin })).resolves.toMatchObject({ exitCode: 143 })
    await home.cleanup()
  })

  test('gives a running command to tests that want to signal it', async () => {
    const { home, bin } = withScript("process.on('SIGINT', () => process.exit(130)); console.log('up'); setInterval(() => {}, 1e6)")
    const command = start(['logs', '-f'], { home, bin })
    await new Promise((resolve) => command.stdout.once('data', resolve))
    command.kill('SIGINT')
    expect((await command).exitCode).toBe(130)
    await home.cleanup()
  })
})
