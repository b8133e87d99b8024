import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openServerLog, type ServerLog } from '../../../src/lib/logs/index.js'
import { waitFor } from '../../helpers/wait.js'

const START = Date.parse('2026-11-21T03:44:00.000Z')
const LIMITS = { maxBytes: 10_000_000, keep: 3 }

let base: string
let directory: string
let time: number
let logs: ServerLog[]
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mcpctl-log-'))
  directory = join(base, 'logs')
  time = START
  logs = []
})
afterEach(async () => {
  await Promise.all(logs.map((log) => log.close()))
  rmSync(base, { recursive: true, force: true })
})

function openLog(limits = LIMITS, name = 'web'): ServerLog {
  const log = openServerLog({ directory, name, limits, now: () => time })
  logs.push(log)
  return log
}

function content(file = 'web.log'): string {
  return readFileSync(join(directory, file), 'utf8')
}

function texts(file = 'web.log'): string[] {
  return content(file).split('\n').slice(0, -1).map((line) => line.slice('2026-11-21T03:44:00.000Z '.length))
}

describe('the log of a server', () => {
  it('holds what it said and what happened to it, private, and creates nothing before', async () => {
    const log = openLog()
    expect(existsSync(directory)).toBe(false)
    log.mark('started pid 12', 1)
    log.write('err', Buffer.from('one\r\ntwo\n'), 1)
    time += 5
    log.write('out', Buffer.from('noise\n'), 1)
    log.mark('exited with\ncode 1', 1)
    await log.close()
    expect(content()).toBe([
      '2026-11-21T03:44:00.000Z 1 --- started pid 12',
      '2026-11-21T03:44:00.000Z 1 err one',
      '2026-11-21T03:44:00.000Z 1 err two',
      '2026-11-21T03:44:00.005Z 1 out noise',
      '2026-11-21T03:44:00.005Z 1 --- exited with code 1',
      '',
    ].join('\n'))
    expect(statSync(join(directory, 'web.log')).mode & 0o777).toBe(0o600)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
  })

  it('puts lines together from pieces, each stream and each instance for itself', async () => {
    const log = openLog()
    for (const byte of 'slow 🙂\n') log.write('err', Buffer.from(byte), 1)
    log.write('err', Buffer.from('half'), 1)
    log.write('out', Buffer.from('whole\nun'), 1)
    log.write('err', Buffer.from('next instance\n'), 2)
    log.mark('note', 2)
    log.write('out', Buffer.from('at the end'), 2)
    await log.close()
    expect(texts()).toEqual(['1 err slow 🙂', '1 out whole', '1 err half', '2 err next instance', '1 out un', '2 --- note', '2 out at the end'])
  })

  it('cuts a line without end at 64 KiB and loses none of it', async () => {
    const log = openLog()
    const long = Array.from({ length: 30_000 }, (_, number) => `${number};`).join('')
    for (let at = 0; at < long.length; at += 1000) log.write('err', Buffer.from(long.slice(at, at + 1000)), 1)
    log.write('err', Buffer.from(`\n${long}\n`), 1)
    await log.close()
    const lines = texts().map((text) => text.slice('1 err '.length))
    expect(lines.join('')).toBe(long + long)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(65_536)
    expect(lines.length).toBeLessThanOrEqual(8)
  })

  it('goes on in the file of an earlier daemon, on a new line if that was cut off', async () => {
    mkdirSync(directory)
    writeFileSync(join(directory, 'web.log'), '2026-11-21T03:43:59.000Z 7 err torn i')
    const log = openLog()
    log.write('err', Buffer.from('new\n'), 8)
    await log.close()
    expect(texts()).toEqual(['7 err torn i', '8 err new'])
  })

  it('starts a new file when the present one was deleted or moved away', async () => {
    const log = openLog()
    log.write('err', Buffer.from('first\n'), 1)
    await waitFor(() => existsSync(join(directory, 'web.log')) && texts().length === 1)
    unlinkSync(join(directory, 'web.log'))
    await waitFor(() => {
      log.write('err', Buffer.from('again\n'), 1)
      return existsSync(join(directory, 'web.log'))
    }, { pollMs: 100 })
    renameSync(join(directory, 'web.log'), join(directory, 'moved'))
    await waitFor(() => {
      log.write('err', Buffer.from('more\n'), 1)
      return existsSync(join(directory, 'web.log'))
    }, { pollMs: 100 })
  })

  it('never writes through a link or into something that is no file', async () => {
    mkdirSync(directory)
    writeFileSync(join(base, 'precious'), 'precious')
    symlinkSync(join(base, 'precious'), join(directory, 'web.log'))
    execFileSync('mkfifo', [join(directory, 'pipe.log')])
    for (const log of [openLog(), openLog(LIMITS, 'pipe')]) {
      log.write('err', Buffer.from('x\n'), 1)
      await waitFor(() => log.status())
    }
    expect(readFileSync(join(base, 'precious'), 'utf8')).toBe('precious')
  })
})

