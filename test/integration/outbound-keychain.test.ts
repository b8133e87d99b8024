import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { OutboundAuthSpec } from '../../src/lib/core/index.js'
import { createTokenSource, logIn, logOut, tokenPath, type TokenKeeper } from '../../src/lib/outbound/index.js'
import { openKeychain, type Keychain } from '../../src/lib/outbound/keychain.js'
import { makeKeychain, type StandInKeychain } from '../helpers/keychain.js'
import { followLogin, startOauth, type OauthServer } from '../helpers/oauth.js'

type OauthSpec = Extract<OutboundAuthSpec, { type: 'oauth' }>
const SPEC: OauthSpec = { type: 'oauth', grant: 'authorization-code', clientId: null, clientSecret: null, scopes: [], authorizationServer: null, redirectPort: null, store: 'keychain' }
const ENTRY = { service: 'mcpctl', account: 'far-1', label: 'a login' }

let clock: number
let folder: string
let standIn: StandInKeychain
let server: OauthServer | undefined
const keepers: TokenKeeper[] = []
beforeEach(() => {
  clock = Date.now()
  folder = mkdtempSync(join(tmpdir(), 'mcpctl-keychain-'))
  mkdirSync(join(folder, 'bin'))
  standIn = makeKeychain(join(folder, 'bin'))
  vi.stubEnv('PATH', standIn.folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const keeper of keepers.splice(0)) keeper.close()
  await server?.close()
  server = undefined
  rmSync(folder, { recursive: true, force: true })
})

const soon = (): AbortSignal => AbortSignal.timeout(20_000)

describe.each(['linux', 'darwin'] as const)('the keychain of %s', (platform) => {
  test('gives back what was put there until it is removed, and no command line has the secret', async () => {
    const keychain = openKeychain(platform)
    expect(await keychain.read(ENTRY, soon())).toBeNull()
    await keychain.remove(ENTRY, soon())
    await keychain.write(ENTRY, 'the-s3cret-itself', soon())
    await keychain.write({ ...ENTRY, account: 'two "quoted\\ words' }, 'another-s3cret', soon())
    expect([await keychain.read(ENTRY, soon()), await keychain.read({ service: 'mcpctl', account: 'two "quoted\\ words' }, soon())]).toEqual(['the-s3cret-itself', 'another-s3cret'])
    await keychain.write(ENTRY, 'the-next-s3cret', soon())
    expect(await keychain.read(ENTRY, soon())).toBe('the-next-s3cret')
    await keychain.remove(ENTRY, soon())
    expect([await keychain.read(ENTRY, soon()), Object.keys(standIn.items()).length]).toEqual([null, 1])
    expect(standIn.calls().join('\n')).not.toContain('s3cret')
  })

  test('that is locked or cannot be asked says so, and shows nothing of what was to be kept', async () => {
    const keychain = openKeychain(platform)
    standIn.mood('locked')
    const failed = await keychain.write(ENTRY, 'the-s3cret-itself', soon()).catch((error: unknown) => error as Error)
    expect(failed).toMatchObject({ reason: 'refused', message: expect.stringMatching(/the keychain keeps nothing/) })
    expect(JSON.stringify(failed) + String((failed as Error).stack)).not.toContain('s3cret')
    standIn.mood('broken')
    await expect(keychain.read(ENTRY, soon())).rejects.toMatchObject({ reason: 'refused', message: expect.stringMatching(platform === 'linux' ? /D-Bus/ : /it is locked/) })
    standIn.mood('hangs')
    await expect(keychain.read(ENTRY, AbortSignal.timeout(300))).rejects.toMatchObject({ reason: 'unreachable', hint: expect.stringMatching(/unlock/) })
    vi.stubEnv('PATH', folder)
    await expect(keychain.read(ENTRY, soon())).rejects.toMatchObject({ reason: 'refused', message: expect.stringMatching(/(secret-tool|security) was not found/), hint: expect.stringMatching(/libsecret|PATH/) })
  })
})

test('a text too long for a line of security is not cut but refused', async () => {
  await expect(openKeychain('darwin').write(ENTRY, 'x'.repeat(5000), soon())).rejects.toThrow(/too long/)
  expect(standIn.calls()).toEqual([])
})

test('the keychain of a system nobody knows is not used', () => {
  expect(() => openKeychain('win32')).toThrow(/win32.*is not used/)
})

function source(auth: OutboundAuthSpec, keychain: Keychain): TokenKeeper {
  const keeper = createTokenSource({ server: 'far', url: server?.url ?? 'https://far.example/mcp', auth, stateDirectory: folder, now: () => clock, warn: () => undefined, keychain })
  keepers.push(keeper)
  return keeper
}

