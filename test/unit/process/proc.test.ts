import { execFileSync, spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { identify, isSameProcess } from '../../../src/lib/process/index.js'
import { parseListeners } from '../../../src/lib/process/port-holder.js'
import { isDead, parseStat } from '../../../src/lib/process/proc.js'
import { parsePs } from '../../../src/lib/process/ps.js'
import { collectTrees } from '../../../src/lib/process/sample.js'

const onLinux = it.runIf(process.platform === 'linux')
const STAT = '4242 (a) Z (b)) S 17 4240 4240 0 -1 4194560 1199 0 0 0 30 12 5 3 20 0 1 0 987654 2789376 231 18446744073709551615 1 1 0 0\n'

describe('reading /proc/PID/stat', () => {
  it('counts fields from the last parenthesis, because a program may have any name', () => {
    expect(parseStat(4242, STAT)).toEqual({ pid: 4242, state: 'S', parentPid: 17, group: 4240, cpuTicks: 50, threads: 1, residentBytes: process.platform === 'linux' ? 231 * Number(execFileSync('getconf', ['PAGESIZE'])) : 231 * 4096, startTicks: 987654 })
  })

  it('gives nothing for a text that was cut off', () => {
    expect(parseStat(4242, STAT.slice(0, 40))).toBeNull()
  })

  it('takes a zombie for dead', () => {
    const stat = parseStat(4242, STAT.replace(') S', ') Z'))
    expect(stat !== null && isDead(stat)).toBe(true)
  })
})

describe('the identity of a process', () => {
  onLinux('holds for the process that was identified and for no other start time, boot or pid', () => {
    const self = identify(process.pid)
    expect(self?.startTicks).toBeGreaterThan(0)
    expect(self?.bootId).toMatch(/^[0-9a-f-]{36}$/)
    if (self === null || self.startTicks === null) throw new Error('no identity')
    expect(isSameProcess(self)).toBe(true)
    expect(isSameProcess({ ...self, startTicks: self.startTicks - 1 })).toBe(false)
    expect(isSameProcess({ ...self, bootId: 'another' })).toBe(false)
    expect(isSameProcess({ ...self, startTicks: null })).toBe(false)
  })

  it('does not exist for pids that mean something else to kill(2)', () => {
    for (const pid of [-1, 0, 1, 1.5, Number.NaN]) expect(identify(pid)).toBeNull()
  })

  onLinux('ends with the process', async () => {
    const child = spawn('true')
    const identity = identify(child.pid ?? 0)
    await new Promise((resolve) => child.once('exit', resolve))
    expect(identity !== null && isSameProcess(identity)).toBe(false)
  })
})

describe('reading ps', () => {
  it('finds start time, group and marker behind the command', () => {
    const text = [
      '  501   501 Ss   Sat Nov 21 03:44:00 2026     node server.js HOME=/x MCPCTL_ID=home:web:3 A=b',
      '  777   501 Z+   Sat Nov  1 13:04:59 2026     (sh)',
      'garbage',
    ].join('\n')
    const [first, second, ...rest] = parsePs(text)
    expect(first).toEqual({ pid: 501, group: 501, startTicks: Date.parse('2026-11-21T03:44:00') / 1000, dead: false, marker: 'home:web:3' })
    expect(second).toMatchObject({ pid: 777, group: 501, dead: true, marker: null })
    expect(rest).toEqual([])
  })

  it('is not misled by a variable whose name only ends like the marker', () => {
    expect(parsePs('5 5 S Sat Nov 21 03:44:00 2026 sh NOT_MCPCTL_ID=home:web')[0]?.marker).toBeNull()
  })
})

describe('dividing the process table into trees', () => {
  const row = (pid: number, parentPid: number, group: number) => ({ pid, parentPid, group, state: 'S', cpuTicks: 0, threads: 1, residentBytes: 0, startTicks: 0 })

  it('gives each process to the nearest leader above it or of its group', () => {
    const table = [row(1, 0, 1), row(10, 1, 10), row(11, 10, 10), row(12, 11, 12), row(13, 1, 10), row(20, 11, 20), row(21, 20, 20), row(99, 1, 99)]
    const trees = collectTrees(new Map([['a', 10], ['b', 20], ['gone', 30]]), table)
    const pids = (name: string) => trees.get(name)?.map((stat) => stat.pid)
    expect(pids('a')).toEqual([10, 11, 12, 13])
    expect(pids('b')).toEqual([20, 21])
    expect(pids('gone')).toEqual([])
  })

  it('ends on a circle of parents, as a table read while pids were reused may show', () => {
    expect(collectTrees(new Map([['a', 10]]), [row(5, 6, 5), row(6, 5, 6)]).get('a')).toEqual([])
  })
})

describe('reading /proc/net/tcp', () => {
  const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
  const line = (local: string, state: string, inode: number) => `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`

  it('finds the sockets that listen on the port', () => {
    const text = HEAD + line('0100007F:1F90', '0A', 11) + line('0100007F:1F90', '01', 12) + line('0100007F:1F91', '0A', 13)
    expect(parseListeners(text, 8080)).toEqual(['11'])
  })

  it('counts only sockets in the way of the address', () => {
    const text = HEAD + line('0100007F:1F90', '0A', 11) + line('00000000:1F90', '0A', 12) + line('0200007F:1F90', '0A', 13)
    expect(parseListeners(text, 8080, '127.0.0.1')).toEqual(['11', '12'])
    expect(parseListeners(text, 8080, 'localhost')).toEqual(['11', '12'])
    expect(parseListeners(text, 8080, '0.0.0.0')).toEqual(['11', '12', '13'])
  })

  it('reads addresses of IPv6, the mapped ones too', () => {
    const text = HEAD + line('00000000000000000000000001000000:1F90', '0A', 21) + line('0000000000000000FFFF00000100007F:1F90', '0A', 22)
    expect(parseListeners(text, 8080, '::1')).toEqual(['21'])
    expect(parseListeners(text, 8080, '127.0.0.1')).toEqual(['22'])
  })
})
