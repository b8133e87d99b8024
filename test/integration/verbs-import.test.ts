import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fieldNames } from '../contract/json-support.js'
import type { Io, Outcome } from '../../src/lib/cli/index.js'
import { loadConfig } from '../../src/lib/config/index.js'
import { importVerb } from '../../src/lib/verbs/import.js'
import { init } from '../../src/lib/verbs/init.js'
import { install } from '../../src/lib/verbs/install.js'

let home: string
let printed: string

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'mcpctl-import-')))
  printed = ''
  write('project/x', '')
})

afterEach(() => rmSync(home, { recursive: true, force: true }))

const at = (path: string): string => join(home, path)
const read = (path: string): string => readFileSync(at(path), 'utf8')

function write(path: string, content: string): string {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), content)
  return at(path)
}

const TERMINAL = { interactive: false, color: false, columns: 100, unicode: true }

function io(cwd: string): Io {
  const note = (text: string): void => void (printed += `${text}\n`)
  return { env: { HOME: home, PATH: process.env['PATH'], MCP_HOME: at('mcp') }, cwd, out: note, say: note, outTerminal: TERMINAL, sayTerminal: TERMINAL, json: false, signal: new AbortController().signal }
}

type Flags = Partial<Record<'yes' | 'dry-run' | 'force' | 'all' | 'undo' | 'project' | 'http' | 'keep' | 'replace' | 'all-projects', boolean>> & Partial<Record<'from' | 'as' | 'config' | 'output' | 'format' | 'name', string>>

// Flags that are not stated are undefined, as the parsers leave them.
const run = (verb: { run: (input: never, io: Io) => Promise<Outcome> }, names: string[], flags: Flags): Promise<Outcome> => verb.run({ names, flags } as never, io(at('project')))

const CURSOR = '{ "mcpServers": { "new": { "command": "node", "args": ["new.js"], "env": { "API_TOKEN": "t0p-secret-value" } }, "same": { "command": "node", "args": ["same.js"] }, "near": { "command": "node", "args": ["near.js", "--b"] }, "other": { "command": "sh" }, "mcpctl": { "command": "mcpctl", "args": ["proxy"] } } }'
const SERVERS = { there: 'same.js', near: 'near.js', other: 'other.js' }

const CONFIGS: readonly (readonly [string, string, string])[] = [
  ['mcp.config.json', `{\n  // mine\n  "servers": {\n    "there": { "command": "node", "args": ["same.js"] }, // one\n    "near": { "command": "node", "args": ["near.js", "--a"] },\n    "other": { "command": "node", "args": ["other.js"] },\n  },\n}\n`, '// mine'],
  ['mcp.config.yaml', `# mine\nservers:\n  there: { command: node, args: [same.js] } # one\n\n  near:\n      command: node\n      args:\n        - near.js\n        - --a\n  other:\n    command: node\n    args: [other.js]\n# the end\ndefaults:\n  startTimeout: 5s\n`, '# one'],
  ['user.toml', `# mine\n[servers.there]\ncommand = "node"\nargs = ["same.js"] # one\n\n[servers.near]\ncommand = "node"\nargs = ["near.js", "--a"]\n\n[servers.other]\ncommand = "node"\nargs = ["other.js"]\n\n[defaults]\nstartTimeout = "5s"\n`, '# one'],
]

