import { describe, expect, it } from 'vitest'
import { markerOf } from '../../../src/lib/daemon/marker.js'
import { createSweeper } from '../../../src/lib/process/index.js'

describe('the marker of an instance', () => {
  it.each(['files', 'files#2', 'files~2', 'files~2~', 'a.b_c-d'])('can be swept for, whatever our own name for it: %s', async (name) => {
    expect(await createSweeper().end({ marker: markerOf('home:1-2:', name, 3) })).toEqual({ ended: 0, remaining: [] })
  })

  it('belongs to one instance only', () => {
    const names = ['files', 'files#2', 'files~2', 'files.own.2', 'files_2', 'files-2', 'files.2']
    const markers = names.flatMap((name) => [1, 2, 21].map((generation) => markerOf('h:', name, generation)))
    expect(new Set(markers).size).toBe(markers.length)
  })
})
