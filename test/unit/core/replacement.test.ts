import { describe, expect, it } from 'vitest'
import type { ServerSpec } from '../../../src/lib/core/index.js'
import { World } from './fleet-world.js'
import { specOf } from './spec-fixture.js'

function versionOf(name: string, version: string, changes: Partial<ServerSpec> = {}): ServerSpec {
  const { launch } = specOf(name)
  return specOf(name, { launch: launch && { ...launch, args: [version] }, ...changes })
}

/** One ready server. */
function ready(changes: Partial<ServerSpec> = {}): World {
  const world = new World([versionOf('a', '1', changes)])
  world.send({ type: 'start', names: ['a'] })
  world.settle()
  world.report('a', { type: 'established', generation: 1 })
  return world
}

function reload(world: World, ...specs: ServerSpec[]): void {
  world.send({ type: 'reload', sources: [specOf('a').source], specs, settings: world.fleet.settings, names: null })
}

const argsOf = (world: World): readonly string[] | undefined => world.fleet.servers.get('a')?.spec.launch?.args

describe('a changed server', () => {
  it('is proven beside the running one, takes its place, and the old one goes when its calls are answered', () => {
    const world = ready()
    world.busy = true
    reload(world, versionOf('a', '2'))
    world.settle()
    expect(world.phases()).toEqual({ a: 'ready', 'a~2': 'starting' })
    expect(argsOf(world)).toEqual(['1'])
    world.report('a~2', { type: 'established', generation: 2 })
    expect(world.state('a')).toMatchObject({ phase: 'ready', generation: 2, history: { total: 0, ends: [{ cause: 'replaced', generation: 1 }] } })
    expect(argsOf(world)).toEqual(['2'])
    expect(world.fleet.servers.get('a')).toMatchObject({ nextSpec: null, spec: { name: 'a', restart: { policy: 'on-failure' } } })
    expect(world.state('a~2')).toMatchObject({ phase: 'stopping', step: 'drain', generation: 1 })
    world.report('a~2', { type: 'drained', generation: 1 })
    world.settle()
    expect(world.phases()).toEqual({ a: 'ready' })
    expect(world.processes.filter((process) => process.alive).map((process) => process.generation)).toEqual([2])
  })

  it('stays as it is when the new one fails, and says why', () => {
    const world = ready()
    reload(world, versionOf('a', '2'))
    world.settle()
    const [candidate] = world.living('a~2')
    if (candidate) world.die(candidate, 3)
    world.settle()
    expect(world.phases()).toEqual({ a: 'ready' })
    expect(world.state('a').generation).toBe(1)
    expect(world.fleet.servers.get('a')?.trouble).toMatch(/does not work \(exited with code 3 .*\); the server goes on with the old one/)
    expect(world.fleet.servers.get('a')?.nextSpec).not.toBeNull()
  })

  it('is replaced by the newest configuration only when that changes again meanwhile', () => {
    const world = ready()
    reload(world, versionOf('a', '2'))
    world.settle()
    reload(world, versionOf('a', '3'))
    world.settle()
    expect(world.living('a~2')).toEqual([])
    const candidate = [...world.fleet.servers.keys()].find((name) => name.startsWith('a~'))
    world.report(candidate ?? '', { type: 'established', generation: 2 })
    world.settle()
    expect(argsOf(world)).toEqual(['3'])
    expect(world.phases()).toEqual({ a: 'ready' })
  })

  it('comes back with the change when it crashes while its successor is being proven', () => {
    const world = ready()
    reload(world, versionOf('a', '2'))
    world.settle()
    for (const process of world.living('a')) world.die(process)
    world.settle()
    expect(argsOf(world)).toEqual(['2'])
    expect(Object.keys(world.phases())).toEqual(['a'])
  })

  it('is stopped first when two of it cannot run at once', () => {
    for (const changes of [{ replace: 'in-place' }, { transport: 'http', endpoint: { url: 'http://127.0.0.1:1/', headers: {} } }] as const) {
      const world = ready(changes)
      reload(world, versionOf('a', '2', changes))
      expect(world.state('a')).toMatchObject({ phase: 'stopping', cause: 'restart' })
      world.settle()
      expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2 })
      expect(Object.keys(world.phases())).toEqual(['a'])
    }
  })

  it('gives up its replacement when it is stopped', () => {
    const world = ready()
    reload(world, versionOf('a', '2'))
    world.settle()
    world.send({ type: 'stop', names: ['a'] })
    world.settle()
    expect(world.phases()).toEqual({ a: 'idle' })
    expect(world.processes.filter((process) => process.alive)).toEqual([])
  })
})

