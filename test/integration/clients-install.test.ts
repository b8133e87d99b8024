import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { parse } from 'jsonc-parser'
import { parse as parseToml } from 'smol-toml'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { changeFile, CLIENT_IDS, CLIENTS, encodeFor, gather, planInstall, planPartialUndo, readRecords, readTextFile, surveyClients, undoChain, undoChanges, userPlaces, wantedOf, writeJson, writeSecrets, extractSecrets, type ClientId, type InstallOrder, type Place, type Reach } from '../../src/lib/clients/index.js'
import { loadConfig } from '../../src/lib/config/index.js'
import { CLIENT_FILES, DISABLED, DISTINCT, FILE_OF, readClientHome, SECRETS, writeClientHome } from '../fixtures/clients/home.js'

let home: string
let state: string
let env: NodeJS.ProcessEnv

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'mcpctl-clients-')))
  state = join(home, 'state')
  env = { HOME: home, PATH: '/usr/bin' }
})

afterEach(() => rmSync(home, { recursive: true, force: true }))

const REACH: Reach = { type: 'program', command: '/usr/bin/node', args: ['/opt/mcpctl/bin/run.js', 'proxy'], env: {} }
const project = (): string => join(home, 'project')
const survey = (): InstallOrder['survey'] => ({ env, cwd: project(), folder: project(), platform: 'linux' })
const placeOf = (client: ClientId): Place => {
  const place = userPlaces(survey()).find((each) => each.client === client)
  if (!place) throw new Error(client)
  return place
}

/** A configuration with everything that was found. */
async function configure(): Promise<InstallOrder> {
  const servers = gather(wantedOf(await surveyClients(survey()), false))
  const taken = new Map<string, string | null>()
  const extracted = servers.map(({ name, draft }) => ({ name, comments: [], ...extractSecrets(name, draft, taken) }))
  writeSecrets(project(), extracted.flatMap(({ secrets }) => secrets))
  writeFileSync(join(project(), 'mcp.config.json'), writeJson(extracted))
  const { servers: specs } = await loadConfig({ cwd: project(), env, home })
  return { name: 'mcpctl', reach: REACH, takeOver: 'covered', specs, survey: survey() }
}

async function install(client: ClientId, order: InstallOrder) {
  const plan = await planInstall(placeOf(client), order)
  if (plan.isChanged) changeFile(state, { client, entry: order.name, before: plan.before, bytes: encodeFor(plan.before, plan.after) })
  return plan
}

const undo = (file: string): void => undoChanges(undoChain(readRecords(state), file), state)

