import { describe, expect, it } from 'vitest'
import { LineSplitter } from '../../../src/lib/control/line.js'

describe('LineSplitter', () => {
  it('finds the same lines wherever the stream is cut', () => {
    const bytes = Buffer.from('{"a":1}\n{"b":"höllo"}\n\n{"c":3}\n')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const splitter = new LineSplitter()
      expect([...splitter.push(bytes.subarray(0, cut)), ...splitter.push(bytes.subarray(cut))]).toEqual(['{"a":1}', '{"b":"höllo"}', '', '{"c":3}'])
    }
  })

  it('refuses to collect a line without end', () => {
    const splitter = new LineSplitter()
    const chunk = Buffer.alloc(8 * 1024 * 1024, 120)
    expect(() => {
      for (let i = 0; i < 6; i++) splitter.push(chunk)
    }).toThrow(/longer than/)
  })
})
