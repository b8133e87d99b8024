import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { IdKey } from '../../../src/lib/pump/id-key.js'
import { WaitingRoom } from '../../../src/lib/pump/waiting-room.js'

describe('the waiting room', () => {
  let late: IdKey[]
  let room: WaitingRoom
  const line = (bytes = 10) => Buffer.alloc(bytes)

  beforeEach(() => {
    vi.useFakeTimers()
    late = []
    room = new WaitingRoom((key) => late.push(key))
  })
  afterEach(() => vi.useRealTimers())

  it('gives everybody back in the order they came', () => {
    for (const key of [3, '"a"', 1]) room.add(key, line(), false)
    expect(room.takeAll().map(({ key }) => key)).toEqual([3, '"a"', 1])
    expect(room.takeAll()).toEqual([])
    vi.advanceTimersByTime(60_000)
    expect(late).toEqual([])
  })

  it('lets nobody wait longer than thirty seconds, each counted from when it came', () => {
    room.add(1, line(), false)
    vi.advanceTimersByTime(20_000)
    room.add(2, line(), false)
    vi.advanceTimersByTime(10_000)
    expect(late).toEqual([1])
    vi.advanceTimersByTime(19_000)
    expect(late).toEqual([1])
    vi.advanceTimersByTime(1_500)
    expect(late).toEqual([1, 2])
    expect(room.isPressed).toBe(false)
  })

  it('lets subscriptions wait for ever', () => {
    room.add('"s"', line(), true)
    room.add(1, line(), false)
    expect(room.isPressed).toBe(true)
    vi.advanceTimersByTime(120_000)
    expect(late).toEqual([1])
    expect(room.isPressed).toBe(false)
    expect(room.takeImpatient()).toEqual([])
    expect(room.takeAll().map(({ key }) => key)).toEqual(['"s"'])
  })

  it('holds a thousand requests and sixteen megabytes', () => {
    for (let key = 0; key < 1000; key++) expect(room.add(key, line(), false)).toBe(true)
    expect(room.add(1000, line(), false)).toBe(false)
    room.remove(5)
    expect(room.add(1000, line(), false)).toBe(true)
    room.clear()
    expect(room.add(1, line(16 * 1024 * 1024), false)).toBe(true)
    expect(room.add(2, line(1), false)).toBe(false)
    room.remove(1)
    expect(room.add(2, line(1), false)).toBe(true)
  })

  it('has one place for one id', () => {
    room.add(1, line(4), false)
    room.add(1, line(5), false)
    expect(room.takeAll().map((entry) => entry.line.length)).toEqual([5])
  })
})
