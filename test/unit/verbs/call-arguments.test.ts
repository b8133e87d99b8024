import { describe, expect, it } from 'vitest'
import { McpctlError } from '../../../src/lib/errors/index.js'
import { parseArguments, readArguments } from '../../../src/lib/verbs/call-arguments.js'

const SCHEMA = {
  type: 'object',
  properties: {
    path: { type: 'string' },
    limit: { type: 'integer' },
    ratio: { type: 'number' },
    deep: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    sizes: { type: 'array', items: { type: 'integer' } },
    where: { type: 'object' },
    mode: { type: 'string', enum: ['fast', 'thorough'] },
    level: { enum: [1, 2, 'max'] },
    maybe: { type: ['integer', 'null'] },
    either: { anyOf: [{ type: 'number' }, { type: 'string' }] },
    anything: {},
    constructor: { type: 'string' },
  },
  required: [] as string[],
}

const read = (...words: string[]): Record<string, unknown> => readArguments(words, { name: 'search', inputSchema: SCHEMA })

function refusal(words: readonly string[], schema: unknown = SCHEMA): McpctlError {
  try {
    readArguments(words, { name: 'search', inputSchema: schema })
  } catch (error) {
    if (error instanceof McpctlError) return error
    throw error
  }
  throw new Error('the arguments were taken')
}

describe('arguments of a call are read as the tool asks:', () => {
  it.each<[string, Record<string, unknown>]>([
    ['path=/tmp', { path: '/tmp' }],
    ['path=', { path: '' }],
    ['path=a=b', { path: 'a=b' }],
    ['path=42', { path: '42' }],
    ['path={"a":1}', { path: '{"a":1}' }],
    ['limit=42', { limit: 42 }],
    ['limit=-1', { limit: -1 }],
    ['ratio=2', { ratio: 2 }],
    ['ratio=1e-3', { ratio: 0.001 }],
    ['deep=true', { deep: true }],
    ['tags=["a","b"]', { tags: ['a', 'b'] }],
    ['tags=a', { tags: ['a'] }],
    ['tags=7', { tags: ['7'] }],
    ['sizes=7', { sizes: [7] }],
    ['where={"a":{"b":null}}', { where: { a: { b: null } } }],
    ['mode=fast', { mode: 'fast' }],
    ['level=2', { level: 2 }],
    ['level=max', { level: 'max' }],
    ['maybe=null', { maybe: null }],
    ['either=1.5', { either: 1.5 }],
    ['either=one', { either: 'one' }],
    ['anything=[1]', { anything: [1] }],
    ['anything=word', { anything: 'word' }],
    ['anything=12345678901234567890', { anything: '12345678901234567890' }],
    ['constructor=x', { constructor: 'x' }],
  ])('%s', (word, expected) => {
    const { ...own } = read(word)
    expect(own).toEqual(expected)
    expect(Object.keys(own)).toEqual(Object.keys(expected))
  })

  it('a key given again adds to a list', () => {
    expect(read('tags=a', 'sizes=1', 'tags=b', 'tags=["c","d"]', 'sizes=2')).toEqual({ tags: ['a', 'b', 'c', 'd'], sizes: [1, 2] })
  })

  it('keys that the schema leaves open are taken', () => {
    expect(readArguments(['__proto__=1', 'b=x'], { name: 't', inputSchema: { type: 'object', additionalProperties: true } })).toEqual(Object.fromEntries([['__proto__', 1], ['b', 'x']]))
  })
})

