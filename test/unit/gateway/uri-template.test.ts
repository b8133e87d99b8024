import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileUriTemplate } from '../../../src/lib/gateway/uri-template.js'

const matches = (template: string, uri: string): boolean | undefined => compileUriTemplate(template)?.matches(uri)

describe('URI templates', () => {
  it.each([
    ['test://template/{id}/data', 'test://template/42/data', true],
    ['test://template/{id}/data', 'test://template/4/2/data', false],
    ['test://template/{id}/data', 'test://template/42/data/more', false],
    ['test://template/{id}/data', 'other://template/42/data', false],
    ['file:///{+path}', 'file:///a/b/c.txt', true],
    ['file:///{path}', 'file:///a/b', false],
    ['x://{a}-{b}', 'x://1-2-3', true],
    ['x://{a}{b}', 'x://12', true],
    ['x://h{/a,b}', 'x://h/1/2', true],
    ['x://h{/a,b}', 'x://h/1', true],
    ['x://h{/a,b}', 'x://h', true],
    ['x://h{/a,b}', 'x://h/1/2/3', false],
    ['x://h{/a*}', 'x://h/1/2/3', true],
    ['x://h{?q,page}', 'x://h?q=a/b&page=2', true],
    ['x://h{?q,page}', 'x://h', true],
    ['x://h{?q}', 'x://hq=1', false],
    ['x://h?fixed=1{&q}', 'x://h?fixed=1&q=2', true],
    ['x://h{#part}', 'x://h#a/b', true],
    ['x://h{.ext}', 'x://h.json', true],
    ['x://h{;a,b}', 'x://h;a=1;b=2', true],
    ['x://{name:3}/{list*}', 'x://abc/d', true],
    ['x://plain', 'x://plain', true],
    ['x://plain', 'x://plainer', false],
    ['x://{id}', 'x://日本/語', false],
    ['x://{id}', 'x://日本', true],
  ])('%s against %s: %s', (template, uri, expected) => {
    expect(matches(template, uri)).toBe(expected)
  })

  it.each(['x://{a', 'x://a}', 'x://{}', 'x://{a,}', 'x://{=a}', 'x://{{a}}', `x://${'a'.repeat(3000)}`, '{a}'.repeat(65)])('refuses %s', (template) => {
    expect(compileUriTemplate(template)).toBeNull()
  })

  it('judge a hostile template and URI in bounded time', () => {
    const hostile = compileUriTemplate(`x${'{a}'.repeat(62)}y`)
    const startedAt = performance.now()
    expect(hostile?.matches(`x${'a'.repeat(8_000)}`)).toBe(false)
    expect(compileUriTemplate(`${'{+a}aaaaaaaaaaaaaaaaaaaa'.repeat(31)}b`)?.matches('a'.repeat(8_000))).toBe(false)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  it('match what they expand to', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9._~%-]{0,8}$/)
    const text = fc.stringMatching(/^[a-z:/-]{1,8}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(text, value), { minLength: 1, maxLength: 6 }), (parts) => {
        const template = parts.map(([literal], index) => `${literal}{v${index}}`).join('')
        expect(matches(template, parts.map(([literal, filled]) => literal + filled).join(''))).toBe(true)
      }),
    )
  })
})
