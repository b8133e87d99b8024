import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { changeKeyFile, keyFile, readKeyFile, resolveHome, watchKeyFile, type Home, type StoredKey } from '../../../src/lib/control/index.js'
import { FULL_GRANT } from '../../../src/lib/core/index.js'
import { checkKeyName, readExpiry, readGrant } from '../../../src/lib/verbs/key-grant.js'
import { waitFor } from '../../helpers/wait.js'

const KEY: StoredKey = { sha256: createHash('sha256').update('k').digest('hex'), grant: { ...FULL_GRANT, servers: ['files'], rate: { perMinute: 60, burst: 6 } }, expiresAt: null, createdAt: 1 }
let home: Home

beforeEach(() => { home = resolveHome({ MCP_HOME: mkdtempSync(join(tmpdir(), 'mcpctl-key-')) }) })
afterEach(() => { rmSync(home.root, { recursive: true, force: true }) })

describe('the flags of a key', () => {
  it('say what it may do', () => {
    const none = { servers: undefined, allow: undefined, deny: undefined, rate: undefined, expires: undefined, profile: undefined, manage: undefined }
    expect(readGrant(none)).toEqual(FULL_GRANT)
    expect(readGrant({ ...none, servers: 'a, b,a', allow: 'x*', deny: 'y', rate: '60', profile: 'p', manage: true })).toEqual({ servers: ['a', 'b'], allow: ['x*'], deny: ['y'], rate: { perMinute: 60, burst: 6 }, profile: 'p', manage: true })
    for (const wrong of [{ servers: ' , ' }, { rate: '0' }, { rate: '1.5' }, { rate: 'x' }, { profile: '../x' }]) expect(() => readGrant({ ...none, ...wrong })).toThrow(/--(servers|rate|profile)/)
  })

  it('say when it expires', () => {
    const now = Date.parse('2026-11-21T00:00:00Z')
    expect(readExpiry('30d', now)).toBe(Date.parse('2026-12-21T00:00:00Z'))
    expect(readExpiry('2027-01-31', now)).toBe(Date.parse('2027-01-31T00:00:00Z'))
    for (const wrong of ['', '30', 'soon', '2026-01-01', '0d', '2027-13-01', '99999999999d']) expect(() => readExpiry(wrong, now)).toThrow('--expires')
  })

  it('name it', () => {
    expect(checkKeyName('ci-1.a_b')).toBe('ci-1.a_b')
    for (const wrong of ['', '-x', 'a b', 'a@b', 'a/b', 'x'.repeat(64)]) expect(() => checkKeyName(wrong)).toThrow('cannot be the name')
  })
})

describe('the file of keys', () => {
  it('is the owner\'s alone, and gone with the last key', async () => {
    await changeKeyFile(home, (keys) => ({ ...keys, ci: KEY }))
    expect(readKeyFile(home)).toEqual({ ci: KEY })
    if (process.platform !== 'win32') expect(statSync(keyFile(home)).mode & 0o777).toBe(0o600)
    expect(await changeKeyFile(home, () => ({}))).toEqual({})
    expect(() => readFileSync(keyFile(home))).toThrow('ENOENT')
  })

  it('loses no change when several commands write at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, at) => changeKeyFile(home, (keys) => ({ ...keys, [`k${String(at)}`]: KEY }))))
    expect(Object.keys(readKeyFile(home))).toHaveLength(20)
  })

  it('is read anew when it changed, and opens nothing when it cannot be read', async () => {
    const warned: string[] = []
    const source = watchKeyFile(home, (message) => { warned.push(message) })
    expect([source.current(), source.isSure]).toEqual([{}, true])
    await changeKeyFile(home, () => ({ ci: KEY }))
    await waitFor(() => Object.keys(source.current()).length === 1)
    expect(source.current()).toBe(source.current())
    writeFileSync(keyFile(home), '{"keys":{"ci":{}}}')
    await waitFor(() => { source.current(); return !source.isSure })
    expect(source.current()).toEqual({ ci: KEY })
    expect(warned).toEqual([expect.stringContaining('"sha256" of "ci" is not 64 hex digits')])
    rmSync(keyFile(home))
    await waitFor(() => Object.keys(source.current()).length === 0 && source.isSure)
  })

  it.each(['', '[]', '{}', '{"keys":[]}', '{"keys":{"a":{"sha256":"x","grant":{},"expiresAt":null,"createdAt":1}}}', JSON.stringify({ keys: { a: { ...KEY, grant: { ...FULL_GRANT, deny: null } } } }), JSON.stringify({ keys: { a: { ...KEY, grant: { servers: null } } } })])('is refused when it holds %s', (text) => {
    mkdirSync(home.state, { recursive: true })
    writeFileSync(keyFile(home), text)
    expect(() => readKeyFile(home)).toThrow(expect.objectContaining({ code: 'CONFIG_SYNTAX' }) as Error)
  })
})
