import { describe, expect, it } from 'vitest'
import { integrityOf } from '../../../src/lib/base/integrity.js'
import { lockedServer, parseLock, pinsOf, writeLock, type LockFile } from '../../../src/lib/config/lock-file.js'
import { canonicalDefinition } from '../../../src/lib/core/index.js'

const definition = { inputSchema: { type: 'object', properties: {} }, description: 'Reads.' }
const hash = integrityOf(canonicalDefinition('tool', { name: 'read', ...definition }))
const lock: LockFile = {
  servers: {
    files: { package: { name: '@scope/files', version: '1.2.3', integrity: 'sha512-x' }, program: null, tools: { read: { hash, definition } }, prompts: {} },
    search: { package: null, program: { file: 'search.js', integrity: 'sha256-y' }, tools: {}, prompts: {} },
  },
}

describe('mcp.lock', () => {
  it('reads back what was written, the same text each time', () => {
    const text = writeLock(lock)
    expect(parseLock(text, '/p/mcp.lock')).toEqual(lock)
    expect(writeLock(parseLock(text, '/p/mcp.lock'))).toBe(text)
    expect(text.startsWith('{\n  "lockVersion": 1,\n')).toBe(true)
    expect(text.endsWith('}\n')).toBe(true)
  })

  it('knows the copies of one server by the name of that one', () => {
    expect(lockedServer(lock, 'search@2')?.program?.file).toBe('search.js')
    expect(lockedServer(lock, 'search@work')).toBeNull()
    expect(lockedServer(lock, 'constructor')).toBeNull()
    expect(pinsOf(lock.servers['files'] ?? lock.servers['search']!)).toEqual({ tools: { read: hash }, prompts: {} })
  })

  it.each([
    ['text that is no JSON', '{', 'CONFIG_SYNTAX', /is not valid JSON/],
    ['a merge conflict', '{\n<<<<<<< HEAD\n', 'CONFIG_SYNTAX', /not valid JSON/],
    ['another document', '{"servers":{}}', 'CONFIG_INVALID', /"lockVersion": 1/],
    ['a later version', '{"lockVersion":2,"servers":{}}', 'CONFIG_INVALID', /of version 2/],
    ['a definition without a hash', '{"lockVersion":1,"servers":{"a":{"tools":{"t":{"definition":{}}}}}}', 'CONFIG_INVALID', /servers\.a\.tools\.t needs/],
    ['a definition that is not the one of its hash', writeLock(lock).replace('Reads.', 'Writes.'), 'CONFIG_INVALID', /servers\.files\.tools\.read: the hash is not that of the definition/],
  ])('is refused when it is %s', (_what, text, code, message) => {
    expect(() => parseLock(text, '/p/mcp.lock')).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) as string }))
  })
})
