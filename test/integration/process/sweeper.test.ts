import { join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createSweeper, identify, spawnChild, type Child } from '../../../src/lib/process/index.js'
import { alive } from '../../helpers/proc.js'
import { waitFor } from '../../helpers/wait.js'

const SERVERS = resolve(import.meta.dirname, '../../fixtures/servers')
const prefix = `sweep-test-${process.pid}:`
const sweeper = createSweeper()

afterEach(async () => { await sweeper.end({ prefix }) })

function start(marker: string, file: string, args: string[] = [], env: Record<string, string> = {}): Promise<Child> {
  return spawnChild({ launch: { file, args, cwd: '/', env: { PATH: '/usr/bin:/bin', ...env }, note: null }, marker: prefix + marker })
}

async function startTree(marker: string, ...args: string[]): Promise<{ child: Child; pids: number[] }> {
  const child = await start(marker, join(SERVERS, 'proc-tree.sh'), args)
  const line = await new Promise<string>((done) => child.stdout.once('data', (chunk: Buffer) => done(chunk.toString())))
  return { child, pids: line.trim().split(' ').map(Number) }
}

function ended(child: Child): Promise<unknown> {
  return new Promise((done) => child.onExit(done))
}

describe.runIf(process.platform === 'linux')('the sweeper', () => {
  it('ends all three kinds of children of a server that died by itself', async () => {
    const { child, pids } = await startTree('web', 'leave')
    await ended(child)
    expect(pids.filter(alive)).toHaveLength(3)
    expect(await sweeper.end({ marker: `${prefix}web`, leader: child.identity })).toEqual({ ended: 3, remaining: [] })
    expect(pids.filter(alive)).toEqual([])
    await child.release()
  })

  it('spares every server but the one that was asked for', async () => {
    const web = await startTree('web')
    const other = await startTree('web2')
    await sweeper.end({ marker: `${prefix}web` })
    expect([web.child.pid, ...web.pids].filter(alive)).toEqual([])
    expect([other.child.pid, ...other.pids].filter(alive)).toHaveLength(4)
    expect(await sweeper.find({ prefix: `${prefix}web2` })).toHaveLength(4)
    expect((await sweeper.end({ prefix })).ended).toBe(4)
  })

  it('ends members of the group that have thrown their environment away', async () => {
    const child = await start('bare', '/bin/sh', ['-c', 'env -i sleep 600 & echo $!; exit 0'])
    const pid = Number(await new Promise<string>((done) => child.stdout.once('data', (chunk: Buffer) => done(chunk.toString()))))
    await ended(child)
    await waitFor(async () => (await sweeper.find({ marker: `${prefix}bare` })).length === 0)
    expect(alive(pid)).toBe(true)
    expect(await sweeper.end({ marker: `${prefix}bare`, leader: child.identity })).toEqual({ ended: 1, remaining: [] })
    expect(alive(pid)).toBe(false)
  })

  it('leaves a group alone whose number has come to belong to somebody else', async () => {
    const stranger = await start('stranger', '/bin/sleep', ['600'])
    const reused = { pid: stranger.pid, startTicks: (stranger.identity?.startTicks ?? 0) - 500, bootId: stranger.identity?.bootId ?? '' }
    expect(await sweeper.end({ marker: `${prefix}gone`, leader: reused })).toEqual({ ended: 0, remaining: [] })
    expect(alive(stranger.pid)).toBe(true)
  })

  it('never touches this process or an excluded one, whatever they carry', async () => {
    const spared = await start('kept', '/bin/sleep', ['600'])
    const careful = createSweeper(() => [spared.pid])
    expect(await careful.end({ prefix, leader: spared.identity })).toEqual({ ended: 0, remaining: [] })
    expect(await careful.end({ prefix, leader: identify(process.pid) })).toMatchObject({ remaining: [] })
    expect(alive(spared.pid)).toBe(true)
  })

  it('keeps up with a process that forks while it is being killed', async () => {
    const child = await start('fork', '/bin/sh', ['-c', 'echo go; while :; do setsid sleep 5 & sleep 0.001; done'])
    await new Promise((done) => child.stdout.once('data', done))
    const report = await sweeper.end({ marker: `${prefix}fork` })
    expect(report.remaining).toEqual([])
    expect(report.ended).toBeGreaterThan(0)
    expect(await sweeper.find({ marker: `${prefix}fork` })).toEqual([])
  })

  it('does not count zombies', async () => {
    const child = await start('zombie', '/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'])
    await new Promise((done) => child.stdout.once('data', done))
    await waitFor(async () => (await sweeper.find({ marker: `${prefix}zombie`, leader: child.identity })).length === 1)
  })

  it('answers a hundred requests of one moment with one scan', async () => {
    let scans = 0
    // It is asked whom to spare before each scan.
    const counted = createSweeper(() => {
      scans++
      return []
    })
    await Promise.all(Array.from({ length: 100 }, (_, index) => counted.end({ marker: `${prefix}nobody${index}` })))
    expect(scans).toBe(1)
    await counted.end({ marker: `${prefix}nobody` })
    expect(scans).toBe(2)
  })

  it('refuses a marker that is no marker, such as an empty one that would mean everybody', async () => {
    await expect(sweeper.end({ prefix: '' })).rejects.toThrow()
    await expect(sweeper.end({ marker: 'a b' })).rejects.toThrow()
  })
})
