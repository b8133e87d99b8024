import fc from 'fast-check'
import { parse, type ParseError } from 'jsonc-parser'
import { describe, expect, it } from 'vitest'
import { openJsonEditor } from '../../../src/lib/clients/index.js'

const editor = await openJsonEditor()

/** The data of a text; fails when it is not valid. */
function read(text: string): unknown {
  const errors: ParseError[] = []
  const data: unknown = parse(text, errors, { allowTrailingComma: true })
  if (errors.length > 0) throw new Error(`not valid any more:\n${text}`)
  return data
}

describe('a property', () => {
  it.each([
    ['goes behind the others, comments and indentation kept', '{\n    // one\n    "a": {\n        "x": 1 // x\n    } // a\n}\n', '{\n    // one\n    "a": {\n        "x": 1, // x\n        "n": true\n    } // a\n}\n'],
    ['keeps a trailing comma', '{\n\t"a": {\n\t\t"x": 1,\n\t},\n}', '{\n\t"a": {\n\t\t"x": 1,\n\t\t"n": true,\n\t},\n}'],
    ['keeps line ends of Windows', '{\r\n  "a": {\r\n    "x": 1\r\n  }\r\n}\r\n', '{\r\n  "a": {\r\n    "x": 1,\r\n    "n": true\r\n  }\r\n}\r\n'],
    ['stays on the line of an object on one line', '{"a":{"x":1}}', '{"a":{"x":1, "n": true}}'],
    ['opens an empty object', '{\n  "a": {}\n}', '{\n  "a": {\n    "n": true\n  }\n}'],
    ['stays behind a comment in an empty object', '{\n  "a": { // nothing\n  }\n}', '{\n  "a": { // nothing\n    "n": true\n  }\n}'],
    ['makes what is missing on the way', '{\n  "b": 1\n}\n', '{\n  "b": 1,\n  "a": {\n    "n": true\n  }\n}\n'],
    ['makes an object of nothing', '', '{\n  "a": {\n    "n": true\n  }\n}\n'],
    ['takes the place of null', '{ "a": null }', '{ "a": {\n  "n": true\n} }'],
    ['replaces the value that is there', '{ "a": { "n": [1, 2] /* old */ } }', '{ "a": { "n": true /* old */ } }'],
  ])('%s', (_what, text, expected) => {
    const after = editor.put(text, ['a', 'n'], true)
    expect(after).toBe(expected)
    expect(read(after)).toMatchObject({ a: { n: true } })
  })

  it.each([
    ['goes with its line and its comma', '{\n  "a": 1,\n  "n": {\n    "x": 1\n  },\n  "b": 2\n}', '{\n  "a": 1,\n  "b": 2\n}'],
    ['takes the comma before it when it is the last', '{\n  "a": 1, // one\n  "n": 2\n}', '{\n  "a": 1 // one\n}'],
    ['leaves the comments around it', '{\n  // above\n  "n": 2, // beside\n  "b": 1\n}', '{\n  // above\n  // beside\n  "b": 1\n}'],
    ['leaves an empty object', '{\n  "n": 2\n}', '{\n}'],
    ['goes from one line', '{ "a": 1, "n": 2, "b": 3 }', '{ "a": 1, "b": 3 }'],
    ['leaves a comma in a comment alone', '{\n  "a": 1, // x, y\n  /* , */ "n": 2\n}', '{\n  "a": 1 // x, y\n  /* , */ \n}'],
    ['changes nothing when it is not there', '{ "a": 1 }', '{ "a": 1 }'],
  ])('that is removed %s', (_what, text, expected) => {
    expect(editor.remove(text, ['n'])).toBe(expected)
    expect(read(editor.remove(text, ['n']))).not.toHaveProperty('n')
  })

  it('is not put where something else stands', () => {
    expect(() => editor.put('{ "a": [1] }', ['a', 'n'], true)).toThrow('array')
  })
})

/** Objects written in many ways: with comments of all kinds, commas at the end, on one line or on many. */
const style = fc.record({ indent: fc.constantFrom('  ', '\t', '    '), eol: fc.constantFrom('\n', '\r\n'), trailing: fc.boolean(), comments: fc.array(fc.constantFrom('', '', ' // c,}{"', ' /* b, } */'), { minLength: 1, maxLength: 5 }), inline: fc.boolean() })
const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string(), { maxLength: 3 }))
const key = fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__')
const servers = fc.dictionary(key, fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true }), { maxKeys: 5, noNullPrototype: true })

function write(data: unknown, { indent, eol, trailing, comments, inline }: { indent: string; eol: string; trailing: boolean; comments: readonly string[]; inline: boolean }): string {
  let next = 0
  const comment = (): string => (inline ? '' : (comments[next++ % comments.length] ?? ''))
  const step = (node: unknown, depth: number): string => {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return JSON.stringify(node)
    const members = Object.entries(node).map(([name, each]) => `${JSON.stringify(name)}: ${step(each, depth + 1)}`)
    if (inline) return `{${members.join(', ')}${trailing && members.length > 0 ? ',' : ''}}`
    const lines = members.map((member, index) => `${indent.repeat(depth + 1)}${member}${trailing || index < members.length - 1 ? ',' : ''}${comment()}${eol}`)
    return `{${comment()}${eol}${lines.join('')}${indent.repeat(depth)}}`
  }
  return step(data, 0) + eol
}

const commentsIn = (text: string): number => [...text.matchAll(/\/\/ c,\}\{"|\/\* b, \} \*\//g)].length

it('whatever the file looks like, it says exactly what was meant and every comment outside of what went is there', () => {
  fc.assert(fc.property(servers, servers, style, value, fc.nat(), (list, other, how, entry, which) => {
    const data = { before: other, mcpServers: list, after: 1 }
    const text = write(data, how)
    const put = editor.put(text, ['mcpServers', 'new entry'], { entry })
    expect(read(put)).toEqual({ ...data, mcpServers: { ...list, 'new entry': { entry } } })
    expect(commentsIn(put)).toBe(commentsIn(text))
    expect(read(editor.remove(put, ['mcpServers', 'new entry']))).toEqual(data)
    const names = Object.keys(list)
    const gone = names[which % Math.max(1, names.length)]
    if (gone === undefined) return
    const { [gone]: _, ...rest } = list
    const removed = editor.remove(text, ['mcpServers', gone])
    expect(read(removed)).toEqual({ ...data, mcpServers: rest })
    const emptied = names.reduce((each, name) => editor.remove(each, ['mcpServers', name]), text)
    expect(read(editor.put(emptied, ['mcpServers', 'x'], 1))).toEqual({ ...data, mcpServers: { x: 1 } })
  }), { numRuns: 300 })
})