describe('importing from a client', () => {
  it.each(CONFIGS)('adds to %s what is not there, as text, and leaves the rest alone', async (name, text, comment) => {
    write('.cursor/mcp.json', CURSOR)
    const config = write(`project/${name}`, text)
    const { json } = await run(importVerb, [], { from: 'cursor', yes: true, config })
    expect((json?.['servers'] as { name: string; action: string }[]).map((step) => `${step.action} ${step.name}`)).toEqual(['add new', 'same same', 'differs near', 'conflict other'])
    const after = read(`project/${name}`)
    // Nothing but additions: every line that was there is there.
    const lines = after.split('\n')
    for (const line of text.split('\n')) expect(lines).toContain(line)
    expect(after).toContain(comment)
    expect(after + printed).not.toContain('t0p-secret-value')
    const { servers } = await loadConfig({ cwd: at('project'), env: { HOME: home }, configPath: config })
    expect(servers.map((spec) => spec.name).sort()).toEqual([...Object.keys(SERVERS), 'new'].sort())
    expect(servers.find((spec) => spec.name === 'new')?.launch).toMatchObject({ args: ['new.js'], env: { API_TOKEN: 't0p-secret-value' } })
    printed = ''
    expect((await run(importVerb, [], { from: 'cursor', yes: true, config })).json).toMatchObject({ written: false })
    expect(read(`project/${name}`)).toBe(after)
  })

  it('takes one under another name, from any file', async () => {
    write('project/mcp.config.json', '{ "servers": { "near": { "command": "node", "args": ["near.js", "--a"] } } }\n')
    await run(importVerb, ['near'], { from: write('some/file.json', CURSOR), as: 'near-b', yes: true })
    expect(JSON.parse(read('project/mcp.config.json'))).toEqual({ servers: { near: { command: 'node', args: ['near.js', '--a'] }, 'near-b': { command: 'node', args: ['near.js', '--b'] } } })
  })

  it('never changes code: it prints what to put in, and exits 1', async () => {
    write('.cursor/mcp.json', CURSOR)
    const text = 'export default { servers: {} }\n'
    write('project/mcp.config.ts', text)
    const outcome = await run(importVerb, ['same'], { from: 'cursor' })
    expect(outcome).toMatchObject({ exitStatus: 1, json: { written: false, snippet: "    same: {\n      command: 'node',\n      args: ['same.js'],\n    }," } })
    expect(read('project/mcp.config.ts')).toBe(text)
    await run(importVerb, ['new'], { from: 'cursor' })
    expect(existsSync(at('project/mcp.secrets'))).toBe(false)
    await run(importVerb, ['new'], { from: 'cursor', yes: true })
    expect(read('project/mcp.secrets/new.API_TOKEN')).toBe('t0p-secret-value')
    expect(printed).not.toContain('t0p-secret-value')
    expect(printed).toContain('which only its author can change safely')
  })

  it.each([
    [{}, 'USAGE', '--from'], [{ from: 'emacs' }, 'USAGE', 'neither a client nor a file'], [{ from: 'zed', yes: true }, 'CONFIG_NOT_FOUND', 'Zed'], [{ from: 'cursor' }, 'USAGE', 'nobody to ask'], [{ from: 'cursor', as: 'x' }, 'USAGE', '--as'],
  ] as const)('with %j says what is wrong', async (flags, code, message) => {
    write('.cursor/mcp.json', CURSOR)
    write('project/mcp.config.json', '{ "servers": {} }')
    await expect(run(importVerb, [], flags)).rejects.toMatchObject({ code })
    const error = (await run(importVerb, [], flags).catch((each: unknown) => each)) as Error & { hint: string }
    expect(`${error.message} ${error.hint}`).toContain(message)
  })

  it('needs a configuration of its own', async () => {
    await expect(run(importVerb, [], { from: 'cursor', yes: true })).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND', hint: expect.stringContaining('mcpctl init') as string })
    write('.cursor/mcp.json', CURSOR)
    write('project/.mcp.json', '{ "mcpServers": {} }')
    await expect(run(importVerb, [], { from: 'cursor', yes: true })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('mcpctl init') as string })
    await expect(run(importVerb, ['nothing'], { from: 'cursor', yes: true, config: write('project/mcp.config.json', '{ "servers": {} }') })).rejects.toMatchObject({ code: 'SERVER_UNKNOWN' })
  })
})

describe('installing', () => {
  beforeEach(() => {
    write('.cursor/mcp.json', CURSOR)
    write('project/mcp.config.json', '{ "servers": { "same": { "command": "node", "args": ["same.js"] } } }')
  })

  it('is refused for the file that mcpctl runs from', async () => {
    rmSync(at('project/mcp.config.json'))
    write('project/.mcp.json', '{ "mcpServers": { "same": { "command": "node", "args": ["same.js"] } } }')
    await expect(run(install, ['claude-code'], { project: true, yes: true })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('mcpctl init') as string })
  })

  it.each([
    [[], {}, 'no client is named'], [['emacs'], { yes: true }, 'no client "emacs"'], [['cursor'], { all: true }, 'exclude each other'], [['cursor'], { keep: true, replace: true }, 'exclude each other'], [['cursor'], { force: true }, '--undo'],
    [['cursor'], { http: true, yes: true }, 'listens on no port'], [['cursor'], {}, 'nobody to ask'], [['cursor'], { undo: true }, 'no change of cursor'], [['cursor'], { yes: true, name: 'a b' }, 'no name of a server'], [['zed'], { project: true, yes: true }, 'no file in the project'],
  ] as const)('%j with %j says what is wrong', async (names, flags, message) => {
    await expect(run(install, [...names], flags)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(message) as string })
    expect(read('.cursor/mcp.json')).toBe(CURSOR)
  })

  it('shows the change without its secrets, and a forced undo keeps what was edited since', async () => {
    await run(install, ['cursor'], { 'dry-run': true, replace: true })
    expect(read('.cursor/mcp.json')).toBe(CURSOR)
    expect(printed).toContain('mcpctl runs same: taken out here')
    expect(printed).toContain('taken out although mcpctl does not run them: new, near and other')
    expect(printed).not.toContain('t0p-secret-value')
    await run(install, ['cursor'], { yes: true, name: 'hub' })
    expect(JSON.parse(read('.cursor/mcp.json'))).toMatchObject({ mcpServers: { hub: { command: process.execPath, env: { MCP_HOME: at('mcp') } }, new: {}, near: {} } })
    expect(JSON.parse(read('.cursor/mcp.json'))).not.toHaveProperty('mcpServers.mcpctl')
    write('.cursor/mcp.json', read('.cursor/mcp.json').replace('"near.js"', '"nearer.js"'))
    await expect(run(install, [], { undo: true })).rejects.toMatchObject({ code: 'FILE_CHANGED', hint: expect.stringContaining('--undo --force') as string })
    await run(install, [], { undo: true, force: true })
    const wanted = JSON.parse(CURSOR.replace('"near.js"', '"nearer.js"')) as unknown
    expect(JSON.parse(read('.cursor/mcp.json'))).toEqual(wanted)
    await expect(run(install, [], { undo: true })).rejects.toMatchObject({ code: 'USAGE' })
  })

  it("of a project's file writes nothing of this machine", async () => {
    write('project/.cursor/mcp.json', CURSOR)
    await run(install, ['cursor'], { project: true, yes: true })
    expect(JSON.parse(read('project/.cursor/mcp.json'))).toMatchObject({ mcpServers: { mcpctl: { command: 'mcpctl', args: ['proxy'] } } })
    expect(read('project/.cursor/mcp.json')).not.toContain(home)
    expect(read('.cursor/mcp.json')).toBe(CURSOR)
  })
})

