import { describe, expect, it } from 'vitest'
import type { ConfigSnapshot } from '../../../src/lib/core/index.js'
import { configOf } from '../../../src/lib/verbs/config-of.js'
import { serverOf, snapshotOf } from './snapshot-fixture.js'

const config = (source: string, trouble: string | null, files?: string[]): ConfigSnapshot => ({ source, trouble, watched: true, ...(files === undefined ? {} : { files }) })
const find = (source: string, ...configs: ConfigSnapshot[]): ConfigSnapshot | null => configOf({ ...snapshotOf().daemon, configs }, serverOf('a', { source }))

describe('the configuration a server belongs to', () => {
  it('is the one whose file it stands in, also where that is not the first of several', () => {
    expect(find('/user', config('/p', 'broken', ['/p', '/user']))?.source).toBe('/p')
    expect(find('/p', config('/other', null), config('/p', null))?.source).toBe('/p')
    expect(find('/q', config('/p', 'broken', ['/p', '/user']))).toBeNull()
  })

  it('is the one in trouble where two share the file', () => {
    expect(find('/user', config('/a', null, ['/a', '/user']), config('/b', 'broken', ['/b', '/user']))?.source).toBe('/b')
  })
})
