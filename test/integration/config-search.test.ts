import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findConfig, loadConfig, SEARCH_PLACES } from '../../src/lib/config/index.js'
import { createProject } from './config-support.js'

const one = (name: string): object => ({ mcpServers: { [name]: { command: 'x' } } })

/** Content any of the searched files can have. */
function contentFor(place: string): string {
  if (/\.(json|jsonc|yaml|yml)$/.test(place)) return JSON.stringify(one('a'))
  return place.endsWith('.cjs') ? `module.exports = ${JSON.stringify(one('a'))}` : `export default ${JSON.stringify(one('a'))}`
}

describe('where a configuration is looked for', () => {
  it('takes the places of a folder in order, and the quick look agrees with the loader', async () => {
    const project = createProject()
    for (const place of [...SEARCH_PLACES].reverse()) {
      project.write({ [place]: contentFor(place) })
      const expected = join(project.folder, place)
      expect(findConfig({ cwd: project.folder, home: project.home, env: {} })).toBe(expected)
      expect((await project.load()).source).toBe(expected)
    }
  })

  it('goes upwards as far as the home folder and not beyond', async () => {
    const project = createProject({ '../mcp.config.json': one('above') })
    const inner = join(project.folder, 'x', 'y')
    mkdirSync(inner, { recursive: true })
    expect((await project.load({ cwd: inner })).servers.map((server) => server.name)).toEqual(['above'])
    const error = await project.fail({ cwd: inner, home: project.folder })
    expect(error).toMatchObject({ code: 'CONFIG_NOT_FOUND', exitStatus: 5, details: { folders: [inner, join(project.folder, 'x'), project.folder] } })
    expect(error.hint).toContain('--config')
    expect(findConfig({ cwd: inner, home: project.folder, env: {} })).toBeNull()
  })

  it('passes over a folder that bears the name of a configuration', async () => {
    const project = createProject({ '.mcp.json': one('a') })
    mkdirSync(join(project.folder, 'mcp.config.json'))
    expect((await project.load()).source).toBe(join(project.folder, '.mcp.json'))
  })

  it('an empty file is an error, not a reason to look further', async () => {
    expect(await createProject({ 'mcp.config.json': '', '.mcp.json': one('a') }).fail()).toMatchObject({ code: 'CONFIG_SYNTAX' })
  })

  it('--config wins over MCP_CONFIG, which wins over the search; both may begin with ~', async () => {
    const project = createProject({ 'mcp.config.json': one('found'), 'b.json': one('b'), '../c.json': one('c') })
    const names = async (configPath: string | undefined, variable: string): Promise<string[]> => {
      const config = await project.load({ env: { MCP_CONFIG: variable }, ...(configPath === undefined ? {} : { configPath }) })
      return config.servers.map((server) => server.name)
    }
    expect(await names('b.json', '~/c.json')).toEqual(['b'])
    expect(await names(undefined, '~/c.json')).toEqual(['c'])
    expect(await names(undefined, '')).toEqual(['found'])
    expect(findConfig({ cwd: project.folder, env: { MCP_CONFIG: 'missing.json' } })).toBe(join(project.folder, 'missing.json'))
  })

  it('takes the home folder from the environment when it is not given', async () => {
    const project = createProject({ '../.config/mcpctl/config.json': { servers: { mine: { command: 'x' } } } })
    const config = await loadConfig({ cwd: project.folder, env: { HOME: project.home } })
    expect(config.servers.map((server) => server.name)).toEqual(['mine'])
  })
})

describe("the user's own file", () => {
  const user = { servers: { mine: { command: 'x' }, shared: { command: 'from-user' } }, defaults: { stopTimeout: '9s', startTimeout: '9s' } }

  it('stands beneath the project: its servers come last, a name in the project hides its own', async () => {
    const project = createProject({
      'mcp.config.json': { servers: { shared: { command: 'from-project' }, own: { command: 'x' } }, defaults: { startTimeout: '7s' } },
      '../.config/mcpctl/config.json': user,
    })
    const config = await project.load()
    expect(config.servers.map(({ name, launch, source }) => [name, launch?.command, source])).toEqual([
      ['shared', 'from-project', join(project.folder, 'mcp.config.json')],
      ['own', 'x', join(project.folder, 'mcp.config.json')],
      ['mine', 'x', join(project.home, '.config/mcpctl/config.json')],
    ])
    expect(config.source).toBe(join(project.folder, 'mcp.config.json'))
    expect(config.files).toHaveLength(2)
    expect(config.servers.map(({ startTimeoutMs, stopTimeoutMs }) => [startTimeoutMs, stopTimeoutMs])).toEqual([[7000, 9000], [7000, 9000], [7000, 9000]])
  })

  it('is enough alone; its servers run in the home folder', async () => {
    const project = createProject({ '../.config/mcpctl/config.yaml': 'servers: { mine: { command: x }, rel: { command: x, cwd: sub } }' })
    const config = await project.load()
    expect(config.source).toBe(join(project.home, '.config/mcpctl/config.yaml'))
    expect(config.servers.map(({ launch }) => launch?.cwd)).toEqual([project.home, join(project.home, '.config/mcpctl/sub')])
  })

  it('may hold nothing but defaults', async () => {
    const project = createProject({ '../.config/mcpctl/config.json': { defaults: { stopTimeout: 1 } }, '.mcp.json': one('a') })
    expect((await project.load()).servers[0]?.stopTimeoutMs).toBe(1000)
  })

  it('is looked for in XDG_CONFIG_HOME', async () => {
    const project = createProject({ 'xdg/mcpctl/config.json': user })
    const config = await project.load({ env: { XDG_CONFIG_HOME: join(project.folder, 'xdg') } })
    expect(config.servers).toHaveLength(2)
  })

  it('is not read twice when it is the one named', async () => {
    const project = createProject({ '../.config/mcpctl/config.json': user })
    const config = await project.load({ configPath: join(project.home, '.config/mcpctl/config.json') })
    expect(config.explained.files).toHaveLength(1)
    expect(config.servers).toHaveLength(2)
  })
})
