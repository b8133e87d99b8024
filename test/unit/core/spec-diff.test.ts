import { describe, expect, test } from 'vitest'
import { diffSpecs, type ServerSpec } from '../../../src/lib/core/index.js'
import { withLiveFields } from '../../../src/lib/core/spec-diff.js'
import { specOf } from './spec-fixture.js'

const MEMORY = { limits: { memoryBytes: 1 } }

describe('a change of limits', () => {
  test.each<[string, Partial<ServerSpec>, Partial<ServerSpec>, 'restart' | 'live']>([
    ['where there were none takes a new process', {}, MEMORY, 'restart'],
    ['takes effect on a process that is held already', MEMORY, { limits: { memoryBytes: 2 } }, 'live'],
    ['that takes them away does as well', MEMORY, {}, 'live'],
    ['that only says they have to be held concerns the next start', {}, { limits: { required: true } }, 'live'],
  ])('%s', (_what, before, after, applies) => {
    const [old, next] = [specOf('a', before), specOf('a', after)]
    const diff = diffSpecs(old, next)
    expect(diff[applies === 'restart' ? 'live' : 'restart']).toEqual([])
    expect(diff[applies]).toHaveLength(1)
    expect(withLiveFields(old, next).limits).toEqual(applies === 'restart' ? old.limits : next.limits)
  })
})
