import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ListWait, type Readiness } from '../../../src/lib/gateway/list-wait.js'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

function create(first: Readiness): { wait: ListWait; become: (next: Readiness) => void; givenUp: () => number } {
  let ready = first
  let givenUp = 0
  const wait = new ListWait(() => ready, 5000, () => Date.now(), () => { givenUp++ })
  return {
    wait,
    become: (next) => {
      ready = next
      wait.changed()
    },
    givenUp: () => givenUp,
  }
}

test('a list is given out at once when nothing is missing', () => {
  const proceed = vi.fn()
  create({ pending: 0, listed: 3 }).wait.whenSettled(proceed)
  expect(proceed).toHaveBeenCalledOnce()
})

test('it waits for the first server as long as it may, and for the others only while they keep coming', () => {
  const { wait, become, givenUp } = create({ pending: 3, listed: 0 })
  const proceed = vi.fn()
  wait.whenSettled(proceed)
  vi.advanceTimersByTime(4000)
  expect(proceed).not.toHaveBeenCalled()
  become({ pending: 2, listed: 1 })
  vi.advanceTimersByTime(250)
  become({ pending: 1, listed: 2 })
  vi.advanceTimersByTime(250)
  expect(proceed).not.toHaveBeenCalled()
  vi.advanceTimersByTime(100)
  expect(proceed).toHaveBeenCalledOnce()
  expect(givenUp()).toBe(1)
})

test('it never waits longer than the limit, and never for a change that changes nothing', () => {
  const { wait, become } = create({ pending: 2, listed: 0 })
  const proceed = vi.fn()
  wait.whenSettled(proceed)
  for (let second = 0; second < 5; second++) {
    become({ pending: 2, listed: 0 })
    vi.advanceTimersByTime(1000)
  }
  expect(proceed).toHaveBeenCalledOnce()
})

test('the last server releases everyone, and who took the wish back is not called', () => {
  const { wait, become, givenUp } = create({ pending: 1, listed: 0 })
  const [stays, leaves] = [vi.fn(), vi.fn()]
  wait.whenSettled(stays)
  wait.whenSettled(leaves)()
  become({ pending: 0, listed: 1 })
  expect(stays).toHaveBeenCalledOnce()
  expect(leaves).not.toHaveBeenCalled()
  expect(givenUp()).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})
