import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Register } from '../../../src/lib/base/index.js'

test('a register holds what a Map would, for numbers and texts that look alike', () => {
  const key = fc.oneof({ weight: 5, arbitrary: fc.nat(400) }, fc.nat(3).map((n) => n * 1024), fc.nat(20).map(String), fc.constantFrom('', '__proto__', 'constructor', ':1', -1, 2 ** 53))
  fc.assert(fc.property(fc.array(fc.record({ key, item: fc.option(fc.nat(), { nil: undefined, freq: 2 }) }), { maxLength: 400, size: 'max' }), (steps) => {
    const register = new Register<number>()
    const model = new Map<number | string, number>()
    for (const { key: at, item } of steps) {
      if (item === undefined) expect(register.delete(at)).toBe(model.delete(at))
      else {
        register.set(at, item)
        model.set(at, item)
      }
      expect(register.get(at)).toBe(model.get(at))
      expect(register.size).toBe(model.size)
    }
    expect(register.values().sort()).toEqual([...model.values()].sort())
    expect(new Set(register.keys())).toEqual(new Set(model.keys()))
  }))
})
