import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { errorOf, fixture, look } from './support.js'

let home: TestHome

/** A daemon with a server runs all the time; whatever is wrong with another configuration must not touch it. */
const untouched = async () => {
  const snapshot = await look(home)
  return { daemon: snapshot?.daemon.pid, servers: snapshot?.servers.map(({ name, phase, pid, generation, changed, removed }) => ({ name, phase, pid, generation, changed, removed })) }
}
let before: Awaited<ReturnType<typeof untouched>>

beforeAll(async () => {
  home = createHome()
  home.config({ steady: fixture('mcp-legacy.mjs') })
  await runOk(['start'], { home })
  before = await untouched()
})

afterAll(async () => {
  await runOk(['stop'], { home })
  await home.cleanup()
})

interface Case {
  readonly what: string
  /** Files of a project of its own; the last one is the configuration. */
  readonly files: Readonly<Record<string, unknown>>
  readonly code: string
  /** Each has to be in the message: place, value. */
  readonly names: readonly RegExp[]
  readonly hint: RegExp
}

const NODE = { command: process.execPath }

/** Beyond the mistakes everybody makes, which are in bad-input.test.ts. */
const CASES: readonly Case[] = [
  { what: 'a syntax error in JavaScript', files: { 'mcp.config.mjs': 'export default {\n  servers: { a: { command: "x" } ]\n}\n' }, code: 'CONFIG_SYNTAX', names: [/mcp\.config\.mjs:2/], hint: /\w/ },
  { what: 'a syntax error in the file of another client', files: { '.mcp.json': '{ "mcpServers": { "a": { command: "x" } } }' }, code: 'CONFIG_SYNTAX', names: [/\.mcp\.json:1:26/], hint: /\w/ },
  { what: 'an empty file', files: { 'mcp.config.json': '' }, code: 'CONFIG_SYNTAX', names: [/mcp\.config\.json/, /empty/], hint: /\w/ },
  { what: 'an unknown setting', files: { 'mcp.config.json': { servers: { a: NODE }, defualts: {} } }, code: 'CONFIG_INVALID', names: [/defualts/], hint: /Did you mean "defaults"\?/ },
  { what: 'a value out of range', files: { 'mcp.config.json': { servers: { a: { ...NODE, restart: 'sometimes' } } } }, code: 'CONFIG_INVALID', names: [/servers\.a\.restart/, /"sometimes"/, /"always"/], hint: /\w/ },
  { what: 'a dependency that does not exist', files: { 'mcp.config.json': { servers: { a: { ...NODE, dependsOn: 'databse' }, database: NODE } } }, code: 'CONFIG_INVALID', names: [/servers\.a\.dependsOn/, /databse/], hint: /database/ },
  { what: 'a file that imports what is not there', files: { 'mcp.config.ts': "import { x } from './nowhere.js'\nexport default { servers: { a: x } }\n" }, code: 'CONFIG_EVALUATION', names: [/mcp\.config\.ts/, /nowhere/], hint: /\w/ },
  { what: 'a file that exports nothing', files: { 'mcp.config.ts': 'const servers = {}\n' }, code: 'CONFIG_EVALUATION', names: [/mcp\.config\.ts/, /export/], hint: /export default/ },
  { what: 'a name that is in two configurations', files: { 'mcp.config.json': { servers: { steady: NODE } } }, code: 'CONFIG_CONFLICT', names: [/"steady"/, /project\/mcp\.config\.json/], hint: /MCP_HOME/ },
]

let projects = 0

/** Writes the files into a folder of their own below the project's parent; gives the folder and the arguments that name the file. */
function project(files: Case['files']): { cwd: string; args: string[] } {
  const folder = `case-${++projects}`
  const paths = Object.entries(files).map(([name, content]) => home.write(join('..', folder, name), content))
  return { cwd: join(home.base, folder), args: ['--config', paths.at(-1) ?? ''] }
}

