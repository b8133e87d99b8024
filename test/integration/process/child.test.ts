import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createSweeper, LaunchError, resolveLaunch, sampleTrees, spawnChild, type Child, type ExitStatus, type ResolvedLaunch } from '../../../src/lib/process/index.js'
import { alive, environmentOf, lookUp } from '../../helpers/proc.js'
import { waitFor } from '../../helpers/wait.js'

const onLinux = it.runIf(process.platform === 'linux')
const SERVERS = resolve(import.meta.dirname, '../../fixtures/servers')
const prefix = `child-test-${process.pid}:`
const sweeper = createSweeper()

const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`

afterEach(async () => { await sweeper.end({ prefix }) })

function launch(file: string, args: string[] = []): ResolvedLaunch {
  return { file, args, cwd: tmpdir(), env: { PATH }, note: null }
}

function start(file: string, args: string[] = []): Promise<Child> {
  return spawnChild({ launch: launch(file, args), marker: `${prefix}one` })
}

function exitOf(child: Child): Promise<ExitStatus> {
  return new Promise((done) => child.onExit(done))
}

function firstLine(child: Child): Promise<string> {
  return new Promise((done) => child.stdout.once('data', (chunk: Buffer) => done(chunk.toString().trim())))
}

describe('a child', () => {
  it('leads its own group, carries the marker and gets no other environment than the given one', async () => {
    const child = await start('/bin/cat')
    expect(lookUp(child.pid)).toMatchObject({ groupId: child.pid })
    if (process.platform === 'linux') {
      expect(environmentOf(child.pid)).toEqual({ PATH, MCPCTL_ID: `${prefix}one` })
      expect(child.identity).toMatchObject({ pid: child.pid })
    }
    child.endInput()
    expect(await exitOf(child)).toEqual({ code: 0, signal: null })
    expect(child.exited).toEqual({ code: 0, signal: null })
    expect(await exitOf(child), 'a late listener is told too').toEqual({ code: 0, signal: null })
    await child.release()
  })

  it('is reported as ended although its children hold the pipes, which release() closes without waiting for them', async () => {
    const child = await start(join(SERVERS, 'proc-tree.sh'), ['leave'])
    const pids = (await firstLine(child)).split(' ').map(Number)
    expect(await exitOf(child)).toEqual({ code: 0, signal: null })
    expect(pids.every(alive)).toBe(true)
    await child.release()
    expect(pids.every(alive), 'they go on for ten minutes').toBe(true)
    expect(child.stdout.destroyed && child.stderr.destroyed && child.stdin.destroyed).toBe(true)
  })

  it('has its last words read before the pipes close', async () => {
    const child = await start('/bin/sh', ['-c', 'echo last words >&2; exit 3'])
    let text = ''
    child.stderr.on('data', (chunk: Buffer) => { text += chunk.toString() })
    expect(await exitOf(child)).toEqual({ code: 3, signal: null })
    await child.release()
    expect(text).toBe('last words\n')
  })

  onLinux('that was stopped still ends on SIGTERM', async () => {
    const child = await start('/bin/sleep', ['600'])
    process.kill(child.pid, 'SIGSTOP')
    expect(child.signalGroup('SIGTERM')).toBe(true)
    expect(await exitOf(child)).toEqual({ code: null, signal: 'SIGTERM' })
    expect(child.signalGroup('SIGKILL'), 'its number may belong to somebody else now').toBe(false)
  })

  it('that ignores SIGTERM ends on SIGKILL, with its group', async () => {
    const child = await start(join(SERVERS, 'proc-stubborn.sh'))
    expect(await firstLine(child)).toBe('ready')
    child.endInput()
    child.signalGroup('SIGTERM')
    expect(child.exited).toBeNull()
    expect(child.signalGroup('SIGKILL')).toBe(true)
    expect(await exitOf(child)).toEqual({ code: null, signal: 'SIGKILL' })
    expect((await sweeper.end({ marker: `${prefix}one`, leader: child.identity })).remaining).toEqual([])
  })

  it('that closes its stdin does not take this process down', async () => {
    const child = await start('/bin/sh', ['-c', 'exec 0<&-; exec sleep 0.2'])
    for (let count = 0; count < 50; count++) child.stdin.write(Buffer.alloc(65_536))
    expect(await exitOf(child)).toEqual({ code: 0, signal: null })
    await child.release()
  })
})

describe('a launch that fails', () => {
  it('rejects with a LaunchError whether the system reports it at once or later', async () => {
    const late = spawnChild({ launch: launch('/no/such/file'), marker: `${prefix}x` })
    await expect(late).rejects.toMatchObject({ name: 'McpctlError', reason: 'command-not-found', permanent: true })
    const atOnce = spawnChild({ launch: launch('/bin/true', ['a\0b']), marker: `${prefix}x` })
    await expect(atOnce).rejects.toBeInstanceOf(LaunchError)
    await expect(atOnce).rejects.toMatchObject({ reason: 'bad-argument' })
  })

  onLinux('for the size of everything together says so', async () => {
    const huge = Array.from({ length: 80 }, () => 'x'.repeat(120_000))
    await expect(start('/bin/true', huge)).rejects.toMatchObject({ reason: 'too-large', permanent: true })
  })

  onLinux('for want of descriptors is worth another attempt', () => {
    const script = `
      import { openSync } from 'node:fs'
      const { spawnChild } = await import(${JSON.stringify(resolve(import.meta.dirname, '../../../dist/lib/process/index.js'))})
      const launch = { file: '/bin/true', args: [], cwd: '/', env: {}, note: null }
      try { for (;;) openSync('/dev/null', 'r') } catch {}
      await spawnChild({ launch, marker: 'x' }).catch((error) => console.log(error.reason, error.permanent))
    `
    const out = execFileSync('/bin/sh', ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script], { encoding: 'utf8', cwd: import.meta.dirname })
    expect(out.trim()).toBe('no-resources false')
  })
})

describe('npx of a real, installed server', () => {
  it('becomes one process that is the server itself', async () => {
    const cwd = resolve(import.meta.dirname, '../../..')
    const resolved = resolveLaunch({ command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory'], cwd, env: { PATH }, ownEnv: [], shown: [] })
    expect(resolved.note).toMatch(/^npx resolved to node .*server-memory.*\.js$/)
    const folder = mkdtempSync(join(tmpdir(), 'mcpctl-memory-'))
    const child = await spawnChild({ launch: { ...resolved, env: { ...resolved.env, MEMORY_FILE_PATH: join(folder, 'memory.json') } }, marker: `${prefix}npx` })
    try {
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } } })}\n`)
      expect(JSON.parse(await firstLine(child))).toMatchObject({ id: 1, result: { serverInfo: { name: 'memory-server' } } })
      const sample = (await sampleTrees(new Map([['memory', child.pid]]))).get('memory')
      expect(sample?.processes).toBe(1)
      child.endInput()
      expect(await exitOf(child)).toEqual({ code: 0, signal: null })
    } finally {
      child.signalGroup('SIGKILL')
      await child.release()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('sampling', () => {
  onLinux('counts the whole tree, processor time and memory included', async () => {
    const child = await start('/bin/sh', ['-c', 'sh -c "while :; do :; done" & sleep 600 & echo started; wait'])
    await firstLine(child)
    const roots = new Map([['busy', child.pid], ['none', 2 ** 22 + 1]])
    const sample = await waitFor(async () => {
      const one = (await sampleTrees(roots)).get('busy')
      return one !== undefined && one.processes === 3 && one.cpuMs >= 50 ? one : null
    })
    expect(sample.memoryBytes).toBeGreaterThan(50_000)
    expect((await sampleTrees(roots)).has('none')).toBe(false)
    await waitFor(async () => ((await sampleTrees(roots)).get('busy')?.cpuMs ?? 0) > sample.cpuMs)
  })
})