describe('a reload', () => {
  it('starts what is new, stops what is gone or disabled, and leaves the rest alone', () => {
    const world = new World([specOf('a'), specOf('b'), specOf('c')])
    world.send({ type: 'start', names: ['a', 'b', 'c'] })
    world.settle()
    for (const name of ['a', 'b', 'c']) world.report(name, { type: 'established', generation: 1 })
    reload(world, specOf('a'), specOf('c', { enabled: false }), specOf('d'), specOf('e', { start: 'on-demand' }))
    world.settle()
    expect(world.phases()).toEqual({ a: 'ready', c: 'idle', d: 'starting', e: 'idle' })
    expect(world.state('a').generation).toBe(1)
  })

  it('changes under the running process what needs no other', () => {
    const world = ready()
    reload(world, versionOf('a', '1', { tags: ['x'], stopTimeoutMs: 1, health: { intervalMs: 1, timeoutMs: 1, hungAfterMs: 1, probe: { type: 'none' } } }))
    expect(world.fleet.servers.get('a')).toMatchObject({ nextSpec: null, spec: { tags: ['x'], stopTimeoutMs: 1, health: { intervalMs: 1 } }, state: { phase: 'ready', generation: 1 } })
  })

  it('does not start what somebody stopped', () => {
    const world = ready()
    world.send({ type: 'stop', names: ['a'] })
    world.settle()
    reload(world, versionOf('a', '2'))
    expect(world.phases()).toEqual({ a: 'idle' })
  })

  it('gives a failed server a new chance when what it is made from changed', () => {
    const world = new World([specOf('a')])
    world.send({ type: 'start', names: ['a'] })
    world.processes.length = 0
    world.report('a', { type: 'launch-failed', generation: 1, reason: 'command not found', permanent: true })
    reload(world, specOf('a', { tags: ['x'] }))
    expect(world.state('a').phase).toBe('failed')
    reload(world, versionOf('a', '2'))
    expect(world.state('a').phase).toBe('starting')
  })

  it('touches only the servers it names', () => {
    const world = new World([specOf('a'), specOf('b')])
    world.send({ type: 'start', names: ['a', 'b'] })
    world.settle()
    for (const name of ['a', 'b']) world.report(name, { type: 'established', generation: 1 })
    world.send({ type: 'reload', sources: [specOf('a').source], specs: [versionOf('a', '2'), versionOf('b', '2')], settings: world.fleet.settings, names: ['b'] })
    expect(Object.keys(world.phases())).toEqual(['a', 'b', 'b~2'])
  })
})

describe('a server that exceeds a limit', () => {
  it('is killed at once with its tree, restarted by policy, and the limit is named as the cause', () => {
    const world = ready()
    world.temper = { heedsInput: false, heedsTerm: false }
    world.report('a', { type: 'breached', generation: 1, breach: { cause: 'oom', reason: 'exceeded its memory limit of 200 MiB' } })
    expect(world.state('a')).toMatchObject({ phase: 'stopping', step: 'kill' })
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2, history: { total: 1, ends: [{ cause: 'oom', reason: 'exceeded its memory limit of 200 MiB' }] } })
  })

  it('is said to have done so when its exit is seen first', () => {
    const world = ready()
    const [process] = world.living('a')
    if (process) world.die(process, 7, null, false, { cause: 'oom', reason: 'exceeded its memory limit of 200 MiB' })
    world.settle()
    expect(world.state('a').history.ends[0]).toMatchObject({ cause: 'oom', code: 7 })
    expect(world.state('a').reason).toMatch(/exceeded its memory limit of 200 MiB; exited with code 7/)
  })

  it('is recycled above its soft mark without that counting as a failure', () => {
    const world = ready()
    world.report('a', { type: 'breached', generation: 1, breach: { cause: 'recycled', reason: 'uses more than its soft limit of 100 MiB' } })
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2, history: { total: 0, ends: [{ cause: 'recycled' }] } })
  })
})

describe('a stop', () => {
  it('waits for calls under way, but not for ever', () => {
    const world = ready({ drainTimeoutMs: 700 })
    world.busy = true
    const asked = world.now
    world.send({ type: 'stop', names: ['a'] })
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'stopping', step: 'drain' })
    world.fireTimer()
    world.settle()
    expect(world.state('a').phase).toBe('idle')
    expect(world.now - asked).toBe(700)
  })

  it('waits for nothing when its drain timeout is 0', () => {
    const world = ready({ drainTimeoutMs: 0 })
    world.send({ type: 'stop', names: ['a'] })
    expect(world.state('a')).toMatchObject({ step: 'input' })
  })
})
