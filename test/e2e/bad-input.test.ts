import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import type { ServerSnapshot } from '../../src/lib/core/index.js'
import { errorOf, fixture, look, processesLeft } from './support.js'

interface Case {
  readonly what: string
  /** The configuration, in a folder of its own: name and content. None: there is no file. */
  readonly file?: readonly [name: string, content: unknown]
  /** The command line; default `start --config FILE`. */
  readonly args?: readonly string[]
  readonly exit?: number
  readonly code: string
  /** What the explanation has to name: the place, the value. `FILE` stands for the path of the configuration. */
  readonly says: readonly string[]
  readonly hint: string
}

const NODE = { command: process.execPath }
const only = (server: unknown): unknown => ({ servers: { own: server } })
const named = (name: string): readonly [string, unknown] => ['a.json', `{ "servers": {\n  ${JSON.stringify(name)}: { "command": "node" }\n} }`]

const SYNTAX: readonly Case[] = [
  { what: 'a syntax error in JSON', file: ['a.json', '{\n  "servers": {\n    "own": { "command": "x" }}\n  }}\n'], code: 'CONFIG_SYNTAX', says: ['FILE:4:'], hint: 'config validate' },
  { what: 'a syntax error in YAML', file: ['a.yaml', 'servers:\n  own:\n    command: "x\n'], code: 'CONFIG_SYNTAX', says: ['FILE:'], hint: 'config validate' },
  { what: 'a syntax error in TOML', file: ['a.toml', '[servers.own]\ncommand = \n'], code: 'CONFIG_SYNTAX', says: ['FILE:2:', 'command ='], hint: 'config validate' },
  { what: 'a syntax error in TypeScript', file: ['a.ts', 'export default {\n  servers: { own: { command: ] } }\n}\n'], code: 'CONFIG_SYNTAX', says: ['FILE:2:'], hint: 'config validate' },
]

const CONTENT: readonly Case[] = [
  { what: 'an unknown field', file: ['a.json', only({ ...NODE, comand: 'x' })], code: 'CONFIG_INVALID', says: ['FILE:5:', 'servers.own.comand'], hint: 'Did you mean "command"?' },
  { what: 'a value of the wrong type', file: ['a.json', only({ ...NODE, enabled: 'perhaps' })], code: 'CONFIG_INVALID', says: ['FILE:5:', 'servers.own.enabled', '"perhaps"'], hint: 'true or false' },
  { what: 'a name that is there twice', file: ['a.yaml', 'servers:\n  own:\n    command: x\n  own:\n    command: y\n'], code: 'CONFIG_INVALID', says: ['FILE:4:3', 'servers.own', '2:3'], hint: 'rename one of the two "own"' },
  { what: 'a name with a slash', file: named('a/b'), code: 'CONFIG_INVALID', says: ['FILE:2:3', 'a/b', 'it contains "/"'], hint: 'letters, digits' },
  { what: 'a name that is a way up', file: named('..'), code: 'CONFIG_INVALID', says: ['FILE:2:3', '[".."]', 'dots'], hint: 'letters, digits' },
  { what: 'a name with spaces', file: named('a b  c'), code: 'CONFIG_INVALID', says: ['FILE:2:3', 'a b  c', 'space'], hint: 'letters, digits' },
  { what: 'a name of 300 characters', file: named('n'.repeat(300)), code: 'CONFIG_INVALID', says: ['FILE:2:3', 'nnnnnnnn', '300 characters'], hint: 'at most 63 characters' },
  { what: 'a variable that is not set', file: ['a.json', only({ ...NODE, args: ['${SURELY_NOT_SET}'] })], code: 'CONFIG_INVALID', says: ['FILE:6:', 'servers.own.args[0]', 'SURELY_NOT_SET'], hint: '${SURELY_NOT_SET:-value}' },
  { what: 'a circle of dependencies', file: ['a.json', { servers: { x: { ...NODE, dependsOn: ['y'] }, y: { ...NODE, dependsOn: ['x'] } } }], code: 'CONFIG_INVALID', says: ['FILE:', 'dependsOn', 'x -> y -> x'], hint: 'Remove one of these dependencies' },
  { what: 'code that throws', file: ['a.ts', '// One line first.\nthrow new Error("the vault is sealed")\n'], code: 'CONFIG_EVALUATION', says: ['FILE:2:7', 'the vault is sealed'], hint: 'config validate' },
]

