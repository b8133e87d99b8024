import fc from 'fast-check'
import { parse, stringify } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { putToml, removeToml } from '../../../src/lib/clients/index.js'

const CODEX = `model = "o" # the model

# The first.
[mcp_servers.a]
command = "x"
args = [
  "]", # [mcp_servers.b]
  '#',
]
env = { A = "[mcp_servers.b]", "B" = 'x' }

[mcp_servers.a.env2]
TEXT = """
[mcp_servers.b]
command = "no" \\"""
"""

# The second.
[ mcp_servers . "b.c" ]
command = 'y'

[tui]
theme = "dark" # last
`

describe('a table', () => {
  it('goes with the tables below it, every other line stays as it is', () => {
    expect(removeToml(CODEX, ['mcp_servers', 'a'])).toBe('model = "o" # the model\n\n# The first.\n\n# The second.\n[ mcp_servers . "b.c" ]\ncommand = \'y\'\n\n[tui]\ntheme = "dark" # last\n')
    expect(removeToml(CODEX, ['mcp_servers', 'b.c'])).toBe(CODEX.replace("[ mcp_servers . \"b.c\" ]\ncommand = 'y'\n", ''))
    expect(removeToml(CODEX, ['mcp_servers', 'b'])).toBe(CODEX)
  })

  it('comes at the end, or where it was', () => {
    expect(putToml(CODEX, ['mcp_servers', 'm'], { command: 'm', args: ['a "b"'], env: { H: '\u007f' } })).toBe(`${CODEX}\n[mcp_servers.m]\ncommand = "m"\nargs = ["a \\"b\\""]\n\n[mcp_servers.m.env]\nH = "\\u007F"\n`)
    const replaced = putToml(CODEX, ['mcp_servers', 'b.c'], { command: 'z' })
    expect(replaced).toBe(CODEX.replace('[ mcp_servers . "b.c" ]\ncommand = \'y\'\n', '[mcp_servers."b.c"]\ncommand = "z"\n'))
  })

  it('keeps line ends of Windows, and ends a last line that has none', () => {
    expect(putToml('a = 1\r\nb = 2', ['t'], { x: 1 })).toBe('a = 1\r\nb = 2\r\n\r\n[t]\r\nx = 1\r\n')
  })

  it('is found as keys too: with dots, and below its parent', () => {
    expect(removeToml('mcp_servers.a.command = "x"\nmcp_servers.b.command = "y"\n', ['mcp_servers', 'a'])).toBe('mcp_servers.b.command = "y"\n')
    expect(removeToml('[mcp_servers]\na = { command = "x" }\nb = { command = "y" } # b\n', ['mcp_servers', 'a'])).toBe('[mcp_servers]\nb = { command = "y" } # b\n')
  })
})

const text = fc.oneof(fc.string({ unit: 'binary' }).filter((each) => Buffer.from(each).toString() === each), fc.constantFrom('"""', "'''", '[a]', '# x', '\\', '\r\n'))
const name = fc.oneof(fc.stringMatching(/^[a-z0-9_-]{1,6}$/), fc.constantFrom('a.b', 'ü', '"', ' ', ']'))
const entry = fc.record({ command: text, args: fc.array(text, { maxLength: 3 }), env: fc.dictionary(name, text, { maxKeys: 2, noNullPrototype: true }), on: fc.boolean() })
const document = fc.record({ model: text, mcp_servers: fc.dictionary(name, entry, { minKeys: 1, maxKeys: 4, noNullPrototype: true }), tui: fc.record({ theme: text }) })

it('whatever is in the file, it says exactly what was meant', () => {
  fc.assert(fc.property(document, entry, (data, added) => {
    const before = stringify(data)
    const wanted = parse(before)
    const put = putToml(before, ['mcp_servers', 'new entry'], added)
    expect(parse(put)).toEqual({ ...wanted, mcp_servers: { ...(wanted['mcp_servers'] as object), 'new entry': { ...added, env: added.env } } })
    expect(put.startsWith(before)).toBe(true)
    expect(removeToml(put, ['mcp_servers', 'new entry']).trimEnd()).toBe(before.trimEnd())
    for (const gone of Object.keys(data.mcp_servers)) {
      const { [gone]: _, ...rest } = wanted['mcp_servers'] as Record<string, unknown>
      const { mcp_servers: left = {}, ...others } = parse(removeToml(before, ['mcp_servers', gone]))
      expect({ ...others, mcp_servers: left }).toEqual({ ...wanted, mcp_servers: rest })
    }
  }), { numRuns: 200 })
})