/** Comments of a text, and lines that have nothing to do with servers. */
const commentsIn = (text: string): string[] => text.match(/\/\/ [^"\n\r]*|\/\* .*? \*\/|^# .*/gm) ?? []

describe('a home folder with files of all eight clients', () => {
  beforeEach(() => writeClientHome(home))

  it('gives each distinct server once, in a configuration that loads, with no secret written out', async () => {
    const { specs } = await configure()
    expect(Object.fromEntries(specs.map(({ name, launch }) => [name, launch?.args[1]]))).toEqual(DISTINCT)
    expect(specs.filter(({ enabled }) => !enabled).map(({ name }) => name)).toEqual(DISABLED)
    const text = readFileSync(join(project(), 'mcp.config.json'), 'utf8')
    for (const secret of SECRETS) expect(text).not.toContain(secret)
    expect(specs.find(({ name }) => name === 'github')?.launch?.env['GITHUB_TOKEN']).toBe(SECRETS[0])
    expect(specs.find(({ name }) => name === 'db')?.launch?.args).toContain(SECRETS[1])
    const secrets = join(project(), 'mcp.secrets')
    expect(statSync(secrets).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(secrets).filter((each) => each !== '.gitignore')) expect(statSync(join(secrets, name)).mode & 0o777).toBe(0o600)
  })

  it('every file gets one entry in place of what mcpctl runs, comments kept; a second time changes nothing; undoing gives back every byte', async () => {
    const order = await configure()
    const before = readClientHome(home)
    const stats = CLIENT_IDS.map((client) => statSync(join(home, FILE_OF[client] ?? '')).mode)
    for (const client of CLIENT_IDS) {
      const file = join(home, FILE_OF[client] ?? '')
      const text = readFileSync(file, 'utf8')
      await install(client, order)
      const after = readFileSync(file, 'utf8')
      const data = (client === 'codex' ? parseToml(after) : parse(after.replace(/^\uFEFF/, ''), [], { allowTrailingComma: true })) as Record<string, Record<string, unknown>>
      const list = data[CLIENTS[client].rootKey]
      expect(list?.['mcpctl'], client).toMatchObject({ command: '/usr/bin/node', args: REACH.args })
      for (const name of ['memory', 'github', 'filesystem', 'db', 'docs', 'files', 'search', 'notes', 'time']) expect(list, client).not.toHaveProperty(name)
      expect(commentsIn(after).sort(), client).toEqual(commentsIn(text).filter((comment) => comment !== '// the server').sort().filter((comment) => comment !== '# the server'))
      expect([after.startsWith('\uFEFF'), after.includes('\r\n'), /[^\r]\n/.test(after) && after.includes('\r\n')]).toEqual([text.startsWith('\uFEFF'), text.includes('\r\n'), false])
    }
    const claude = parse(readFileSync(join(home, '.claude.json'), 'utf8')) as { numStartups: number; projects: Record<string, unknown> }
    expect(claude).toMatchObject({ numStartups: 42, projects: { [project()]: { mcpServers: {}, hasTrustDialogAccepted: true }, [join(home, 'elsewhere')]: { mcpServers: { other: {} } } } })
    for (const client of CLIENT_IDS) expect((await install(client, order)).isChanged).toBe(false)
    expect(CLIENT_IDS.map((client) => statSync(join(home, FILE_OF[client] ?? '')).mode)).toEqual(stats)
    for (const client of CLIENT_IDS) undo(join(home, FILE_OF[client] ?? ''))
    expect(readClientHome(home)).toEqual(before)
    expect(CLIENT_FILES.length).toBe(9)
    expect(readRecords(state).every(({ isUndone }) => isUndone)).toBe(true)
  })

  it('what mcpctl does not run stays, unless asked otherwise, and so does everything when asked to keep it', async () => {
    const order = await configure()
    expect((await planInstall(placeOf('codex'), order)).kept).toEqual([{ name: 'old', reason: 'mcpctl knows it as old, but it is disabled there' }])
    expect((await planInstall(placeOf('codex'), { ...order, takeOver: 'all' })).removed).toEqual([{ name: 'docs', runsAs: 'docs' }, { name: 'old', runsAs: null }])
    const unwell = await planInstall(placeOf('cursor'), { ...order, unwell: new Map([['github', 'failed']]) })
    expect([unwell.removed, unwell.kept]).toEqual([[{ name: 'memory', runsAs: 'memory' }], [{ name: 'github', reason: 'mcpctl has it as github, but there it is failed (mcpctl why github)' }]])
    const kept = await planInstall(placeOf('cursor'), { ...order, takeOver: 'none' })
    expect(kept.removed).toEqual([])
    expect(kept.kept.map(({ reason }) => reason)).toEqual([expect.stringContaining('run twice'), expect.stringContaining('run twice')])
  })

  it('clients that speak HTTP get the address under the name each has for it', async () => {
    const order: InstallOrder = { ...(await configure()), reach: { type: 'address', url: 'http://127.0.0.1:7420/mcp', token: 't0ken' } }
    const entries = await Promise.all(CLIENT_IDS.filter((client) => client !== 'claude-desktop').map(async (client) => [client, (await planInstall(placeOf(client), order)).entry]))
    const headers = { Authorization: 'Bearer t0ken' }
    const url = 'http://127.0.0.1:7420/mcp'
    expect(Object.fromEntries(entries)).toEqual({
      cursor: { url, headers }, 'claude-code': { type: 'http', url, headers }, codex: { url, http_headers: headers }, windsurf: { serverUrl: url, headers }, vscode: { type: 'http', url, headers }, zed: { url, headers }, gemini: { httpUrl: url, headers },
    })
  })

  it('a file that is edited while it is looked at is left alone, and so is one that was edited since', async () => {
    const order = await configure()
    const file = join(home, '.cursor/mcp.json')
    const plan = await planInstall(placeOf('cursor'), order)
    writeFileSync(file, '{ "mine": 1 }')
    expect(() => changeFile(state, { client: 'cursor', entry: 'mcpctl', before: plan.before, bytes: encodeFor(plan.before, plan.after) })).toThrow('changed by somebody else')
    expect([readFileSync(file, 'utf8'), readRecords(state)]).toEqual(['{ "mine": 1 }', []])
    await install('gemini', order)
    const gemini = join(home, '.gemini/settings.json')
    writeFileSync(gemini, `${readFileSync(gemini, 'utf8')}\n`)
    expect(() => undo(gemini)).toThrow('changed by somebody else')
  })

  it('of a file that was edited since, only our change can be taken back', async () => {
    const order = await configure()
    for (const client of ['claude-code', 'codex'] as const) {
      const file = join(home, FILE_OF[client] ?? '')
      const original = readTextFile(file)
      await install(client, order)
      const edited = client === 'codex' ? `${readFileSync(file, 'utf8')}\n[added]\nx = 1\n` : readFileSync(file, 'utf8').replace('"numStartups": 42', '"numStartups": 43')
      writeFileSync(file, edited)
      const text = await planPartialUndo(placeOf(client), original, readTextFile(file), 'mcpctl')
      const read = (each: string): unknown => (client === 'codex' ? parseToml(each) : parse(each))
      expect(read(text)).toEqual(client === 'codex' ? { ...(read(original.text) as object), added: { x: 1 } } : { ...(read(original.text) as object), numStartups: 43 })
    }
  })

  it('a file that cannot be read or changed safely is told and left alone', async () => {
    const order = await configure()
    const file = join(home, '.cursor/mcp.json')
    writeFileSync(file, '{ "mcpServers": { "a": }')
    expect((await surveyClients(survey())).find(({ place }) => place.client === 'cursor')).toMatchObject({ found: [], trouble: expect.stringContaining(`${file}:1:24`) as string })
    await expect(planInstall(placeOf('cursor'), order)).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' })
    writeFileSync(file, '{ "mcpServers": [] }')
    await expect(planInstall(placeOf('cursor'), order)).rejects.toMatchObject({ code: 'CONFIG_SYNTAX', message: expect.stringContaining('is not an object') as string })
    writeFileSync(file, '{ "mcpServers": { "mcpctl": { "command": "something-else" } } }')
    await expect(planInstall(placeOf('cursor'), order)).rejects.toMatchObject({ hint: expect.stringContaining('--name') as string })
    writeFileSync(join(home, '.codex/config.toml'), 'mcp_servers = { a = { command = "x" } }\n')
    await expect(planInstall(placeOf('codex'), order)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]))
    await expect(planInstall(placeOf('cursor'), order)).rejects.toMatchObject({ message: expect.stringContaining('UTF-8') as string })
  })
})

