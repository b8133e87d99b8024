import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { changeRuntime, dropRuntimeChanges, readRuntimeChanges, resolveHome, runtimeChangesFile } from '../../src/lib/control/index.js'
import { createProject, onlyServer, type Project } from './config-support.js'

const URL_ENTRY = { url: 'http://localhost:8000/mcp' }

function change({ home }: Project, content: object | string): string {
  const folder = join(home, '.mcp/state')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'runtime.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify({ schemaVersion: 1, servers: {}, enabled: {}, ...content }))
  return file
}

const originOf = (config: Awaited<ReturnType<Project['load']>>, name: string, field: string): string | undefined =>
  config.explained.servers.find((server) => server.name === name)?.fields.find((each) => each.field === field)?.origin

it('a server added at run time is there beside those of the files, and says where it is from', async () => {
  const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x' } } } })
  const file = change(project, { servers: { b: { ...URL_ENTRY, headers: { Authorization: 'Bearer sk-not-to-be-seen-1234567' } } } })
  const config = await project.load()
  expect(config.servers.map(({ name, source }) => [name, source])).toEqual([['a', join(project.folder, 'mcp.config.json')], ['b', file]])
  expect(originOf(config, 'b', 'url')).toBe(`runtime change (${file})`)
  expect(JSON.stringify(config.explained)).not.toContain('not-to-be-seen')
  expect(config.explained.files).toEqual([join(project.folder, 'mcp.config.json'), file])
})

it('it is enough of a configuration by itself, also asked for by its path when nothing is in it any more', async () => {
  const project = createProject()
  const file = change(project, { servers: { b: URL_ENTRY } })
  expect((await project.load()).source).toBe(file)
  expect((await project.load({ configPath: file })).servers.map(({ name }) => name)).toEqual(['b'])
  dropRuntimeChanges(resolveHome({ MCP_HOME: join(project.home, '.mcp') }))
  expect((await project.load({ configPath: file })).servers).toEqual([])
  expect((await project.fail()).code).toBe('CONFIG_NOT_FOUND')
})

it.each([
  ['our own format', 'mcp.config.json', { servers: { a: { command: 'x', enabled: false } } }],
  ["another client's file", '.mcp.json', { mcpServers: { a: { command: 'x', disabled: true } } }],
  ['fields under x-mcpctl', '.mcp.json', { mcpServers: { a: { command: 'x', 'x-mcpctl': { disabled: true, tags: ['t'] } } } }],
])('switches win over what %s says, and only they do', async (_what, name, content) => {
  const project = createProject({ [name]: content })
  expect(onlyServer(await project.load()).enabled).toBe(false)
  change(project, { enabled: { a: true, other: false } })
  const config = await project.load()
  expect(onlyServer(config).enabled).toBe(true)
  expect(originOf(config, 'a', 'enabled')).toBe('runtime change')
  expect(originOf(config, 'a', 'command')).toBe(join(project.folder, name))
  expect(config.warnings).toEqual([])
})

it('a server that is switched off may refer to what is missing; one that is switched on may not', async () => {
  const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', args: ['${NOBODY_SET_THIS}'], enabled: false } } } })
  expect((await project.load()).servers[0]?.enabled).toBe(false)
  change(project, { enabled: { a: true } })
  expect((await project.fail()).message).toContain('NOBODY_SET_THIS')
  project.write({ 'mcp.config.json': { servers: { a: { command: 'x', args: ['${NOBODY_SET_THIS}'] } } } })
  change(project, { enabled: { a: false } })
  expect((await project.load()).servers[0]?.enabled).toBe(false)
})

it('a name that a file has got meanwhile means the server of the file, with a warning', async () => {
  const project = createProject({ 'mcp.config.json': { servers: { b: { command: 'x' } } } })
  change(project, { servers: { b: URL_ENTRY } })
  const config = await project.load()
  expect(onlyServer(config).launch?.command).toBe('x')
  expect(config.warnings.join()).toContain('mcpctl remove b')
})

it('what nobody can read is an error that names the file', async () => {
  const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x' } } } })
  const file = change(project, '{ "servers": ')
  expect((await project.fail()).message).toContain(file)
})

it('changes made at the same time are all kept, in a file for its owner only, that goes with the last of them', async () => {
  const home = resolveHome({ MCP_HOME: join(createProject().home, '.mcp') })
  const names = Array.from({ length: 20 }, (_, index) => `s${index}`)
  await Promise.all(names.map((name) => changeRuntime(home, ({ servers, enabled }) => ({ servers: { ...servers, [name]: URL_ENTRY }, enabled }))))
  expect(Object.keys(readRuntimeChanges(home).servers).sort()).toEqual(names.toSorted())
  expect(statSync(runtimeChangesFile(home)).mode & 0o777).toBe(0o600)
  await expect(changeRuntime(home, () => { throw new Error('no') })).rejects.toThrow('no')
  await changeRuntime(home, () => ({ servers: {}, enabled: {} }))
  expect(statSync(runtimeChangesFile(home), { throwIfNoEntry: false })).toBeUndefined()
})