const COMMAND_LINE: readonly Case[] = [
  { what: 'no configuration at all', args: ['start'], code: 'CONFIG_NOT_FOUND', says: ['FOLDER'], hint: '--config FILE' },
  { what: 'a configuration file that is not there', args: ['start', '--config', 'nowhere.json'], code: 'CONFIG_NOT_FOUND', says: ['FOLDER/nowhere.json'], hint: '--config' },
  { what: 'a folder in place of the configuration file', args: ['start', '--config', '.'], code: 'CONFIG_UNREADABLE', says: ['FOLDER', 'it is a folder'], hint: '--config' },
  { what: 'an unknown server', file: ['a.json', { servers: { files: NODE } }], args: ['start', 'fiels', '--config', 'a.json'], exit: 4, code: 'SERVER_UNKNOWN', says: ['"fiels"'], hint: 'Did you mean files?' },
  { what: 'an unknown flag', args: ['start', '--tiemout', '3'], exit: 2, code: 'USAGE', says: ['start', '--tiemout'], hint: 'Did you mean --timeout?' },
  { what: 'an unknown command', args: ['strat'], exit: 127, code: 'UNKNOWN_COMMAND', says: ['"strat"'], hint: 'mcpctl start' },
]

let home: TestHome
let cases = 0

/** What must be the same afterwards: the daemon, its servers in full, and every process there is of this home. */
const running = async () => {
  const snapshot = await look(home)
  const steady = (name: string) => {
    const { phase, pid, generation, restarts, changed, removed } = snapshot?.servers.find((server) => server.name === name) ?? ({} as Partial<ServerSnapshot>)
    return { name, phase, pid, generation, restarts, changed, removed }
  }
  return { daemon: snapshot?.daemon.pid, servers: ['one', 'two'].map(steady), processes: processesLeft(home) }
}
let before: Awaited<ReturnType<typeof running>>

beforeAll(async () => {
  home = createHome()
  home.config({ one: fixture('mcp-legacy.mjs'), two: fixture('mcp-dual.mjs') })
  await runOk(['start'], { home })
})
beforeEach(async () => {
  before = await running()
  expect(before.servers).toMatchObject([{ phase: 'ready', generation: 1 }, { phase: 'ready', generation: 1 }])
})
afterEach(async () => {
  expect(await running()).toEqual(before)
})
afterAll(async () => {
  await runOk(['stop'], { home })
  await home.cleanup()
})

/** A folder for this case alone, beside the project of the running servers. */
function prepare({ file }: Pick<Case, 'file'>): { folder: string; path: string } {
  const folder = join(home.base, `case-${++cases}`)
  mkdirSync(folder)
  return { folder, path: file === undefined ? folder : home.write(join('..', `case-${cases}`, file[0]), file[1]) }
}

