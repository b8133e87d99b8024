import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import type { ServerSnapshot } from '../../src/lib/core/index.js'
import { COMMAND_LINE, CONTENT, NODE, SYNTAX, type Case } from './bad-input-cases.js'
import { errorOf, fixture, look, processesLeft } from './support.js'

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
  const options = { home, cwd: folder, env, deadlineMs: 60_000 }
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
  }, 90_000)

  test('a wrong variable of mcpctl itself', async () => {
    const wanted: Case = { what: '', file: ['a.json', { servers: { own: NODE } }], code: 'ENVIRONMENT_INVALID', says: ['MCP_MAX_STARTUP_TIME', '"soon"'], hint: 'unset' }
    await expectRefused(wanted, { MCP_MAX_STARTUP_TIME: 'soon' })
  })

  test('a variable that would open the gateway to everybody', async () => {
    const wanted: Case = { what: '', file: ['a.json', { servers: { own: NODE } }], code: 'ENVIRONMENT_INVALID', says: ['MCP_BIND_HOST', '"0.0.0.0"', 'no token'], hint: 'MCP_GATEWAY_TOKEN' }
    await expectRefused(wanted, { MCP_BIND_HOST: '0.0.0.0', MCP_GATEWAY_PORT: '7420' })
  })

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

describe('a configuration is looked at without a daemon:', () => {
  test('config validate finds commands and folders that are missing', async () => {
    const { folder: cwd, path } = prepare({ file: ['mcp.config.json', { servers: { a: { command: 'no-such-program-here' }, b: { ...NODE, cwd: 'nowhere' }, off: { command: 'nor-this', enabled: false } } }] })
    const { exitCode, stderr } = await run(['config', 'validate', '--config', path], { home, cwd })
    expect(exitCode).toBe(5)
    expect(stderr).toMatch(/a\.command: .*no-such-program-here.*PATH/)
    expect(stderr).toMatch(/b\.cwd.* \S+\/nowhere/)
    expect(stderr).not.toContain('nor-this')
    const good = await runOk(['config', 'validate'], { home })
    expect(good.stdout).toMatch(/mcp\.config\.json: 2 servers, no problem found/)
  })

  test('config show prints values with their origins and no secret', async () => {
    const servers = { a: { ...NODE, env: { API_KEY: '${A_TOKEN}', PLAIN: 'text' }, startTimeout: '7s' } }
    const { folder: cwd, path } = prepare({ file: ['mcp.config.json', { servers, defaults: { stopTimeout: '3s' }, gateway: { port: 7420, token: '${A_TOKEN}' } }] })
    const options = { home, cwd, env: { A_TOKEN: 'hush-hush-123', MCP_GATEWAY_PORT: '7421' } }
    const { stdout } = await runOk(['config', 'show', '--config', path], options)
    expect(stdout).not.toContain('hush-hush')
    expect(stdout).toMatch(/startTimeout +7s +\S+mcp\.config\.json$/m)
    expect(stdout).toMatch(/stopTimeout +3s +\S+mcp\.config\.json \(defaults\)$/m)
    expect(stdout).toMatch(/restart\.policy +on-failure +default$/m)
    expect(stdout).toMatch(/gateway\.port +7421 +environment MCP_GATEWAY_PORT$/m)
    expect(stdout).toMatch(/gateway\.token +\*\*\* \(\$\{A_TOKEN\}\) +\S+mcp\.config\.json$/m)
    const json = await runOk(['config', 'show', '--config', path, '--json'], options)
    expect(json.stdout).not.toContain('hush-hush')
    expect(json.json()).toMatchObject({ schemaVersion: 1, source: path, servers: [{ name: 'a' }] })
  })
})
