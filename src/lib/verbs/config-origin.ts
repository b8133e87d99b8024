import { existsSync } from 'node:fs'
import type { Io } from '../cli/index.js'
import type { LoadedConfig } from '../config/index.js'
import type { ConfigOrigin } from '../control/index.js'

/**
 * How a configuration was loaded, for the daemon: with it, the same command can be given again when a file changes.
 * `loadedAt`: epoch ms before the loading began.
 */
export function originOf(io: Io, { files, locks, runtimeFile, watch }: LoadedConfig, { configPath, loadedAt }: { readonly configPath: string | undefined; readonly loadedAt: number }): ConfigOrigin {
  // The mark of a server that ran this command would make what the daemon runs count as that server's.
  const env = Object.entries(io.env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[0] !== 'MCPCTL_ID')
  const absent = [...locks, runtimeFile].filter((file) => !existsSync(file))
  return { cwd: io.cwd, configPath: configPath ?? null, env: Object.fromEntries(env), files: [...new Set([...files, ...locks, runtimeFile])], absent, watch, loadedAt }
}