it('every field of the JSON documents is on the reference page', async () => {
  write('.cursor/mcp.json', CURSOR)
  write('project/.mcp.json', '{ "mcpServers": { "same": { "command": "node", "args": ["same.js"] } } }')
  const page = readFileSync(new URL('../../docs/reference/json.md', import.meta.url), 'utf8')
  const documents = [
    await run(init, [], { 'dry-run': true }), await run(init, [], { yes: true, format: 'json' }), await run(importVerb, [], { from: 'cursor', 'dry-run': true }), await run(install, [], { all: true, yes: true }), await run(install, [], { undo: true }),
  ]
  expect(documents.map(({ json }) => json?.['files'] ?? json?.['file'])).not.toContain(undefined)
  for (const { json } of documents) expect(fieldNames(json).filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  expect(documents[3]?.json).toMatchObject({ undo: false, files: [{ client: 'cursor', changed: true, removed: expect.arrayContaining([{ name: 'same', runsAs: 'same' }]) as unknown[] }], hints: [expect.stringContaining('.mcp.json of the project still starts same')], failures: [] })
})

describe('init', () => {
  it('never puts a second configuration beside the first, unless told to', async () => {
    write('.cursor/mcp.json', CURSOR)
    write('project/mcp.config.yaml', 'servers: {}\n')
    await expect(run(init, [], { yes: true })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('mcpctl import') as string })
    await run(init, [], { yes: true, output: 'sub/mcp.config.json' })
    expect(Object.keys((JSON.parse(read('project/sub/mcp.config.json')) as { servers: object }).servers)).toEqual(['new', 'same', 'near', 'other'])
    await expect(run(init, [], { yes: true, output: 'sub/mcp.config.json' })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--force') as string })
    const first = read('project/sub/mcp.config.json')
    await run(init, [], { yes: true, output: 'sub/mcp.config.json', force: true })
    expect(read('project/sub/mcp.config.json')).toBe(first)
    expect(read('project/sub/mcp.secrets/.gitignore')).toBe('*\n')
  })

  it('writes down disabled what could not start here, and says why', async () => {
    write('.cursor/mcp.json', '{ "mcpServers": { "gone": { "command": "no-such-program" }, "away": { "command": "node", "cwd": "/no/such/folder" }, "here": { "command": "node" } } }')
    const { json } = await run(init, [], { yes: true })
    expect((json?.['servers'] as { disabled: string | null }[]).map(({ disabled }) => disabled)).toEqual(['its program no-such-program was not found', 'its folder /no/such/folder does not exist', null])
    expect((await loadConfig({ cwd: at('project'), env: { HOME: home } })).servers.map(({ enabled }) => enabled)).toEqual([false, false, true])
  })

  it('with nothing to find writes a configuration without servers, which loads', async () => {
    await run(init, [], { yes: true })
    expect((await loadConfig({ cwd: at('project'), env: { HOME: home } })).servers).toEqual([])
    expect(existsSync(at('project/mcp.secrets'))).toBe(false)
  })

  it("leaves out what the person's own file runs already", async () => {
    write('.cursor/mcp.json', CURSOR)
    write('.config/mcpctl/config.json', '{ "servers": { "mine": { "command": "node", "args": ["same.js"] }, "other": { "command": "node" } } }')
    const { json } = await run(init, [], { yes: true })
    expect((json?.['servers'] as { name: string }[]).map(({ name }) => name)).toEqual(['new', 'near', 'other-cursor'])
    expect(printed).toContain('left out, because ~/.config/mcpctl/config.json has it already: same')
  })

  it.each([[{ output: 'x.yaml' }, 'extension'], [{ output: 'x.json', format: 'ts' }, 'contradict']] as const)('with %j says what is wrong', async (flags, message) => {
    await expect(run(init, [], { yes: true, ...flags })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(message) as string })
  })
})
