import { resolve } from 'node:path'
import type { Io } from '../cli/index.js'
import type { FindOptions, LoadedConfig } from '../config/index.js'
import type { ApplyParams, ControlClient } from '../control/index.js'
import { McpctlError, toErrorDocument } from '../errors/index.js'
import { originOf } from './config-origin.js'

export interface LoadedOrder {
  readonly config: LoadedConfig
  readonly configPath: string | undefined
  readonly loadedAt: number
}

/**
 * Loads the configuration as `start` would. When that fails, the daemon is told (unless nothing is to change), so that
 * `status` shows why the newest version is not in effect, and the error is thrown on.
 */
export async function loadForReload(io: Io, client: ControlClient, { configPath, dryRun }: { readonly configPath: string | undefined; readonly dryRun: boolean }): Promise<LoadedOrder> {
  const [{ findConfig }, { loadConfig }] = await Promise.all([import('../config/find.js'), import('../config/index.js')])
  const options: FindOptions = { cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) }
  const source = findConfig(options)
  if (source === null) throw await notFound(io, client)
  const files = new Set<string>()
  const loadedAt = Date.now()
  try {
    return { config: await loadConfig({ ...options, onFile: (file) => files.add(file) }), configPath, loadedAt }
  } catch (error) {
    // Who cannot be told any more shows nothing either.
    if (!dryRun) await client.request('config-failed', { source: resolve(source), error: toErrorDocument(error), files: [...files] }).catch(() => undefined)
    throw error
  }
}

/**
 * Loads the configuration and hands it over with `use`; both once more, a few times, when somebody else was faster with a
 * newer version: the daemon takes no older one. Throws as `loadForReload` and `use` do.
 */
export async function withFreshOrder<T>(io: Io, client: ControlClient, options: Parameters<typeof loadForReload>[2], use: (loaded: LoadedOrder) => Promise<T>): Promise<T> {
  for (let attemptsLeft = 4; ; attemptsLeft--) {
    const loaded = await loadForReload(io, client, options)
    try {
      return await use(loaded)
    } catch (error) {
      if (attemptsLeft === 0 || !(error instanceof McpctlError) || error.details['isStale'] !== true) throw error
    }
  }
}

/** What the daemon is handed; `reload` adds what is to be done with it. */
export function orderOf(io: Io, { config, configPath, loadedAt }: LoadedOrder): ApplyParams {
  const { source, settings, servers } = config
  return { source, sources: config.explained.files, settings, servers, origin: originOf(io, config, { configPath, loadedAt }) }
}

/** Every name that can be meant: those of the configuration, and those that are not in it any more. */
export async function serversOf(client: ControlClient, config: LoadedConfig): Promise<string[]> {
  const { servers } = await client.request('snapshot', { names: null, detail: false })
  // The file of what was added at run time goes with the last of it.
  const running = servers.filter(({ source }) => [...config.explained.files, config.runtimeFile].includes(source)).map(({ name }) => name)
  return [...new Set([...config.servers.map(({ name }) => name), ...running])]
}

async function notFound(io: Io, client: ControlClient): Promise<McpctlError> {
  const { daemon } = await client.request('snapshot', { names: [], detail: false })
  const [first] = daemon.sources
  return new McpctlError('CONFIG_NOT_FOUND', `no configuration found in ${io.cwd} or any folder above it`, {
    hint: first === undefined ? 'Name one with --config FILE.' : `Go to the project, or name its configuration: mcpctl reload --config ${first}`,
    details: { cwd: io.cwd, sources: daemon.sources },
  })
}
