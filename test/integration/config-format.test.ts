import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createProject, onlyServer, problemsOf } from './config-support.js'

const SERVER = { command: 'node', args: ['a.js'], env: { PORT: '80' } }

describe('data formats', () => {
  it.each([
    ['mcp.config.json', JSON.stringify({ servers: { a: SERVER } })],
    ['mcp.config.jsonc', '{ // note\n "servers": { "a": { "command": "node", "args": ["a.js",], /* x */ "env": { "PORT": "80" }, }, }, }'],
    ['mcp.config.json', '\uFEFF{ "servers": { "a": { "command": "node", "args": ["a.js"], "env": { "PORT": "80" } } } }'],
    ['mcp.config.yaml', 'servers:\n  a:\n    command: node\n    args: [a.js]\n    env:\n      PORT: 80\n'],
    ['mcp.config.yml', 'x-base: &base\n  command: node\nservers:\n  a:\n    <<: *base\n    args:\n      - a.js\n    env: { PORT: 80 }\n'],
  ])('%s is found and read', async (name, content) => {
    const project = createProject({ [name]: content })
    const config = await project.load()
    expect(config.source).toBe(join(project.folder, name))
    expect(config.files).toEqual([config.source])
    const { launch } = onlyServer(config)
    expect(launch).toMatchObject({ command: 'node', args: ['a.js'], cwd: project.folder, env: { PORT: '80', PATH: '/usr/bin' }, ownEnv: ['PORT'] })
  })

  it('TOML is read when it is named', async () => {
    const project = createProject({ 'fleet.toml': '[servers.a]\ncommand = "node"\nargs = ["a.js"]\nlimits = { memory = "300M" }\n' })
    const server = onlyServer(await project.load({ configPath: 'fleet.toml' }))
    expect(server).toMatchObject({ name: 'a', limits: { memoryBytes: 300 * 1024 ** 2 } })
  })
})

