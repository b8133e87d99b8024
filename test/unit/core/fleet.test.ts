import { describe, expect, it } from 'vitest'
import type { ServerSpec } from '../../../src/lib/core/index.js'
import { specOf } from './spec-fixture.js'
import { World } from './fleet-world.js'

/** Starts everything named and proves each of them ready in turn. */
/** The same server with another argument: only a new process brings that about. */
function changedSpec(name: string, changes: Partial<ServerSpec> = {}): ServerSpec {
  const { launch } = specOf(name)
  return specOf(name, { launch: launch && { ...launch, args: ['--new'] }, ...changes })
}

function makeReady(world: World, names: readonly string[]): void {
  world.send({ type: 'start', names })
  world.settle()
  for (let round = 0; round < names.length + 1; round++) {
    for (const name of world.fleet.servers.keys()) {
      const state = world.state(name)
      if (state.phase === 'starting') world.report(name, { type: 'established', generation: state.generation })
      world.settle()
    }
  }
}

function only<T>(list: readonly T[]): T {
  const [first] = list
  if (first === undefined) throw new Error('nothing there')
  return first
}

describe('a fleet', () => {
  it('starts a server with what it depends on, in order', () => {
    const world = new World([specOf('app', { dependsOn: ['db'] }), specOf('db'), specOf('other')])
    world.send({ type: 'start', names: ['app'] })
    expect(world.phases()).toEqual({ app: 'waiting', db: 'starting', other: 'idle' })
    expect(world.state('app').reason).toBe('waits for db (starting)')
    world.settle()
    world.report('db', { type: 'established', generation: 1 })
    expect(world.phases()).toEqual({ app: 'starting', db: 'ready', other: 'idle' })
  })

  it('stops dependents before what they depend on', () => {
    const world = new World([specOf('app', { dependsOn: ['db'] }), specOf('db')])
    makeReady(world, ['app'])
    world.send({ type: 'stop', names: ['db', 'app'] })
    expect(world.phases()).toEqual({ app: 'stopping', db: 'ready' })
    world.settle()
    expect(world.phases()).toEqual({ app: 'idle', db: 'idle' })
  })

  it('ends a stop although old and new configurations depend on each other in a circle', () => {
    const world = new World([specOf('a', { dependsOn: ['b'] }), specOf('b')])
    makeReady(world, ['a'])
    const specs = [specOf('a'), specOf('b', { dependsOn: ['a'] })]
    world.send({ type: 'apply', sources: [specs[0]?.source ?? ''], specs, settings: world.fleet.settings })
    world.send({ type: 'restart', names: ['b'] })
    world.settle()
    world.report('b', { type: 'established', generation: 2 })
    world.send({ type: 'close' })
    world.settle()
    expect(world.phases()).toEqual({ a: 'idle', b: 'idle' })
  })

  it('keeps to the bound on concurrent starts', () => {
    const world = new World([specOf('a'), specOf('b'), specOf('c')], 1)
    world.send({ type: 'start', names: ['a', 'b', 'c'] })
    expect(world.phases()).toEqual({ a: 'starting', b: 'waiting', c: 'waiting' })
    world.settle()
    world.report('a', { type: 'established', generation: 1 })
    expect(world.phases()).toEqual({ a: 'ready', b: 'starting', c: 'waiting' })
  })

  it('restarts a killed server at once, one generation up, with the reason', () => {
    const world = new World([specOf('a')])
    makeReady(world, ['a'])
    world.die(only(world.living('a')), null, 'SIGKILL')
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2, history: { total: 1 } })
    expect(world.state('a').reason).toMatch(/^restarted: killed by SIGKILL/)
  })

  it('sweeps what a dead server left behind before its successor starts', () => {
    const world = new World([specOf('a')])
    makeReady(world, ['a'])
    world.die(only(world.living('a')))
    world.deliver()
    expect(world.state('a')).toMatchObject({ phase: 'stopping', step: 'sweep' })
    expect(world.launches.get('a')).toHaveLength(1)
    world.deliver()
    expect(world.launches.get('a')).toHaveLength(2)
  })

  it('backs off, gives up and starts again by hand', () => {
    const world = new World([specOf('a')])
    world.send({ type: 'start', names: ['a'] })
    for (let i = 0; i < 100 && world.state('a').phase !== 'failed'; i++) {
      world.settle()
      const [process] = world.living('a')
      if (process) world.die(process)
      else world.fireTimer()
    }
    expect(world.launches.get('a')).toHaveLength(6)
    expect(world.state('a').reason).toMatch(/^crash loop: 5 restarts within 1m; last: exited with code 1/)
    world.send({ type: 'start', names: ['a'] })
    expect(world.state('a')).toMatchObject({ phase: 'starting', history: { total: 0 } })
  })

  it('respawns a server that exits on the era probe without counting a restart', () => {
    const world = new World([specOf('a')])
    world.send({ type: 'start', names: ['a'] })
    world.settle()
    world.die(only(world.living('a')), 1, null, true)
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2, history: { total: 0, streak: 0 } })
    world.die(only(world.living('a')), 1, null, true)
    world.settle()
    expect(world.state('a').history.ends.map((end) => end.cause)).toEqual(['probe-exit', 'probe-exit'])
  })

  it('counts the exit on the probe after all when the server fails without one too', () => {
    const world = new World([specOf('a')])
    world.send({ type: 'start', names: ['a'] })
    for (let i = 0; i < 100 && world.state('a').phase !== 'failed'; i++) {
      world.settle()
      const [process] = world.living('a')
      if (process) world.die(process, 1, null, process.generation === 1)
      else world.fireTimer()
    }
    expect(world.launches.get('a')).toHaveLength(6)
  })

  it('escalates from input to TERM to KILL and ends', () => {
    const world = new World([specOf('a')])
    world.temper = { heedsInput: false, heedsTerm: false }
    makeReady(world, ['a'])
    const asked = world.now
    world.send({ type: 'stop', names: ['a'] })
    expect(world.state('a')).toMatchObject({ phase: 'stopping', step: 'drain' })
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'stopping', step: 'input' })
    world.fireTimer()
    expect(world.state('a')).toMatchObject({ step: 'term' })
    world.fireTimer()
    world.settle()
    expect(world.state('a').phase).toBe('idle')
    expect(world.now - asked).toBe(5000)
  })

  it('does not stop what is started again while it stops', () => {
    const world = new World([specOf('a')])
    makeReady(world, ['a'])
    world.send({ type: 'stop', names: ['a'] })
    world.send({ type: 'start', names: ['a'] })
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2 })
  })

  it('fails a start that is never proven ready, after its timeout, and says so', () => {
    const world = new World([specOf('a', { restart: { ...specOf('a').restart, policy: 'never' }, startTimeoutMs: 3000 })])
    world.send({ type: 'start', names: ['a'] })
    world.settle()
    world.fireTimer()
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'failed', reason: 'not ready within its start timeout of 3 s; restart policy is never' })
  })

  it('does not retry what no retry can mend', () => {
    const world = new World([specOf('a')])
    world.send({ type: 'start', names: ['a'] })
    world.report('a', { type: 'launch-failed', generation: 1, reason: 'command not found', permanent: true })
    expect(world.state('a')).toMatchObject({ phase: 'failed', reason: 'command not found' })
  })

  it('does not try again where somebody has to log in first, and starts when it is told that it may', () => {
    const world = new World([specOf('a')])
    makeReady(world, ['a'])
    world.report('a', { type: 'link-failed', generation: 1, cause: 'login-needed', reason: 'log in' })
    world.settle()
    expect(world.state('a')).toMatchObject({ phase: 'failed', desired: 'up', reason: 'log in' })
    world.send({ type: 'restart', names: ['a'] })
    expect(world.state('a')).toMatchObject({ phase: 'starting', generation: 2 })
  })

  it('leaves a running server alone when its configuration changes, until it is restarted', () => {
    const world = new World([specOf('a')])
    makeReady(world, ['a'])
    const changed = changedSpec('a')
    world.send({ type: 'apply', sources: [changed.source], specs: [changed], settings: world.fleet.settings })
    expect(world.fleet.servers.get('a')).toMatchObject({ nextSpec: changed, state: { phase: 'ready', generation: 1 } })
    world.send({ type: 'restart', names: ['a'] })
    world.settle()
    expect(world.fleet.servers.get('a')).toMatchObject({ spec: changed, nextSpec: null, state: { phase: 'starting' } })
  })

  it('forgets a server that left the configuration once it is stopped', () => {
    const world = new World([specOf('a'), specOf('b')])
    makeReady(world, ['a', 'b'])
    world.send({ type: 'apply', sources: [specOf('a').source], specs: [specOf('b')], settings: world.fleet.settings })
    expect(world.state('a').phase).toBe('ready')
    world.send({ type: 'stop', names: ['a'] })
    world.settle()
    expect([...world.fleet.servers.keys()]).toEqual(['b'])
  })

  it('takes a server out of the rotation when it fails its probe and back when it answers', () => {
    const world = new World([specOf('a')])
    makeReady(world, ['a'])
    world.report('a', { type: 'probed', generation: 1, ok: false, reason: 'no answer' })
    expect(world.state('a')).toMatchObject({ phase: 'unready', reason: 'no answer' })
    world.report('a', { type: 'probed', generation: 1, ok: true, reason: '' })
    expect(world.state('a').phase).toBe('ready')
  })

  it('needs no sweep for a remote server', () => {
    const world = new World([specOf('a', { launch: null, transport: 'http', endpoint: { url: 'http://h/', headers: {} } })])
    makeReady(world, ['a'])
    world.send({ type: 'stop', names: ['a'] })
    world.settle()
    expect(world.state('a').phase).toBe('idle')
  })
})

