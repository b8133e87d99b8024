import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Heartbeat } from '../../../src/lib/gateway/http/heartbeat.js'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

it('beats for what is open, with no timer left when nothing is', () => {
  const heartbeat = new Heartbeat()
  const living = { beat: vi.fn() }
  heartbeat.add(living)
  vi.advanceTimersByTime(30_000)
  expect(living.beat).toHaveBeenCalledTimes(2)
  heartbeat.delete(living)
  vi.advanceTimersByTime(15_000)
  expect([living.beat.mock.calls.length, vi.getTimerCount()]).toEqual([2, 0])
  heartbeat.add(living)
  vi.advanceTimersByTime(15_000)
  expect(living.beat).toHaveBeenCalledTimes(3)
})

it('stops everything at its end', () => {
  const heartbeat = new Heartbeat()
  const stop = vi.fn()
  heartbeat.add({ beat: () => undefined, stop })
  heartbeat.add({ beat: () => undefined })
  heartbeat.close()
  expect([stop.mock.calls.length, heartbeat.size, vi.getTimerCount()]).toEqual([1, 0, 0])
})