describe('syntax errors', () => {
  it.each([
    ['mcp.config.json', '{\n  "servers": {\n    "a": { "command" "node" }\n  }\n}', 3, 22, 'colon'],
    ['mcp.config.json', '{\n  "servers": {', 2, 15, 'closing brace'],
    ['mcp.config.json', "{ 'servers': {} }", 1, 3, 'double quotes'],
    ['mcp.config.yaml', 'servers:\n  a:\n    command: node\n   args: []\n', 4, 1, ''],
    ['mcp.config.yaml', 'servers: {\n  a: [1, 2\n', 3, 1, ''],
    ['mcp.config.ts', 'export default {\n  servers: {{\n}\n', 2, undefined, ''],
    ['mcp.config.mjs', 'export default {\n  servers: {{\n}\n', 2, undefined, ''],
    ['mcp.config.cjs', 'module.exports = {\n  servers: {{\n}\n', 2, undefined, ''],
  ])('%s names file, line and column: %j', async (name, content, line, column, word) => {
    const project = createProject({ [name]: content })
    const error = await project.fail()
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.exitStatus).toBe(5)
    expect(error.message).toContain(`${join(project.folder, name)}:${line}:${column ?? ''}`)
    expect(error.message).toContain(word)
    expect(error.message).toContain(`${line} | `)
    expect(error.details).toMatchObject({ file: join(project.folder, name), line })
    expect(error.hint).toContain('config validate')
  })

  it('TOML names the place, also of a key given twice', async () => {
    const project = createProject({ 'a.toml': '[servers.a]\ncommand = node\n', 'b.toml': '[servers.a]\ncommand = "x"\n[servers.a]\ncommand = "y"\n' })
    expect((await project.fail({ configPath: 'a.toml' })).message).toMatch(/a\.toml:2:\d+: .*\n {2}2 \| command = node/)
    expect(await project.fail({ configPath: 'b.toml' })).toMatchObject({ code: 'CONFIG_SYNTAX', details: { line: 3 } })
  })

  it.each(['mcp.config.json', 'mcp.config.yaml', 'mcp.config.ts'])('an empty %s says so', async (name) => {
    const error = await createProject({ [name]: ' \n' }).fail()
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.message).toContain('the file is empty')
  })

  it('the line shown hides what stands behind a secret name', async () => {
    const error = await createProject({ 'mcp.config.json': '{ "servers": { "a": { "env": { "API_TOKEN": "hunter2" "X": 1 } } } }' }).fail()
    expect(error.message).toContain('a comma is expected')
    expect(JSON.stringify(error.details) + error.message).not.toContain('hunter2')
  })

  it('a line of a thousand characters is shown around the place only', async () => {
    const error = await createProject({ 'mcp.config.json': `{ "servers": { ${' '.repeat(1000)} oops } }` }).fail()
    expect(error.message.length).toBeLessThan(500)
    expect(error.message).toContain('oops')
  })

  const flow = (depth: number): string => `{ "servers": {}, "x-deep": ${'['.repeat(depth)}${']'.repeat(depth)} }`
  it.each([
    ['json', flow],
    ['yaml', flow],
    ['yaml', (depth: number) => `servers: {}\nx-deep:\n  ${'- '.repeat(depth)}x\n`],
    ['yaml', (depth: number) => `servers: {}\nx-deep: ${'['.repeat(depth)}`],
    ['toml', (depth: number) => `servers = {}\nx-deep = ${'['.repeat(depth)}${']'.repeat(depth)}`],
  ])('%s nested however deep is read or refused, never a crash (%#)', async (extension, nest) => {
    for (const depth of [500, 3000, 100_000]) {
      const error = await createProject({ [`deep.${extension}`]: nest(depth) }).fail({ configPath: `deep.${extension}` })
      expect(error.code, `${depth}`).toBe('CONFIG_SYNTAX')
      expect(error.message.length).toBeLessThan(600)
    }
    const shallow = createProject({ [`deep.${extension}`]: nest(50) }).load({ configPath: `deep.${extension}` })
    if (!nest(1).endsWith('[')) expect((await shallow).servers).toEqual([])
    else await expect(shallow).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' })
  })

  it.each([
    ['servers: &s { a: *gone }', 'gone'],
    [`a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join()}]`).join('\n')}`, 'alias'],
  ])('YAML with aliases that cannot be followed is refused', async (content, word) => {
    const error = await createProject({ 'mcp.config.yaml': content }).fail()
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.message).toContain(word)
  })

  it('text that is not UTF-8 is refused', async () => {
    const project = createProject()
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(project.folder, 'mcp.config.json'), Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]))
    expect((await project.fail()).message).toContain('not UTF-8')
  })

  it('YAML of several documents is refused', async () => {
    expect(await createProject({ 'mcp.config.yaml': 'servers: {}\n---\nservers: {}\n' }).fail()).toMatchObject({ code: 'CONFIG_SYNTAX' })
  })
})

describe('keys given twice', () => {
  it('JSON names both places', async () => {
    const error = await createProject({ 'mcp.config.json': '{\n "servers": {\n  "a": { "command": "x" },\n  "a": { "command": "y" }\n }\n}' }).fail()
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitStatus: 5 })
    expect(error.message).toContain('servers.a is there twice: at 3:3 and at 4:3')
    expect(problemsOf(error)).toMatchObject([{ field: 'servers.a', line: 4, column: 3 }])
  })

  it('YAML names both places', async () => {
    const error = await createProject({ 'mcp.config.yaml': 'servers:\n  a:\n    command: x\n    command: y\n' }).fail()
    expect(error.message).toContain('servers.a.command is there twice: at 3:5 and at 4:5')
  })
})

describe('files that cannot be used', () => {
  it('an explicit file that is missing is named', async () => {
    const project = createProject()
    const error = await project.fail({ configPath: 'nope.json' })
    expect(error).toMatchObject({ code: 'CONFIG_NOT_FOUND', exitStatus: 5 })
    expect(error.message).toContain(join(project.folder, 'nope.json'))
    expect(error.hint).toContain('--config')
  })

  it('a folder in place of the file is unreadable', async () => {
    const project = createProject()
    mkdirSync(join(project.folder, 'dir.json'))
    const error = await project.fail({ configPath: 'dir.json' })
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE', exitStatus: 5 })
    expect(error.message).toContain('it is a folder')
  })

  it.skipIf(process.getuid?.() === 0)('a file without read permission is unreadable and not passed over', async () => {
    const { chmodSync } = await import('node:fs')
    const project = createProject({ 'mcp.config.json': '{}', '../mcp.config.json': { servers: { a: SERVER } } })
    chmodSync(join(project.folder, 'mcp.config.json'), 0)
    expect(await project.fail()).toMatchObject({ code: 'CONFIG_UNREADABLE' })
  })

  it('a device is refused instead of being read for ever', async () => {
    expect((await createProject().fail({ configPath: '/dev/zero' })).message).toContain('not a regular file')
  })

  it('an unknown extension is refused with the known ones', async () => {
    const error = await createProject({ 'fleet.conf': 'x' }).fail({ configPath: 'fleet.conf' })
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.hint).toContain('.yaml')
  })
})
