import { describe, expect, it } from 'vitest'
import { renderResult } from '../../../src/lib/verbs/call-render.js'
import { COLORED, PLAIN } from './snapshot-fixture.js'

const text = (value: string): object => ({ type: 'text', text: value })

describe('the result of a call', () => {
  it('is its text, as it is in a pipe and harmless on a terminal', () => {
    const result = { content: [text('one\n\u001B[2Jtwo'), text('three')] }
    expect(renderResult(result, PLAIN)).toBe('one\n\u001B[2Jtwo\nthree')
    expect(renderResult(result, COLORED)).toBe('one\n\\x1b[2Jtwo\nthree')
  })

  it('describes what is no text', () => {
    const data = Buffer.alloc(2048).toString('base64')
    const content = [
      { type: 'image', mimeType: 'image/png', data },
      { type: 'audio', data },
      { type: 'resource_link', uri: 'file:///a', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///b', mimeType: 'text/plain', text: 'inside' } },
      { type: 'resource', resource: { uri: 'file:///c', blob: data } },
      { type: 'hologram', depth: 3 },
    ]
    expect(renderResult({ content }, PLAIN).split('\n')).toEqual([
      '[image: image/png, 2.0 KB]', '[audio: unknown type, 2.0 KB]', '[resource link: a, file:///a]', '[resource: file:///b, text/plain]', 'inside', '[resource: file:///c, 2.0 KB]',
      '{', '  "type": "hologram",', '  "depth": 3', '}',
    ])
  })

  it('shows structured content once, however often the server wrote it', () => {
    const structuredContent = { a: [1], b: 'x' }
    expect(renderResult({ content: [text('{"b":"x","a":[1]}')], structuredContent }, PLAIN)).toBe(JSON.stringify(structuredContent, null, 2))
    expect(renderResult({ content: [text('two of them')], structuredContent }, PLAIN)).toBe(`two of them\n${JSON.stringify(structuredContent, null, 2)}`)
  })

  it('survives what is no result', () => {
    expect(renderResult({}, PLAIN)).toBe('{}')
    expect(renderResult(null, PLAIN)).toBe('null')
    expect(renderResult({ content: [] }, PLAIN)).toBe('')
    expect(renderResult({ content: [null, { type: 'text' }] }, PLAIN)).toBe('null\n{\n  "type": "text"\n}')
  })
})
