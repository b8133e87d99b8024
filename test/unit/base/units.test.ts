import { describe, expect, it } from 'vitest'
import { formatBytes, formatDuration, nearest, readBytes, readDuration, Ring } from '../../../src/lib/base/index.js'

describe('durations', () => {
  it.each([
    [5, 5000],
    [0.25, 250],
    ['5', 5000],
    ['500ms', 500],
    ['2s', 2000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
  ])('reads %j as %d ms', (text, expected) => {
    expect(readDuration(text)).toBe(expected)
  })

  it.each([[''], ['5x'], ['-1'], [-1], [Number.NaN], [null], ['1 hour'], [{}]])('refuses %j', (value) => {
    expect(readDuration(value)).toBeUndefined()
  })

  it.each([
    [12, '12ms'],
    [1200, '1.2s'],
    [9_960, '10s'],
    [59_000, '59s'],
    [60_000, '1m'],
    [192_000, '3m12s'],
    [7_800_000, '2h10m'],
    [273_600_000, '3d4h'],
  ])('writes %d ms as %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected)
  })
})

describe('sizes', () => {
  it.each([
    [1024, 1024],
    ['200M', 200 * 1024 ** 2],
    ['1.5G', 1.5 * 1024 ** 3],
    ['64KiB', 65_536],
    ['64kb', 65_536],
    ['7', 7],
  ])('reads %j', (text, expected) => {
    expect(readBytes(text)).toBe(expected)
  })

  it.each([['1 gig'], ['M'], [-1], [1.5], [null]])('refuses %j', (value) => {
    expect(readBytes(value)).toBeUndefined()
  })

  it('writes sizes for people', () => {
    expect([0, 812, 61 * 1024 ** 2, 1.2 * 1024 ** 3].map(formatBytes)).toEqual(['0 B', '812 B', '61 MB', '1.2 GB'])
  })
})

describe('nearest', () => {
  it('finds what was meant', () => {
    expect(nearest('fiels', ['files', 'memory'])).toEqual(['files'])
    expect(nearest('statsu', ['start', 'status', 'stop'])[0]).toBe('status')
    expect(nearest('everything-server', ['everything'])).toEqual(['everything'])
    expect(nearest('zzz', ['files', 'memory'])).toEqual([])
  })
})

describe('Ring', () => {
  it('keeps the newest', () => {
    const ring = new Ring<number>(2)
    for (const item of [1, 2, 3]) ring.push(item)
    expect(ring.toArray()).toEqual([2, 3])
  })
})
