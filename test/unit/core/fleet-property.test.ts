import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isActive, type ServerSpec } from '../../../src/lib/core/index.js'
import { specOf } from './spec-fixture.js'
import { World } from './fleet-world.js'

const SPECS = [specOf('a', { dependsOn: ['b'] }), specOf('b'), specOf('c', { transport: 'none', restart: { ...specOf('c').restart, policy: 'always' } }), specOf('d', { launch: null, transport: 'http', endpoint: { url: 'http://h/', headers: {} } })]
const NAMES = SPECS.map((spec) => spec.name)

type Act =
  | { do: 'start' | 'stop' | 'restart'; names: string[] }
  | { do: 'deliver' | 'timer' | 'launch-fails' | 'busy' }
  | { do: 'reload'; version: number; names: string[] }
  | { do: 'establish' | 'crash' | 'probe-exit' | 'clean-exit' | 'link-fails' | 'unhealthy' | 'probe' | 'answers' | 'breach' | 'recycle'; name: string }
  | { do: 'stale'; name: string; age: number }
  | { do: 'temper'; heedsInput: boolean; heedsTerm: boolean }
  | { do: 'wait'; forMs: number }

const names = fc.subarray(NAMES, { minLength: 1 })
const name = fc.constantFrom(...NAMES)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('start', 'stop', 'restart'), names }) },
  { weight: 6, arbitrary: fc.constant<Act>({ do: 'deliver' }) },
  { weight: 3, arbitrary: fc.constant<Act>({ do: 'timer' }) },
  { weight: 1, arbitrary: fc.constant<Act>({ do: 'launch-fails' }) },
  { weight: 1, arbitrary: fc.constant<Act>({ do: 'busy' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reload'), version: fc.integer({ min: 0, max: 2 }), names: fc.subarray(NAMES) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('establish', 'crash', 'probe-exit', 'clean-exit', 'link-fails', 'unhealthy', 'probe', 'answers', 'breach', 'recycle'), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stale'), name, age: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('temper'), heedsInput: fc.boolean(), heedsTerm: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), forMs: fc.integer({ min: 0, max: 40_000 }) }) },
)

function perform(world: World, step: Act): void {
  switch (step.do) {
    case 'start':
    case 'stop':
    case 'restart':
      world.send({ type: step.do, names: step.names })
      return
    case 'deliver':
      world.deliver()
      return
    case 'timer':
      world.fireTimer()
      return
    case 'launch-fails':
      world.launchFails = !world.launchFails
      return
    case 'busy':
      world.busy = !world.busy
      return
    case 'reload':
      world.send({ type: 'reload', sources: ['/project/mcp.config.json'], specs: versioned(step.version, step.names), settings: world.fleet.settings, names: null })
      return
    case 'temper':
      world.temper = { heedsInput: step.heedsInput, heedsTerm: step.heedsTerm }
      return
    case 'wait':
      world.now += step.forMs
      return
    case 'stale':
      expectNoChange(world, step.name, step.age)
      return
    default:
      affect(world, step.do, step.name)
  }
}

/** The configuration without the servers not named, the rest with another argument per version. */
function versioned(version: number, kept: readonly string[]): ServerSpec[] {
  return SPECS.filter((spec) => kept.includes(spec.name)).map((spec) => ({ ...spec, launch: spec.launch && { ...spec.launch, args: [String(version)] } }))
}

/** The server itself or, half of the time, the instance that is to replace it. */
function affect(world: World, what: string, named: string): void {
  const standIn = [...world.fleet.servers].find(([, entry]) => entry.standIn?.for === named)?.[0]
  const of = standIn !== undefined && world.now % 2 === 0 ? standIn : named
  const entry = world.fleet.servers.get(of)
  if (entry === undefined) return
  world.now++
  const { generation } = entry.state
  const [process] = world.living(of)
  if (what === 'crash' && process) world.die(process)
  if (what === 'clean-exit' && process) world.die(process, 0)
  if (what === 'probe-exit' && process) world.die(process, 1, null, true)
  if (what === 'establish') world.report(of, { type: 'established', generation })
  if (what === 'link-fails') world.report(of, { type: 'link-failed', generation, cause: 'link-closed', reason: 'closed' })
  if (what === 'unhealthy') world.report(of, { type: 'unhealthy', generation, reason: 'hung' })
  if (what === 'answers') world.report(of, { type: 'probed', generation, ok: true, reason: '' })
  if (what === 'breach') world.report(of, { type: 'breached', generation, breach: { cause: 'oom', reason: 'exceeded its memory limit' } })
  if (what === 'recycle') world.report(of, { type: 'breached', generation, breach: { cause: 'recycled', reason: 'above its soft mark' } })
  if (what === 'probe') world.report(of, { type: 'probed', generation, ok: false, reason: 'silent' })
}