describe('arguments that cannot be meant are refused:', () => {
  it.each([
    [['pth=/tmp'], 'tool "search" has no argument "pth"', 'Did you mean path?'],
    [['toString=1'], 'tool "search" has no argument "toString"', 'It takes path, '],
    [['limit=many'], 'argument "limit": "many" is not a whole number', 'limit=3'],
    [['limit=1.5'], 'argument "limit": "1.5" is not a whole number', 'limit=3'],
    [['deep=yes'], 'argument "deep": "yes" is not true or false', 'deep=true'],
    [['sizes=["a"'], 'argument "sizes": "[\\"a\\"" is not a list', `sizes='[1,2]'`],
    [['sizes=a'], 'argument "sizes": "a" is not a list', `sizes='[1,2]'`],
    [['where=[1]'], 'argument "where": "[1]" is not an object', `where='{"a":1}'`],
    [['mode=fats'], 'argument "mode": "fats" is none of fast, thorough', 'Did you mean fast?'],
    [['maybe=x'], 'argument "maybe": "x" is not a whole number or null', 'maybe=3'],
    [['path=a', 'path=b'], 'argument "path" is given twice', 'Only lists take several values.'],
    [['just-a-word'], '"just-a-word" is not KEY=VALUE', 'path=/tmp'],
    [['=x'], '"=x" is not KEY=VALUE', '--args'],
  ])('%j', (words, message, hint) => {
    const error = refusal(words)
    expect(error.code).toBe('USAGE')
    expect(error.message).toBe(message)
    expect(error.hint).toContain(hint)
  })

  it('missing ones are named with what they are', () => {
    const schema = { ...SCHEMA, required: ['path', 'limit', 'gone'] }
    expect(refusal(['path=x'], schema)).toMatchObject({ message: 'tool "search" needs limit (a whole number), gone (any value)', hint: 'Add limit=… gone=…', details: { missing: ['limit', 'gone'] } })
  })

  it('any, where the tool takes none', () => {
    expect(refusal(['a=1'], { type: 'object' }).hint).toBe('It takes no arguments.')
    expect(readArguments([], { name: 't', inputSchema: undefined })).toEqual({})
  })
})

describe('arguments as one text', () => {
  it('are taken as they are', () => {
    expect(parseArguments('{"a":[1,{"b":null}]}', '--args')).toEqual({ a: [1, { b: null }] })
  })

  it.each([['{', 'is not valid JSON'], ['[1]', 'not a list'], ['null', 'not null'], ['3', 'not a number'], ['', 'is not valid JSON']])('%s: %s', (text, message) => {
    expect(() => parseArguments(text, 'query.json')).toThrow(message)
    expect(() => parseArguments(text, 'query.json')).toThrow(/^query\.json /)
  })
})

describe('a key with dots', () => {
  const schema = {
    type: 'object',
    properties: {
      'dotted.name': { type: 'string' },
      filter: { type: 'object', properties: { size: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } }, owner: { type: 'object', properties: { name: { type: 'string' } } } } },
      free: { type: 'object' },
      path: { type: 'string' },
    },
  }
  const nested = (...words: string[]): Record<string, unknown> => readArguments(words, { name: 'find', inputSchema: schema })

  it('reaches into objects, each value read as it is asked for there', () => {
    expect(nested('filter.size=5', 'filter.owner.name=7', 'filter.tags=a', 'filter.tags=b', 'path=1')).toEqual({ filter: { size: 5, owner: { name: '7' }, tags: ['a', 'b'] }, path: '1' })
    expect(nested('free.any.thing=true')).toEqual({ free: { 'any.thing': true } })
    expect(nested('dotted.name=5')).toEqual({ 'dotted.name': '5' })
    expect(nested('filter={"size":1}', 'filter.owner.name=x')).toEqual({ filter: { size: 1, owner: { name: 'x' } } })
  })

  it('counts for the object that has to be given', () => {
    expect(readArguments(['filter.size=1'], { name: 'find', inputSchema: { ...schema, required: ['filter'] } })).toEqual({ filter: { size: 1 } })
  })

  it('that leads nowhere is refused, with the near one', () => {
    expect(refusal(['filter.sise=5'], schema)).toMatchObject({ message: 'tool "search" has no argument "filter.sise"', hint: 'Did you mean filter.size?' })
    expect(refusal(['path.x=5'], schema).message).toBe('tool "search" has no argument "path.x"')
    expect(refusal(['filter.size=big'], schema).message).toBe('argument "filter.size": "big" is not a whole number')
    expect(refusal(['filter.size=1', 'filter.size=2'], schema).message).toBe('argument "filter.size" is given twice')
  })

  it('changes nothing but the arguments', () => {
    const found = readArguments(['a.__proto__=1', '__proto__.b=2'], { name: 'find', inputSchema: { additionalProperties: true, properties: { a: { type: 'object' } } } })
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['b']).toBeUndefined()
  })
})