describe('rotation', () => {
  it('keeps every file within its size, in whole lines, and as many as asked for', async () => {
    const log = openLog({ maxBytes: 1000, keep: 2 })
    for (let number = 0; number < 100; number++) log.write('err', Buffer.from(`line ${number}\n`), 1)
    await log.close()
    const files = readdirSync(directory).sort()
    expect(files).toEqual(['web.log', 'web.log.1', 'web.log.2'])
    for (const file of files) expect(statSync(join(directory, file)).size, file).toBeLessThanOrEqual(1000)
    const kept = [...texts('web.log.2'), ...texts('web.log.1'), ...texts('web.log')]
    expect(kept.at(-1)).toBe('1 err line 99')
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => `1 err line ${100 - kept.length + index}`))
    expect(kept.length).toBeGreaterThan(50)
  })

  it('keeps no old file at 0, removes what is too many after a reload, and gives a huge line its own file', async () => {
    const log = openLog({ maxBytes: 200, keep: 4 })
    for (let number = 0; number < 60; number++) log.write('err', Buffer.from(`line ${number}\n`), 1)
    await waitFor(() => existsSync(join(directory, 'web.log.4')))
    log.reconfigure({ maxBytes: 200, keep: 1 })
    log.write('err', Buffer.from(`${'x'.repeat(500)}\nafter\n`), 1)
    await waitFor(() => texts().includes('1 err after'))
    expect(readdirSync(directory).sort()).toEqual(['web.log', 'web.log.1'])
    expect(texts('web.log.1')).toEqual([`1 err ${'x'.repeat(500)}`])
    log.reconfigure({ maxBytes: 100, keep: 0 })
    log.write('err', Buffer.from(`${'y'.repeat(60)}\n${'z'.repeat(60)}\n`), 1)
    await log.close()
    expect(readdirSync(directory).sort()).toEqual(['web.log'])
    expect(texts()).toEqual([`1 err ${'z'.repeat(60)}`])
  })
})

describe('the memory of a log', () => {
  it('holds the newest lines of each stream, cut, and only those of the latest instance', () => {
    const log = openLog()
    for (let number = 0; number < 100; number++) log.write('err', Buffer.from(`err ${number}\r\n`), 1)
    log.write('out', Buffer.from('between\n'), 1)
    log.write('err', Buffer.from('last\nunfinished'), 1)
    expect(log.lastLines(3)).toEqual(['err 99', 'between', 'last'])
    expect(log.lastLines(2, 'err')).toEqual(['err 99', 'last'])
    expect(log.lastLines(1000, 'err')).toHaveLength(40)
    expect(log.lastLines(0)).toEqual([])
    for (let number = 0; number < 50; number++) log.write('out', Buffer.from('noise\n'), 1)
    expect(log.lastLines(1, 'err'), 'noise on stdout does not push errors out').toEqual(['last'])
    log.mark('exited', 1)
    expect(log.lastLines(1, 'err')).toEqual(['unfinished'])
    log.write('err', Buffer.from(`${'é'.repeat(3000)}\n`), 2)
    expect(log.lastLines(10, 'err')).toEqual(['é'.repeat(1024)])
  })
})

