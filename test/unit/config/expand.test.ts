import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expandText, hideDefaults, listReferences } from '../../../src/lib/config/expand.js'

const scope = {
  env: { A: '1', EMPTY: '', 'odd(x)': 'odd', PATHNAME: 'f', NESTED: '${A}' },
  workspaceFolder: '/w',
  userHome: '/h',
  readFile: (path: string) => {
    if (path !== 'f') throw new Error('there is no such file')
    return 'content'
  },
}

describe('expansion', () => {
  it.each([
    ['plain', 'plain'],
    ['${A}', '1'],
    ['${env:A}', '1'],
    ['${env:odd(x)}', 'odd'],
    ['x${A}y${A}z', 'x1y1z'],
    ['${NOPE:-d}', 'd'],
    ['${NOPE:-}', ''],
    ['${EMPTY}', ''],
    ['${EMPTY:-d}', 'd'],
    ['${A:-d}', '1'],
    ['${env:NOPE:-d}', 'd'],
    ['${NOPE:-${A}${ALSO:-b}}', '1b'],
    ['${NOPE:-{"a":{"b":1}}}', '{"a":{"b":1}}'],
    ['${NOPE:-http://h:1/-}', 'http://h:1/-'],
    ['${file:f}', 'content'],
    ['${file:${PATHNAME}}', 'content'],
    ['${workspaceFolder}/x', '/w/x'],
    ['${userHome}', '/h'],
    ['$A %A% $ $$ {A} $(A)', '$A %A% $ $$ {A} $(A)'],
    ['$${A}', '${A}'],
    ['$$${A}', '$${A}'],
    ['$${A}${A}', '${A}1'],
    ['$${open', '${open'],
    ['${NESTED}', '${A}'],
  ])('%s becomes %s', (text, expected) => {
    expect(expandText(text, scope)).toMatchObject({ text: expected, problems: [] })
  })

  it.each([
    ['${NOPE}', 'missing', 'needs the variable NOPE'],
    ['${A:?x}', 'malformed', 'not understood'],
    ['${A-x}', 'malformed', 'not understood'],
    ['${}', 'malformed', 'not understood'],
    ['${file:gone}', 'malformed', 'there is no such file'],
    ['${keyring:x}', 'malformed', 'not supported'],
    ['a ${A', 'malformed', 'without its closing brace'],
  ])('%s is a problem and stays as it is', (text, type, message) => {
    const expansion = expandText(text, scope)
    expect(expansion.problems).toEqual([{ type, message: expect.stringContaining(message), hint: expect.stringMatching(/\$\{|Create the file/) }])
    expect(expansion.text).toBe(text)
  })

  it('tells whether a value from outside went in', () => {
    expect(['${A}', '${file:f}', '${NOPE:-${A}}'].map((text) => expandText(text, scope).hasOutsideValue)).toEqual([true, true, true])
    expect(['a', '${NOPE:-d}', '${workspaceFolder}', '$${A}'].map((text) => expandText(text, scope).hasOutsideValue)).toEqual([false, false, false, false])
  })

  it('nested without end is refused', () => {
    const expansion = expandText('${X:-'.repeat(50_000) + '}'.repeat(50_000), scope)
    expect(expansion.problems).toEqual([expect.objectContaining({ message: 'has references nested more than 20 deep' })])
  })

  it('never throws, and leaves text without ${ alone', () => {
    fc.assert(fc.property(fc.stringMatching(/^[${}:A\-a ]{0,30}$/), (text) => {
      const expansion = expandText(text, scope)
      if (!text.includes('${')) expect(expansion.text).toBe(text)
      else expect(typeof expansion.text).toBe('string')
    }))
  })

  it('a default is hidden when a reference is shown', () => {
    expect(hideDefaults('a ${A:-secret} ${B} ${C:-}', '***')).toBe('a ${A:-***} ${B} ${C:-}')
    expect(listReferences('x ${A} y ${B:-***}')).toBe('${A} ${B:-***}')
  })
})
