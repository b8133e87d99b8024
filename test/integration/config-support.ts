import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach } from 'vitest'
import { loadConfig, type LoadedConfig, type LoadOptions, type Problem } from '../../src/lib/config/index.js'
import type { ServerSpec } from '../../src/lib/core/index.js'
import { McpctlError } from '../../src/lib/errors/index.js'

export interface Project {
  /** The home folder; the project lies inside. */
  readonly home: string
  readonly folder: string
  /** Writes files, paths relative to the project (`../` reaches the home folder). */
  readonly write: (files: Record<string, string | object>) => void
  readonly load: (options?: Partial<LoadOptions>) => Promise<LoadedConfig>
  /** The error loading ends with; fails when it does not. */
  readonly fail: (options?: Partial<LoadOptions>) => Promise<McpctlError>
}

const homes: string[] = []

afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true })
})

/** A project folder inside a home folder of its own, removed after the test. */
export function createProject(files: Record<string, string | object> = {}): Project {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'mcpctl-config-')))
  homes.push(home)
  const folder = join(home, 'project')
  mkdirSync(folder)
  const write: Project['write'] = (more) => {
    for (const [path, content] of Object.entries(more)) {
      const target = join(folder, path)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
    }
  }
  write(files)
  const load: Project['load'] = (options = {}) => loadConfig({ cwd: folder, home, env: { PATH: '/usr/bin' }, ...options })
  const fail: Project['fail'] = async (options) => {
    const outcome = await load(options).catch((error: unknown) => error)
    if (outcome instanceof McpctlError) return outcome
    throw new Error(`expected an error of ours, got ${JSON.stringify(outcome)}`)
  }
  return { home, folder, write, load, fail }
}

/** The only server of a configuration. */
export function onlyServer(config: LoadedConfig): ServerSpec {
  const [server] = config.servers
  if (!server || config.servers.length !== 1) throw new Error(`expected one server, got ${config.servers.length}`)
  return server
}

export function problemsOf(error: McpctlError): Problem[] {
  return error.details['problems'] as Problem[]
}