function expectNoChange(world: World, of: string, age: number): void {
  const before = world.fleet.servers.get(of)
  if (before === undefined) return
  const generation = world.state(of).generation - age
  world.report(of, { type: 'exited', generation, code: 1, signal: null, duringProbe: false, breach: null })
  world.report(of, { type: 'established', generation })
  world.report(of, { type: 'swept', generation, remaining: 0 })
  world.send({ type: 'server', name: of, event: { type: 'timer', epoch: world.state(of).epoch - age } })
  expect(world.fleet.servers.get(of)).toBe(before)
}

function drain(world: World, over: () => boolean): void {
  for (let i = 0; i < 2000; i++) {
    if (over()) return
    if (!world.deliver() && !world.fireTimer()) return
  }
  throw new Error('does not come to rest')
}

describe('whatever happens, in whatever order', () => {
  // The world itself throws on a second live instance and on a launch of what should be down.
  it('never two live instances, no launch of what should be down, and closing reaches all down', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (steps) => {
        const world = new World(SPECS, 2)
        for (const step of steps) perform(world, step)
        world.send({ type: 'close' })
        drain(world, () => false)
        for (const { state, standIn } of world.fleet.servers.values()) expect({ active: isActive(state), standIn }).toEqual({ active: false, standIn: null })
        expect(world.processes.filter((process) => process.alive)).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  it('every stop of one server ends, whatever the server heeds', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), name, (steps, stopped) => {
        const world = new World(SPECS)
        for (const step of steps) perform(world, step)
        world.send({ type: 'stop', names: [stopped] })
        const left = () => world.processes.filter((process) => process.alive && (process.name === stopped || process.name.startsWith(`${stopped}~`)))
        const state = () => world.fleet.servers.get(stopped)?.state
        drain(world, () => (state()?.phase ?? 'idle') === 'idle' && left().length === 0)
        expect(state() ?? { phase: 'idle', desired: 'down' }).toMatchObject({ phase: 'idle', desired: 'down' })
        expect(left()).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('has at most one instance in the making for each server, and none for one that is not wanted', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (steps) => {
        const world = new World(SPECS)
        for (const step of steps) {
          perform(world, step)
          const next = [...world.fleet.servers.values()].filter(({ standIn, removed }) => standIn?.role === 'next' && !removed).map(({ standIn }) => standIn?.for ?? '')
          expect(new Set(next).size).toBe(next.length)
          for (const main of next) expect(world.state(main).desired).toBe('up')
        }
      }),
      // A server that waits for one that is forgotten in this very step says so at once.
      { numRuns: 200, examples: [[[{ do: 'reload', version: 0, names: ['b'] }, { do: 'reload', version: 0, names: ['a'] }, { do: 'stale', name: 'a', age: 1 }]]] },
    )
  })

  it('never restarts more often than the intensity allows', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('deliver', 'crash', 'establish', 'timer', 'link-fails'), { maxLength: 300 }), (steps) => {
        const world = new World([specOf('a')])
        world.send({ type: 'start', names: ['a'] })
        for (const step of steps) {
          if (step === 'deliver') world.deliver()
          else if (step === 'timer') world.fireTimer()
          else affect(world, step, 'a')
        }
        const launches = world.launches.get('a') ?? []
        for (const [index, at] of launches.entries()) {
          const inWindow = launches.slice(index).filter((other) => other - at < 60_000)
          expect(inWindow.length).toBeLessThanOrEqual(6)
        }
      }),
      { numRuns: 300 },
    )
  })
})