async function expectRefused(options: { cwd: string; args: readonly string[]; env?: Record<string, string> }, wanted: Pick<Case, 'code' | 'names' | 'hint'>): Promise<void> {
  const { cwd, args, env = {} } = options
  const [plain, json] = await Promise.all([run(['start', ...args], { home, cwd, env }), run(['start', ...args, '--json'], { home, cwd, env })])
  expect(plain.exitCode, plain.stderr).toBe(5)
  expect(plain.stdout).toBe('')
  expect(plain.stderr).toMatch(/^error: [^]*\nhint: [^\n]+\n$/)
  // One paragraph: no blank line, no stack.
  expect(plain.stderr).not.toMatch(/\n\n|\n +at /)
  expect(json.exitCode).toBe(5)
  expect(json.stderr).toBe('')
  const error = errorOf(json)
  expect(error.code).toBe(wanted.code)
  for (const text of wanted.names) expect(error.message).toMatch(text)
  expect(error.hint).toMatch(wanted.hint)
  expect(`error: ${error.message}\nhint: ${error.hint}\n`).toBe(plain.stderr)
  expect(await untouched()).toEqual(before)
}

describe('a configuration that is wrong is refused with place, value and way out, and what runs goes on:', () => {
  test.each(CASES)('$what', async ({ files, ...wanted }) => {
    await expectRefused(project(files), wanted)
  })

  test('a wrong variable of mcpctl itself', async () => {
    const { cwd, args } = project({ 'mcp.config.json': { servers: { a: NODE } } })
    await expectRefused({ cwd, args, env: { MCP_MAX_STARTUP_TIME: 'soon' } }, { code: 'ENVIRONMENT_INVALID', names: [/MCP_MAX_STARTUP_TIME/, /"soon"/], hint: /unset/ })
  })

  test('several problems are all named, each with its place', async () => {
    const { cwd, args } = project({ 'mcp.config.yaml': 'servers:\n  a:\n    comand: x\n  b:\n    command: y\n    startTimeout: never\n' })
    await expectRefused({ cwd, args }, { code: 'CONFIG_INVALID', names: [/:3:\d+: servers\.a\.comand/, /:6:\d+: servers\.b\.startTimeout/, /"never"/], hint: /config validate/ })
  })

  test('config validate says the same without a daemon, and finds commands and folders that are missing', async () => {
    const { cwd, args } = project({ 'mcp.config.json': { servers: { a: { command: 'no-such-program-here' }, b: { ...NODE, cwd: 'nowhere' }, off: { command: 'nor-this', enabled: false } } } })
    const { exitCode, stderr } = await run(['config', 'validate', ...args], { home, cwd })
    expect(exitCode).toBe(5)
    expect(stderr).toMatch(/a\.command: .*no-such-program-here.*PATH/)
    expect(stderr).toMatch(/b\.cwd.* \S+\/nowhere/)
    expect(stderr).not.toContain('nor-this')
    const good = await runOk(['config', 'validate'], { home })
    expect(good.stdout).toMatch(/mcp\.config\.json: 1 server, no problem found/)
  })

  test('config show prints values with their origins and no secret', async () => {
    const { cwd, args } = project({ 'mcp.config.json': { servers: { a: { ...NODE, env: { API_KEY: '${A_TOKEN}', PLAIN: 'text' }, startTimeout: '7s' } }, defaults: { stopTimeout: '3s' } } })
    const options = { home, cwd, env: { A_TOKEN: 'hush-hush-123' } }
    const { stdout } = await runOk(['config', 'show', ...args], options)
    expect(stdout).not.toContain('hush-hush')
    expect(stdout).toMatch(/startTimeout +7s +\S+mcp\.config\.json$/m)
    expect(stdout).toMatch(/stopTimeout +3s +\S+mcp\.config\.json \(defaults\)$/m)
    expect(stdout).toMatch(/restart\.policy +on-failure +default$/m)
    const json = await runOk(['config', 'show', ...args, '--json'], options)
    expect(json.stdout).not.toContain('hush-hush')
    expect(json.json()).toMatchObject({ schemaVersion: 1, source: args[1], servers: [{ name: 'a' }] })
  })
})