describe('a disk that does not take everything', () => {
  it('costs the newest lines beyond 1 MiB, which are counted in the file', async () => {
    const log = openLog()
    const chunk = Buffer.from(`${'x'.repeat(99)}\n`.repeat(600))
    for (let count = 0; count < 100; count++) log.write('err', chunk, 4)
    await waitFor(() => existsSync(join(directory, 'web.log')) && content().includes('bytes dropped'))
    log.write('err', Buffer.from('after\n'), 4)
    await log.close()
    const lines = texts()
    const written = lines.filter((line) => line.endsWith('x'.repeat(99))).length
    const dropped = lines.flatMap((line) => /^4 --- (\d+) bytes dropped$/.exec(line)?.[1] ?? []).reduce((sum, bytes) => sum + Number(bytes), 0)
    expect(dropped).toBeGreaterThan(0)
    expect(written * 100 + dropped).toBe(100 * chunk.length)
    expect(lines.at(-1)).toBe('4 err after')
    expect(log.lastLines(1)).toEqual(['after'])
  })

  it('is told in status(), left alone for 5 s, and written to again when it has recovered', async () => {
    writeFileSync(directory, 'in the way')
    const log = openLog()
    log.write('err', Buffer.from('lost\n'), 1)
    const trouble = await waitFor(() => log.status())
    expect(trouble).toContain(join(directory, 'web.log'))
    unlinkSync(directory)
    time += 4_000
    log.write('err', Buffer.from('also lost\n'), 1)
    expect(log.lastLines(2)).toEqual(['lost', 'also lost'])
    time += 1000
    log.write('err', Buffer.from('kept\n'), 1)
    await waitFor(() => log.status() === null)
    await log.close()
    expect(texts()).toEqual([expect.stringMatching(/^1 --- \d+ bytes dropped$/), '1 err kept'])
  })

  it.runIf(process.platform === 'linux' && process.geteuid?.() === 0)('survives a full disk and writes on, on a new line, when there is room', async () => {
    mkdirSync(directory)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', directory])
    try {
      const log = openLog()
      const chunk = Buffer.from(`${'x'.repeat(999)}\n`.repeat(50))
      log.write('err', chunk, 1)
      log.write('err', chunk, 1)
      expect(await waitFor(() => log.status())).toContain('ENOSPC')
      writeFileSync(join(directory, 'web.log'), content().slice(0, 20_000))
      time += 30_000
      log.write('err', Buffer.from('room again\n'), 1)
      await log.close()
      expect(log.status()).toBeNull()
      expect(texts().slice(-2)).toEqual([expect.stringMatching(/^1 --- \d+ bytes dropped$/), '1 err room again'])
    } finally {
      execFileSync('umount', ['-l', directory])
    }
  })

  it.runIf(process.platform === 'linux')('holds no descriptor while its server is silent', async () => {
    const log = openLog()
    const isOpen = (): boolean => readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === join(directory, 'web.log')
      } catch {
        return false
      }
    })
    for (const text of ['first', 'second']) {
      log.write('err', Buffer.from(`${text}\n`), 1)
      await waitFor(() => isOpen())
      await waitFor(() => !isOpen(), { timeoutMs: 20_000 })
    }
    await log.close()
    expect(texts()).toEqual(['1 err first', '1 err second'])
  })

  it('does not hold the daemon up with a flood of short lines: one costs no more than a few times its copying', async () => {
    const log = openLog()
    const chunk = Buffer.from(`${'x'.repeat(99)}\n`.repeat(650))
    const costOf = async (work: () => unknown): Promise<number> => {
      const before = process.cpuUsage()
      for (let count = 0; count < 500; count++) {
        work()
        await new Promise((done) => setImmediate(done))
      }
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    const copying = await costOf(() => Buffer.from(chunk.toString('latin1').split('\n').join('\nand a time '), 'latin1'))
    expect(await costOf(() => log.write('err', chunk, 1))).toBeLessThan(6 * copying)
    await log.close()
  })
})
