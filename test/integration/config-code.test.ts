import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createProject, onlyServer } from './config-support.js'

describe('a configuration that is code', () => {
  it('may use types, enums, siblings, JSON, top-level await and defineConfig, and leaves no file behind', async () => {
    const project = createProject({
      'mcp.config.ts': [
        "import { defineConfig } from 'mcpctl'",
        "import { command } from './shared/command'",
        "import data from './data.json'",
        "import legacy from './legacy.cjs'",
        "enum Flag { Quiet = '-q' }",
        'const port: number = await Promise.resolve(8080)',
        'export default defineConfig({ servers: { a: { command, args: [Flag.Quiet, String(port), data.path, legacy.last] } } })',
      ].join('\n'),
      'shared/command.ts': "import { name } from './name.js'\nexport const command: string = name",
      'shared/name.ts': "export const name = 'node'",
      'data.json': { path: 'x' },
      'legacy.cjs': "module.exports = { last: 'z' }",
    })
    const before = readdirSync(project.folder, { recursive: true }).sort()
    const config = await project.load()
    expect(onlyServer(config).launch).toMatchObject({ command: 'node', args: ['-q', '8080', 'x', 'z'] })
    expect([...config.files].sort()).toEqual(['data.json', 'legacy.cjs', 'mcp.config.ts', 'shared/command.ts', 'shared/name.ts'].map((name) => join(project.folder, name)))
    expect(readdirSync(project.folder, { recursive: true }).sort()).toEqual(before)
  })

  it.each([
    ['an object', 'export default { servers: { a: { command: "node" } } }'],
    ['a promise', 'export default Promise.resolve({ servers: { a: { command: "node" } } })'],
    ['a function', 'export default () => ({ servers: { a: { command: "node" } } })'],
    ['an async function', 'export default async () => ({ servers: { a: { command: "node" } } })'],
  ])('may export %s', async (_what, content) => {
    expect(onlyServer(await createProject({ 'mcp.config.ts': content }).load()).name).toBe('a')
  })

  it.each([
    ['mcp.config.mts', 'import { a } from "./a.mts"\nexport default { servers: { a } }', 'a.mts', 'export const a: object = { command: "node" }'],
    ['mcp.config.mjs', 'import { a } from "./a.mjs"\nexport default { servers: { a } }', 'a.mjs', 'export const a = { command: "node" }'],
    ['mcp.config.js', 'import { a } from "./a.js"\nexport default { servers: { a } }', 'a.js', 'export const a = { command: "node" }'],
    ['mcp.config.cjs', 'const { a } = require("./a.cjs")\nmodule.exports = { servers: { a } }', 'a.cjs', 'exports.a = { command: "node" }'],
  ])('%s works with a sibling, which is listed', async (name, content, sibling, siblingContent) => {
    const project = createProject({ [name]: content, [sibling]: siblingContent })
    const config = await project.load()
    expect(onlyServer(config).launch?.command).toBe('node')
    expect(config.files).toEqual([join(project.folder, name), join(project.folder, sibling)])
  })

  it.each([
    ['mcp.config.js', './a.js', 'module'],
    ['mcp.config.js', './a.js', 'commonjs'],
    ['mcp.config.mjs', './a.mjs', 'commonjs'],
    ['mcp.config.cts', './a.cjs', 'commonjs'],
  ])('%s with %s reaches this package by its name where "type" is "%s" and it is not installed', async (name, sibling, type) => {
    const project = createProject({
      'package.json': { type },
      [name]: `import { defineConfig } from 'mcpctl'\nimport { a } from '${sibling}'\nexport default defineConfig({ servers: { a } })`,
      [sibling]: sibling.endsWith('.cjs') ? 'exports.a = { command: "node" }' : 'export const a = { command: "node" }',
    })
    const config = await project.load({ configPath: name })
    expect(onlyServer(config).launch?.command).toBe('node')
    expect(config.files).toEqual([join(project.folder, name), join(project.folder, sibling)])
  })

  it('is never stale: a changed file and a changed sibling are seen by the next load', async () => {
    const project = createProject({ 'mcp.config.ts': 'import { c } from "./c"\nexport default { servers: { a: { command: c } } }', 'c.ts': 'export const c = "one"' })
    expect(onlyServer(await project.load()).launch?.command).toBe('one')
    project.write({ 'c.ts': 'export const c = "two"' })
    expect(onlyServer(await project.load()).launch?.command).toBe('two')
  })

  it('is never stale when it is an ES module either, which Node would import only once, even one that failed', async () => {
    const text = (command: string): string => `await null\nexport default { servers: { a: { command: '${command}' } } }`
    const project = createProject({ 'mcp.config.mjs': text('one') })
    expect(onlyServer(await project.load()).launch?.command).toBe('one')
    project.write({ 'mcp.config.mjs': 'throw new Error("now it fails")' })
    expect((await project.fail()).message).toContain('now it fails')
    project.write({ 'mcp.config.mjs': text('two') })
    expect(onlyServer(await project.load()).launch?.command).toBe('two')
  })
})

describe('code that fails', () => {
  it.each([
    ['throws an error', 'const n: number = 1\nthrow new Error("no database")', 'mcp.config.ts:2:', 'no database'],
    ['throws something else', 'throw "plain"', 'mcp.config.ts', 'threw plain'],
    ['throws in its function', 'export default () => {\n  throw new Error("later")\n}', 'mcp.config.ts:2:', 'later'],
    ['rejects', 'export default Promise.reject(new Error("refused"))', 'mcp.config.ts', 'refused'],
    ['imports what is not there', 'import x from "./nope"\nexport default x', 'mcp.config.ts', "Cannot find module './nope'"],
    ['exports nothing', 'const x = 1', 'mcp.config.ts', 'it exports nothing'],
    ['exports a number', 'export default 5', 'mcp.config.ts', 'not an object'],
    ['exports a list', 'export default []', 'mcp.config.ts', 'not an object'],
    ['exports null', 'export default null', 'mcp.config.ts', 'not an object'],
  ])('that %s is named with its reason', async (_what, content, place, reason) => {
    const error = await createProject({ 'mcp.config.ts': content }).fail()
    expect(error).toMatchObject({ code: 'CONFIG_EVALUATION', exitStatus: 5 })
    expect(error.message).toContain(place)
    expect(error.message).toContain(reason)
    expect(error.message).not.toContain('Require stack')
  })

  it.each([
    ['an import that never ends', 'await new Promise(() => {})\nexport default {}'],
    ['a promise that never settles', 'export default new Promise(() => {})'],
    ['a function that never answers', 'export default () => new Promise(() => {})'],
  ])('%s ends with the time allowed', async (_what, content) => {
    const project = createProject({ 'mcp.config.ts': content })
    const error = await project.fail({ evaluationTimeoutMs: 300 })
    expect(error.code).toBe('CONFIG_EVALUATION')
    expect(error.message).toBe(`${join(project.folder, 'mcp.config.ts')}: it did not finish loading within 300ms`)
  })

  it('a syntax error in a sibling names the sibling and shows its line', async () => {
    const project = createProject({ 'mcp.config.ts': 'import x from "./bad"\nexport default x', 'bad.ts': 'export default {\n  a: {{\n' })
    const error = await project.fail()
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.message).toContain(`${join(project.folder, 'bad.ts')}:2:`)
    expect(error.message).toContain('2 |   a: {{')
  })

  it('values of the wrong type are problems like in any other format', async () => {
    const error = await createProject({ 'mcp.config.ts': 'const x: any = { command: () => 1 }; x.env = x; export default { servers: { a: x } }' }).fail()
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain('servers.a.command must be a text, not a function')
  })
})