async function expectRefused(wanted: Case, env: Record<string, string> = {}): Promise<void> {
  const { folder, path } = prepare(wanted)
  const args = wanted.args ?? ['start', '--config', path]
  const exitCode = wanted.exit ?? 5
  const options = { home, cwd: folder, env, deadlineMs: 16_000 }
  const [plain, asJson] = await Promise.all([run(args, options), run([...args, '--json'], options)])
  expect(plain, plain.stderr).toMatchObject({ exitCode, stdout: '' })
  // One paragraph: no empty line, no second error, no stack.
  expect(plain.stderr).toMatch(/^error: \S[^]*\nhint: \S[^\n]*\n$/)
  expect(plain.stderr).not.toMatch(/\n\n|[^]\nerror:|\n +at /)
  for (const text of wanted.says) expect(plain.stderr).toContain(text.replace('FILE', path).replace('FOLDER', folder))
  expect(asJson, asJson.stderr).toMatchObject({ exitCode, stderr: '' })
  expect(Object.keys(asJson.json()).sort()).toEqual(['error', 'schemaVersion'])
  const error = errorOf(asJson)
  expect(Object.keys(error).sort()).toEqual(['code', 'details', 'hint', 'message'])
  expect(error.code).toBe(wanted.code)
  expect(error.hint).toContain(wanted.hint)
  expect(`error: ${error.message}\nhint: ${error.hint}\n`).toBe(plain.stderr)
  expect(Object.keys(error.details).length).toBeGreaterThan(0)
}

/** The server of the given entry fails, its neighbour in the same file is ready, and the reason names these texts. */
async function expectServerFailed(name: string, entry: unknown, says: readonly string[]): Promise<void> {
  const neighbour = `beside-${name}`
  const { folder } = prepare({ file: ['mcp.config.json', { servers: { [name]: entry, [neighbour]: fixture('mcp-legacy.mjs') } }] })
  const plain = await run(['start'], { home, cwd: folder })
  expect(plain.exitCode, plain.stderr).toBe(1)
  const summary = plain.stderr.split('\n').find((line) => line.startsWith(`${name}: failed: `))
  for (const text of says) expect(summary).toContain(text)
  expect(plain.stderr).toMatch(new RegExp(`^${name}: failed: .*\\n +hint: .*mcpctl`, 'm'))
  expect(plain.stderr).toContain('1 ready, 1 failed')
  const asJson = await run(['start', '--json'], { home, cwd: folder })
  expect(asJson.exitCode).toBe(1)
  const { servers } = asJson.json() as { servers: ServerSnapshot[] }
  expect(asJson.json()).toMatchObject({ schemaVersion: 1, ready: 1, failed: 1 })
  expect(servers.find((server) => server.name === neighbour)).toMatchObject({ phase: 'ready', generation: 1 })
  const failed = servers.find((server) => server.name === name)
  for (const text of says) expect(failed?.reason).toContain(text)
  await runOk(['stop', name, neighbour], { home })
}

describe('bad input is explained, as text and as JSON, while what runs goes on:', () => {
  test.each([...SYNTAX, ...CONTENT, ...COMMAND_LINE])('$what', (wanted) => expectRefused(wanted))

  test('code that never comes to an end, whether or not something of it goes on', async () => {
    const endless = (text: string): Case => ({ what: text, file: ['a.mjs', `await new Promise(() => ${text})\nexport default {}\n`], code: 'CONFIG_EVALUATION', says: ['FILE', 'did not finish'], hint: 'await' })
    await Promise.all([expectRefused(endless('{}')), expectRefused(endless('setInterval(() => {}, 1000)'))])
  }, 20_000)

  test('a home that is a file', async () => {
    const file = join(home.base, 'no-home')
    writeFileSync(file, '')
    const config = ['a.json', { servers: { own: fixture('mcp-legacy.mjs') } }] as const
    await expectRefused({ what: '', file: config, exit: 6, code: 'HOME_UNUSABLE', says: [file], hint: 'MCP_HOME' }, { MCP_HOME: file })
  })
})

describe('bad input in one server makes that one fail and no other:', () => {
  test('a command that is not found, with the PATH that was searched', async () => {
    await expectServerFailed('typo', { command: 'no-such-program-here' }, ['no-such-program-here', `PATH ${process.env['PATH'] ?? ''}`])
  })

  test('a working folder that is missing', async () => {
    await expectServerFailed('lost', { ...fixture('mcp-legacy.mjs'), cwd: 'no/such/folder' }, ['no/such/folder', 'does not exist'])
  })
})
