import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fillTemplates, type Scope } from '../../../src/lib/gateway/workflow/template.js'

const PREVIOUS = { id: 7, name: 'seven', tags: ['a', 'b'], nested: { 'odd name': { deep: null }, ok: true }, text: 'say "hi"' }
const scope: Scope = {
  previous: () => ({ value: PREVIOUS }),
  step: (name) => (name === 'first' ? { value: [{ id: 'x' }] } : name === 'words' ? { value: 'plain text' } : { why: `there is no step "${name}"` }),
  context: (key) => (key === 'shared' ? { value: { n: 1 } } : { why: `it has no "${key}"` }),
}
const fill = (value: unknown): unknown => fillTemplates(value, scope)

describe('a template', () => {
  it.each<[unknown, unknown]>([
    ['{{previous_result.id}}', 7], [' {{ previous_result.id }} ', 7], ['{{previous_result}}', PREVIOUS], ['{{previous_result.nested.ok}}', true], ['{{previous_result.nested["odd name"].deep}}', null],
    ['{{previous_result.tags[1]}}', 'b'], ['{{previous_result.tags.0}}', 'a'], ['{{steps.first[0].id}}', 'x'], ['{{steps.words}}', 'plain text'], ['{{context.shared}}', { n: 1 }],
    ['id {{previous_result.id}} of {{previous_result.name}}', 'id 7 of seven'], ['{{previous_result.tags}}!', '["a","b"]!'], ['<{{previous_result.text}}>', '<say "hi">'], ['{{context.shared.n}}{{context.shared.n}}', '11'],
    ['\\{{previous_result.id}}', '{{previous_result.id}}'], ['a \\{{b}} {{previous_result.id}}', 'a {{b}} 7'], ['no template {here}', 'no template {here}'], ['{{ never closed', '{{ never closed'],
  ])('%j gives %j', (template, value) => {
    expect(fill(template)).toEqual(value)
  })

  it('is filled anywhere in lists and objects, but not in names', () => {
    expect(fill({ '{{previous_result.id}}': [{ a: '{{previous_result.id}}' }, 3, null, true] })).toEqual({ '{{previous_result.id}}': [{ a: 7 }, 3, null, true] })
  })

  it.each<[string, RegExp]>([
    ['{{previous_result.missing}}', /previous_result has no "missing"; it has id, name, tags, nested, text/], ['{{previous_result.tags[2]}}', /has no "2"; it has 2 entries/], ['{{previous_result.tags.length}}', /has no "length"/],
    ['{{previous_result.id.x}}', /previous_result\.id is a number, which has no "x"/], ['{{previous_result.nested["odd name"].deep.x}}', /is null/], ['{{steps.words.x}}', /is a text/],
    ['{{steps.nope}}', /there is no step "nope"/], ['{{steps}}', /names no step/], ['{{context}}', /names no key/], ['{{context.other}}', /it has no "other"/], ['{{other.x}}', /nothing called "other"/], ['{{}}', /no path/], ['{{previous_result..id}}', /no path/],
    ['{{previous_result[}}', /no path/], ['{{a b}}', /no path/], ['{{previous_result.constructor}}', /has no "constructor"/], ['{{previous_result.__proto__}}', /has no "__proto__"/], ['{{previous_result.tags.-1}}', /has no "-1"/], [`{{previous_result.${'x'.repeat(300)}}}`, /longer than 256/],
  ])('%j is an error that says why', (template, why) => {
    expect(() => fill({ a: ['ok', template] })).toThrow(why)
    expect(() => fill(`around ${template}`)).toThrow(why)
  })

  it('cannot make a small request a huge one, or nest without end', () => {
    const big: Scope = { ...scope, previous: () => ({ value: 'x'.repeat(100_000) }) }
    expect(() => fillTemplates('{{previous_result}}'.repeat(100), big)).toThrow(/longer than/)
    expect(() => fillTemplates(Array.from({ length: 20 }, () => '{{previous_result}}'), big)).toThrow(/longer than/)
    expect(fillTemplates(Array.from({ length: 5 }, () => '{{previous_result}}'), big)).toHaveLength(5)
    let deep: unknown = 1
    for (let at = 0; at < 100; at++) deep = [deep]
    expect(() => fill(deep)).toThrow(/nested more than/)
  })

  it('gives every JSON value with its type, by whatever path', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 3 }), fc.array(fc.oneof(fc.nat(3), fc.stringMatching(/^[^"{}]{0,8}$/)), { maxLength: 4 }), (leaf, path) => {
      let value: unknown = leaf
      for (const key of [...path].reverse()) value = typeof key === 'number' ? [...Array.from({ length: key }, () => 'other'), value] : Object.fromEntries([[key, value]])
      const text = `{{steps.s${path.map((key) => (typeof key === 'number' ? `[${key}]` : `["${key}"]`)).join('')}}}`
      expect(fillTemplates(text, { ...scope, step: () => ({ value }) })).toEqual(leaf)
    }))
  })

  it('leaves everything without two braces as it is', () => {
    fc.assert(fc.property(fc.jsonValue().filter((value) => !JSON.stringify(value).includes('{{')), (value) => {
      expect(JSON.stringify(fill(value))).toBe(JSON.stringify(value))
    }))
  })

  it('either gives something or throws its own error, whatever is between the braces', () => {
    fc.assert(fc.property(fc.string({ maxLength: 30 }), (inner) => {
      try {
        fill(`{{${inner}}}`)
      } catch (error) {
        expect(error).toMatchObject({ code: 'USAGE' })
      }
    }))
  })
})
