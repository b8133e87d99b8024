import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTokenSource } from '../../src/lib/outbound/index.js'
import { runTokenCommand } from '../../src/lib/outbound/run-command.js'
import type { OutboundAuthSpec } from '../../src/lib/core/index.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcpctl-outbound-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function open(auth: OutboundAuthSpec) {
  const world = { now: 1_000_000, warnings: [] as string[] }
  return { world, keeper: createTokenSource({ server: 'far', url: 'https://far.example/mcp', auth, stateDirectory: folder, now: () => world.now, warn: (text) => world.warnings.push(text) }) }
}

describe('a token in a file', () => {
  const write = (text: string, mode = 0o600): string => {
    const path = join(folder, 'token')
    writeFileSync(`${path}.new`, text, { mode })
    chmodSync(`${path}.new`, mode)
    renameSync(`${path}.new`, path)
    return path
  }

  test('is read anew when the file changes, and at once when it is refused', async () => {
    const { keeper, world } = open({ type: 'file', path: write('one\n') })
    const one = keeper.headers()
    expect(one).toEqual({ authorization: 'Bearer one' })
    write('two')
    expect(keeper.headers()).toBe(one)
    world.now += 1_000
    expect(keeper.headers()).toEqual({ authorization: 'Bearer two' })
    write('three')
    expect(await keeper.refused({ status: 401, challenge: null, headers: await keeper.headers() })).toBe(true)
    expect(keeper.headers()).toEqual({ authorization: 'Bearer three' })
    world.now += 10_000
    await expect(keeper.refused({ status: 401, challenge: null, headers: await keeper.headers() })).rejects.toThrow(/refuses the token in .*token$/)
  })

  test('that others can read is warned of, once for each version of the file', () => {
    const { keeper, world } = open({ type: 'file', path: write('one', 0o644) })
    void keeper.headers()
    world.now += 5_000
    void keeper.headers()
    expect(world.warnings).toEqual([expect.stringContaining('can be read by others: chmod 600')])
  })

  test('stays in use while the file is away or spoilt, and that is said once', () => {
    const path = write('one')
    const { keeper, world } = open({ type: 'file', path })
    void keeper.headers()
    rmSync(path)
    for (const passedMs of [2_000, 4_000]) {
      world.now += passedMs
      expect(keeper.headers()).toEqual({ authorization: 'Bearer one' })
    }
    write('two words')
    world.now += 2_000
    expect(keeper.headers()).toEqual({ authorization: 'Bearer one' })
    expect(world.warnings).toEqual([expect.stringContaining('there is no such file'), expect.stringContaining('holds a blank')])
    expect(world.warnings.join()).not.toContain('two words')
  })

  test.each([['', 'it is empty'], ['a\r\nX-Evil: b', 'holds a blank, a line break'], ['ä', 'a character that HTTP does not allow'], ['x'.repeat(20_000), 'longer than'], ['x'.repeat(70_000), 'too large']])('that is no token is refused: %#', (text, why) => {
    const { keeper } = open({ type: 'file', path: write(text) })
    expect(() => keeper.headers()).toThrow(why)
  })
})

describe('a token that a command prints', () => {
  const command = (script: string, ttlMs = 60_000): OutboundAuthSpec => ({ type: 'command', command: process.execPath, args: ['-e', script], cwd: folder, ttlMs })

  test('is kept for its time, and the command runs again after it and when it was refused', async () => {
    const script = `const fs = require('node:fs'); fs.appendFileSync('runs', 'x'); console.log('t' + fs.readFileSync('runs').length)`
    const { keeper, world } = open(command(script))
    const [one] = await Promise.all([keeper.headers(), keeper.headers(), keeper.headers()])
    expect(one).toEqual({ authorization: 'Bearer t1' })
    expect(keeper.headers()).toBe(one)
    world.now += 60_000
    expect(await keeper.headers()).toEqual({ authorization: 'Bearer t2' })
    world.now += 10_000
    expect(await keeper.refused({ status: 401, challenge: null, headers: await keeper.headers() })).toBe(true)
    expect(keeper.headers()).toEqual({ authorization: 'Bearer t3' })
  })

  test('is not printed by one that fails: its status and last words are told, without secrets', async () => {
    const { keeper } = open(command(`console.error('first'); console.error('no session, token=abcdefgh12'); process.exit(3)`))
    const error = await Promise.resolve(keeper.headers()).catch((reason: unknown) => reason as Error)
    expect(error).toMatchObject({ name: 'OutboundError', reason: 'refused' })
    expect((error as Error).message).toMatch(/ended with status 3; it said: no session, token=\*\*\*$/)
  })

  test('is given up with all it started when it takes too long or prints too much', async () => {
    const script = `const { spawn } = require('node:child_process'); const child = spawn('sleep', ['60']); require('node:fs').writeFileSync('pid', String(child.pid)); setInterval(() => {}, 1000)`
    const { readFileSync } = await import('node:fs')
    await expect(runTokenCommand({ command: process.execPath, args: ['-e', script], cwd: folder }, new AbortController().signal, 1_500)).rejects.toThrow('did not end within 1.5 s')
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    await waitFor(() => !alive(pid), { what: 'what it started to be gone' })
    await expect(runTokenCommand({ command: process.execPath, args: ['-e', `for (;;) process.stdout.write('x'.repeat(65536))`], cwd: folder }, new AbortController().signal)).rejects.toThrow('printed more')
    await expect(runTokenCommand({ command: 'no-such-command-anywhere', args: [], cwd: folder }, new AbortController().signal)).rejects.toThrow('was not found')
  })
})
