import { expect } from 'vitest'
import { alive } from '../helpers/proc.js'
import { kill, pidOf, serverOf, untilGone, untilServer } from '../e2e/support.js'
import { bound, fault } from './lab.js'
import { MIB } from './measure.js'
import { faulty, QUICK, tiny } from './servers.js'

const WATCHED = { health: { interval: '300ms', timeout: '300ms' }, stopTimeout: '500ms', restart: QUICK }

fault('F11', async (lab) => {
  await lab.start({ a: { ...tiny(), ...WATCHED }, unwatched: { ...tiny(), health: { probe: 'none' }, stopTimeout: '500ms' }, calm: tiny() })
  const [a, unwatched] = [await pidOf(lab.home, 'a'), await pidOf(lab.home, 'unwatched')]
  const client = await lab.legacy()
  const from = performance.now()
  for (const pid of [a, unwatched]) kill(pid, 'SIGSTOP')
  await untilServer(lab.home, 'a', ({ ready }) => !ready, { pollMs: 5 })
  const outMs = performance.now() - from
  await untilGone(a)
  const again = await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  const backMs = performance.now() - from
  expect(again.restarts).toBe(1)
  expect((await lab.run(['status', 'a'])).stdout).toMatch(/generation 1 +.*(no answer|does not answer|not answered|unhealthy)/)
  expect(await client.text('a__echo')).toBe('here')
  // Nobody asked this one; a stop still reaches it.
  expect(alive(unwatched)).toBe(true)
  expect((await lab.run(['stop', 'unwatched'])).exitCode).toBe(0)
  expect(alive(unwatched)).toBe(false)
  expect(await serverOf(lab.home, 'calm')).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`out of rotation after ${Math.round(outMs)} ms, ready again after ${Math.round(backMs)} ms at an interval of 300 ms`)
})

fault('F43', async (lab) => {
  await lab.start({ a: { ...faulty(), ...WATCHED, health: { interval: '1s', timeout: '1s', hungAfter: '2s' } }, calm: tiny() })
  const client = await lab.legacy()
  const pid = await pidOf(lab.home, 'a')
  const text = 'x'.repeat(MIB)
  // The memory it takes to pass so much on is no leak.
  for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 4 }, () => client.call('a__echo', { text })))
  await lab.watch()
  await client.call('a__deaf')
  const from = performance.now()
  const calls = Array.from({ length: 8 }, () => client.call('a__echo', { text }))
  const first = await Promise.race(calls)
  const failedMs = performance.now() - from
  expect(first.error?.message).toMatch(/does not read its input: \d+ bytes wait for it/)
  expect(failedMs).toBeLessThan(bound(1000, 20_000))
  expect(await client.text('calm__echo')).toBe('here')
  await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  expect(alive(pid)).toBe(false)
  // Each of them has one answer: refused for want of room, or lost with the instance.
  for (const { error } of await Promise.all(calls)) expect(error).toBeDefined()
  expect(await client.text('a__echo', { text: 'back' })).toBe('back')
  lab.measured(`refused after ${Math.round(failedMs)} ms, ready again after ${Math.round(performance.now() - from)} ms`)
})

