import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openServerLog, readLogs, streamLogs, type LogQuery } from '../../../src/lib/logs/index.js'
import { waitFor } from '../../helpers/wait.js'
import { readBackwards, readForwards } from '../../../src/lib/logs/past-file.js'

const START = Date.parse('2026-11-21T03:44:00.000Z')

let directory: string
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'mcpctl-read-')) })
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function line(time: number, text: string, generation = 1, stream = 'err'): string {
  return `${new Date(START + time).toISOString()} ${generation} ${stream} ${text}\n`
}

function put(file: string, ...lines: string[]): void {
  writeFileSync(join(directory, file), lines.join(''))
}

async function texts(query: Partial<LogQuery> = {}): Promise<string[]> {
  return (await readLogs({ directory, names: ['web', 'db'], ...query })).map((one) => one.text)
}

describe('reading logs', () => {
  beforeEach(() => {
    put('web.log.2', line(10, 'w1'), line(20, 'w2'))
    put('web.log.1', line(30, 'w3'))
    put('web.log', line(40, 'w4'), 'garbage\n', line(50, 'w5', 2, '---'), `${new Date(START + 60).toISOString()} 2 err torn`)
    put('db.log', line(15, 'd1'), line(45, 'd2'))
    put('web.log.old', line(0, 'no'))
    put('web2.log', line(0, 'no'))
    for (const [name, time] of [['web.log.2', 20], ['web.log.1', 30], ['web.log', 60], ['db.log', 45]] as const) {
      utimesSync(join(directory, name), (START + time) / 1000, (START + time) / 1000)
    }
  })

  it('merges servers and rotated files by time and leaves out what is torn', async () => {
    expect(await texts()).toEqual(['w1', 'd1', 'w2', 'w3', 'w4', 'd2', 'w5'])
    expect((await readLogs({ directory, names: ['web'] })).at(-1)).toEqual({ time: START + 50, name: 'web', generation: 2, stream: 'mark', text: 'w5' })
  })

  it.each([
    [1, ['w5']],
    [3, ['w4', 'd2', 'w5']],
    [5, ['w2', 'w3', 'w4', 'd2', 'w5']],
    [100, ['w1', 'd1', 'w2', 'w3', 'w4', 'd2', 'w5']],
    [0, []],
  ])('gives the newest %i of all servers together', async (tail, expected) => {
    expect(await texts({ tail })).toEqual(expected)
  })

  it('filters by time and text, before it counts', async () => {
    expect(await texts({ since: START + 20, until: START + 45 })).toEqual(['w2', 'w3', 'w4', 'd2'])
    expect(await texts({ since: START + 20, tail: 100 })).toEqual(['w2', 'w3', 'w4', 'd2', 'w5'])
    expect(await texts({ until: START + 40, tail: 2 })).toEqual(['w3', 'w4'])
    expect(await texts({ grep: /^w/g, tail: 4 })).toEqual(['w2', 'w3', 'w4', 'w5'])
    expect(await texts({ grep: /D/i })).toEqual(['d1', 'd2'])
  })

  it('finds nothing where there is nothing', async () => {
    expect(await texts({ names: ['none'] })).toEqual([])
    expect(await texts({ directory: join(directory, 'none') })).toEqual([])
    expect(await texts({ directory: join(directory, 'none'), tail: 5 })).toEqual([])
  })

  it.runIf(process.platform === 'linux')('closes its files when the reader stops early', async () => {
    const count = () => readdirSync('/proc/self/fd').length
    const before = count()
    for await (const one of streamLogs({ directory, names: ['web', 'db'] })) {
      expect(count()).toBeGreaterThan(before)
      if (one.text === 'd1') break
    }
    await waitFor(() => count() === before)
  })
})

describe('reading large logs', () => {
  it('is the same backwards and forwards, whatever lies on the borders of blocks', async () => {
    const sizes = [1, 65_535, 65_536, 65_537, 200_000, 3, 64_000, 1535, 1, 130_000]
    const expected = sizes.map((size, index) => String.fromCharCode(97 + index).repeat(size) + '🙂é')
    put('x.log', ...expected.map((text) => `${text}\n`))
    const handle = await open(join(directory, 'x.log'))
    try {
      const { size } = await handle.stat()
      const forwards: string[] = []
      for await (const block of readForwards(handle, 0, Infinity)) forwards.push(...block)
      expect(forwards).toEqual(expected)
      const backwards: string[] = []
      for await (const block of readBackwards(handle, size)) backwards.push(...block)
      expect(backwards.reverse()).toEqual(expected)
    } finally {
      await handle.close()
    }
  })

  it('reads the tail from the end, not the whole file', async () => {
    mkdirSync(join(directory, 'big'))
    const one = line(1, 'x'.repeat(200))
    writeFileSync(join(directory, 'big', 'web.log'), one.repeat(200_000) + line(2, 'last'))
    const handle = await open(join(directory, 'big', 'web.log'))
    const read = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'read')
    await handle.close()
    try {
      expect(await texts({ directory: join(directory, 'big'), tail: 100 })).toHaveLength(100)
      expect(await texts({ directory: join(directory, 'big'), since: START + 2, tail: 1e9 })).toEqual(['last'])
      expect(read.mock.calls.length).toBeLessThan(10)
    } finally {
      read.mockRestore()
    }
  })

  it('loses and doubles nothing while the writer rotates', async () => {
    let time = START
    const log = openServerLog({ directory, name: 'web', limits: { maxBytes: 2000, keep: 100 }, now: () => time })
    let written = 0
    let writing = true
    const writer = (async () => {
      for (; writing && written < 2000; written++) {
        log.write('err', Buffer.from(`${written}\n`), 1)
        time++
        if (written % 20 === 0) await new Promise((done) => setTimeout(done, 1))
      }
      await log.close()
    })()
    for (let round = 0; round < 20; round++) {
      const numbers = (await texts({ names: ['web'], ...(round % 2 === 0 ? {} : { tail: 500 }) })).map(Number)
      const first = numbers[0] ?? 0
      expect(numbers).toEqual(numbers.map((_, index) => first + index))
      if (round % 2 === 0) expect(first).toBe(0)
    }
    writing = false
    await writer
    expect(await texts({ names: ['web'] })).toHaveLength(written)
    renameSync(join(directory, 'web.log'), join(directory, 'gone'))
    expect((await texts({ names: ['web'], tail: 10 })).length).toBe(10)
  })
})
