import { describe, expect, it } from 'vitest'
import { renderTools } from '../../../src/lib/verbs/tools-table.js'
import { PLAIN } from './snapshot-fixture.js'

const TOOLS = [{ name: 'read', description: '\n  Reads a file.\nSecond line.' }, { name: 'longer_name' }]

describe('the table of tools', () => {
  it('has one line a tool with the first line of its description', () => {
    expect(renderTools([{ name: 'files', tools: TOOLS }, { name: 'db', tools: [{ name: 'query', description: 'Asks.' }] }], PLAIN)).toBe(
      ['SERVER  TOOL         DESCRIPTION', 'files   read         Reads a file.', 'files   longer_name', 'db      query        Asks.'].join('\n'),
    )
  })

  it('cuts descriptions where the terminal ends, and shows control characters as text', () => {
    const table = renderTools([{ name: 'files', tools: [{ name: 're\u001Bad', description: 'word '.repeat(50) }] }], { ...PLAIN, columns: 60 })
    const lines = table?.split('\n') ?? []
    expect(lines[1]).toMatch(/^files {3}re\\x1bad {2}word .*\.\.\.$/)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
  })

  it('is none without tools', () => {
    expect(renderTools([{ name: 'a', tools: [] }], PLAIN)).toBeNull()
  })
})