describe('the process of one client session', () => {
  it('is started at once, is not touched by its configuration file, and is forgotten when it was dropped and is down', () => {
    const base = specOf('a')
    const world = new World([base])
    world.send({ type: 'add', spec: { ...base, name: 'a#1', source: 'session', session: { capabilities: {}, info: null } } })
    expect(world.state('a#1').phase).toBe('starting')
    world.send({ type: 'apply', sources: [base.source], specs: [base], settings: world.fleet.settings })
    expect(world.fleet.servers.get('a#1')?.removed).toBe(false)
    world.send({ type: 'drop', name: 'a#1' })
    while (world.deliver() || world.fireTimer());
    expect([...world.fleet.servers.keys()]).toEqual(['a'])
    expect(world.living('a#1')).toEqual([])
  })

  it('is not added when everything goes down', () => {
    const world = new World([specOf('a')])
    world.send({ type: 'close' })
    world.send({ type: 'add', spec: { ...specOf('a'), name: 'a#1' } })
    expect(world.fleet.servers.has('a#1')).toBe(false)
  })
})

describe('what the gateway does with traffic', () => {
  it('changes under a running server without asking for a restart', () => {
    const base = specOf('a')
    const world = new World([base])
    world.send({ type: 'start', names: ['a'] })
    world.send({ type: 'apply', sources: [base.source], specs: [{ ...base, traffic: { ...base.traffic, deny: ['rm*'] } }], settings: world.fleet.settings })
    expect(world.fleet.servers.get('a')).toMatchObject({ nextSpec: null, spec: { traffic: { deny: ['rm*'] } } })
  })
})