test('a token somebody put into the keychain is read when it is needed, and anew when it is refused', async () => {
  const keychain = openKeychain('linux')
  const keeper = createTokenSource({ server: 'far', url: 'https://far.example/mcp', auth: { type: 'keychain', service: 'search', account: null }, stateDirectory: folder, now: () => clock, warn: () => undefined, keychain })
  keepers.push(keeper)
  await expect(keeper.headers()).rejects.toThrow(/has nothing under search, or it is locked/)
  standIn.put('service=search|account=me', 'one')
  clock += 60_000
  const one = await keeper.headers()
  expect(one).toEqual({ authorization: 'Bearer one' })
  const runs = standIn.calls().length
  expect(await keeper.headers()).toBe(one)
  expect(standIn.calls()).toHaveLength(runs)
  standIn.put('service=search|account=me', 'two')
  clock += 60_000
  expect(await keeper.refused({ status: 401, challenge: null, headers: one })).toBe(true)
  expect(await keeper.headers()).toEqual({ authorization: 'Bearer two' })
})

describe.each(['linux', 'darwin'] as const)('a login kept with the keychain of %s', (platform) => {
  const enter = async (spec = SPEC) => logIn({ url: server?.url ?? '', headers: {}, spec, path: path(), now: () => clock, show: async (address) => void (await followLogin(address)), signal: soon(), keychain: openKeychain(platform) })
  const path = (): string => tokenPath(folder, 'far', server?.url ?? '')
  const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` })

  test('is in a file that tells nothing without it; it is renewed also while the keychain is locked; a logout takes both away', async () => {
    server = await startOauth()
    const { grant } = await enter()
    const written = (): string => readFileSync(path(), 'utf8') + JSON.stringify(standIn.items()) + standIn.calls().join('\n')
    for (const secret of server.secrets) expect(written()).not.toContain(secret)
    expect(statSync(path()).mode & 0o777).toBe(0o600)
    expect(Object.keys(standIn.items())).toHaveLength(1)

    // Whoever comes next, as after a restart, asks the keychain once.
    const keeper = source(SPEC, openKeychain(platform))
    keeper.begin()
    const runs = standIn.calls().length
    const [one, same] = await Promise.all([keeper.headers(), keeper.headers()])
    expect(one).toEqual(bearer(grant?.access))
    expect(same).toBe(one)
    expect(standIn.calls()).toHaveLength(runs + 1)

    standIn.mood('locked')
    server.expireAll()
    expect(await keeper.refused({ status: 401, challenge: null, headers: one }).catch((error: unknown) => error)).toBe(false)
    clock += 60_000
    expect(await keeper.refused({ status: 401, challenge: null, headers: one })).toBe(true)
    const two = await keeper.headers()
    expect(two).not.toEqual(one)
    for (const secret of server.secrets) expect(written()).not.toContain(secret)

    // What cannot be opened now is still there afterwards.
    const later = source(SPEC, openKeychain(platform))
    later.begin()
    expect(await Promise.resolve(later.headers()).catch((error: unknown) => error)).toMatchObject(platform === 'linux' ? { reason: 'login-needed', message: expect.stringMatching(/or it is locked: unlock it and reconnect; log in: mcpctl login far/) } : { reason: 'refused', message: expect.stringMatching(/it is locked/) })
    standIn.mood('open')
    later.begin()
    expect(await later.headers()).toEqual(two)

    expect(await logOut({ path: path(), spec: SPEC, keychain: openKeychain(platform) })).toEqual({ wasLoggedIn: true, revoked: true })
    expect([standIn.items(), statSync(path(), { throwIfNoEntry: false })]).toEqual([{}, undefined])
  })

  test('takes the place of the one before with a key of its own; one that was kept otherwise is not used', async () => {
    server = await startOauth()
    await enter({ ...SPEC, store: undefined } as unknown as OauthSpec)
    await expect(Promise.resolve().then(() => source(SPEC, openKeychain(platform)).headers())).rejects.toThrow(/kept in a file, and auth.store says otherwise/)
    await enter()
    const [first] = Object.keys(standIn.items())
    const { grant } = await enter()
    expect(await source(SPEC, openKeychain(platform)).headers()).toEqual(bearer(grant?.access))
    await vi.waitFor(() => expect(Object.keys(standIn.items())).toHaveLength(1))
    expect(Object.keys(standIn.items())).not.toEqual([first])
    const { store: _store, ...plain } = SPEC
    await expect(Promise.resolve().then(() => source(plain, openKeychain(platform)).headers())).rejects.toThrow(/kept with the keychain, and auth.store says otherwise/)
  })

  test('is not begun when the keychain takes nothing, and leaves nothing there when it comes to nothing', async () => {
    server = await startOauth({ answerIssuer: 'https://evil.example' })
    standIn.mood('locked')
    await expect(enter()).rejects.toThrow(/the keychain keeps nothing/)
    expect(server.authorizations.filter(({ authorization }) => authorization !== null)).toEqual([])
    standIn.mood('open')
    await expect(enter()).rejects.toThrow(/does not come from/)
    expect(standIn.items()).toEqual({})
  })
})