const EMPTY: Omit<InstallOrder, 'survey'> = { name: 'mcpctl', reach: REACH, takeOver: 'covered', specs: [] }

it('a file that does not exist is made, with its folder, for this person alone; undoing removes both', async () => {
  mkdirSync(project())
  for (const client of CLIENT_IDS) {
    const file = join(home, FILE_OF[client] ?? '')
    await install(client, { ...EMPTY, survey: survey() })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toMatch(/\n$/)
    undo(file)
    expect(existsSync(file)).toBe(false)
    if (client !== 'claude-code') expect(existsSync(dirname(file))).toBe(false)
  }
  expect(readdirSync(home).sort()).toEqual(['project', 'state'])
})

it('a link stays a link, modes stay, an empty file is empty again, and what follows each other is undone together', async () => {
  writeClientHome(home)
  const order = { ...EMPTY, survey: survey() }
  const file = join(home, '.cursor/mcp.json')
  const real = join(home, 'dotfiles.json')
  renameSync(file, real)
  chmodSync(real, 0o640)
  symlinkSync(real, file)
  const bytes = readFileSync(real)
  await install('cursor', order)
  await install('cursor', { ...order, name: 'again', takeOver: 'all' })
  expect(lstatSync(file).isSymbolicLink()).toBe(true)
  expect(readFileSync(real, 'utf8')).toContain('"again"')
  expect(undoChain(readRecords(state), file)).toHaveLength(2)
  undo(file)
  expect([lstatSync(file).isSymbolicLink(), statSync(real).mode & 0o777, readFileSync(real).equals(bytes)]).toEqual([true, 0o640, true])
  const empty = join(home, '.gemini/settings.json')
  writeFileSync(empty, '')
  await install('gemini', order)
  expect(parse(readFileSync(empty, 'utf8'))).toMatchObject({ mcpServers: { mcpctl: {} } })
  undo(empty)
  expect(readFileSync(empty, 'utf8')).toBe('')
})

it('whatever bytes a file has, undoing gives them back', async () => {
  mkdirSync(join(home, '.cursor'), { recursive: true })
  mkdirSync(project())
  const file = join(home, '.cursor/mcp.json')
  const servers = fc.dictionary(fc.string({ maxLength: 6 }).filter((name) => name !== '__proto__' && name !== 'mcpctl'), fc.record({ command: fc.string({ minLength: 1 }), args: fc.array(fc.string(), { maxLength: 2 }) }), { maxKeys: 4, noNullPrototype: true })
  const spaces = fc.constantFrom('', ' ', '\n', '\r\n', '\t// c\n', ' /* c */ ')
  await fc.assert(fc.asyncProperty(servers, spaces, spaces, fc.constantFrom(undefined, 2, '\t'), fc.boolean(), async (list, before, after, indent, hasMark) => {
    const bytes = Buffer.from(`${hasMark ? '\uFEFF' : ''}${before}${JSON.stringify({ mcpServers: list, x: 1 }, null, indent)}${after}`)
    writeFileSync(file, bytes)
    const plan = await install('cursor', { ...EMPTY, takeOver: 'all', survey: survey() })
    expect(plan.isChanged).toBe(true)
    expect((await planInstall(placeOf('cursor'), { ...EMPTY, takeOver: 'all', survey: survey() })).isChanged).toBe(false)
    undo(file)
    expect(readFileSync(file).equals(bytes)).toBe(true)
  }), { numRuns: 60 })
})
