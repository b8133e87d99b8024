import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { expandTilde } from './settings.js'

const CODE_EXTENSIONS = ['ts', 'mts', 'js', 'mjs', 'cjs']
const DATA_EXTENSIONS = ['json', 'jsonc', 'yaml', 'yml']

/** Looked for in every folder, in this order: our own files, then those of other clients that belong to a project. */
export const SEARCH_PLACES: readonly string[] = [
  ...[...CODE_EXTENSIONS, ...DATA_EXTENSIONS].map((extension) => `mcp.config.${extension}`),
  '.mcp.json',
  '.cursor/mcp.json',
  '.vscode/mcp.json',
]

const USER_PLACES: readonly string[] = [...DATA_EXTENSIONS, 'toml', ...CODE_EXTENSIONS].map((extension) => `config.${extension}`)

export interface FindOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** The person's home folder; where the search upwards ends. Default: HOME, else what the system says. */
  readonly home?: string
  /** From `--config`; relative to `cwd`. */
  readonly configPath?: string
}

/**
 * The configuration that would be loaded, as an absolute path, or null when there is none. Only looks at names:
 * a path that was given explicitly is returned whether it exists or not, so that loading it can say what is wrong.
 */
export function findConfig(options: FindOptions): string | null {
  return explicitPath(options) ?? findProjectConfig(options) ?? findUserConfig(options) ?? (hasRuntimeChanges(options) ? runtimeFile(options) : null)
}

/** The path given with `--config` or MCP_CONFIG, absolute. */
export function explicitPath(options: FindOptions): string | null {
  const given = options.configPath ?? options.env['MCP_CONFIG']?.trim()
  return given === undefined || given === '' ? null : resolve(options.cwd, expandTilde(given, homeOf(options)))
}

/** The file nearest to the working folder, upwards to the home folder or the root. */
function findProjectConfig(options: FindOptions): string | null {
  for (const folder of foldersUpwards(options)) {
    const file = findIn(folder, SEARCH_PLACES)
    if (file !== null) return file
  }
  return null
}

/** The person's own file: `$XDG_CONFIG_HOME/mcpctl/config.*`, by default below ~/.config. */
export function findUserConfig(options: FindOptions): string | null {
  return findIn(userConfigFolder(options), USER_PLACES)
}

/** Where servers that were added at run time, and switches, are kept: `state/runtime.json` in MCP_HOME. There is no such file without any. */
export function runtimeFile(options: FindOptions): string {
  const userHome = homeOf(options)
  const stated = options.env['MCP_HOME']?.trim()
  return join(resolve(expandTilde(stated || join(userHome, '.mcp'), userHome)), 'state', 'runtime.json')
}

export function hasRuntimeChanges(options: FindOptions): boolean {
  return isFile(runtimeFile(options))
}

function userConfigFolder(options: FindOptions): string {
  const configHome = options.env['XDG_CONFIG_HOME']
  // The XDG base directory specification: a relative path is to be ignored.
  return join(configHome?.startsWith('/') === true ? configHome : join(homeOf(options), '.config'), 'mcpctl')
}

export function homeOf({ home, env }: FindOptions): string {
  return resolve(home ?? (env['HOME'] || homedir()))
}

/** The working folder and those above it; the last one is the home folder or the root. */
export function foldersUpwards(options: FindOptions): string[] {
  const home = homeOf(options)
  const folders: string[] = []
  let folder = resolve(options.cwd)
  for (;;) {
    folders.push(folder)
    const above = dirname(folder)
    if (folder === home || above === folder) return folders
    folder = above
  }
}

/** The first of the places that exists in the folder and is not a folder itself, readable or not. */
export function findIn(folder: string, places: readonly string[]): string | null {
  return places.map((place) => join(folder, place)).find(isFile) ?? null
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false
  } catch {
    // Inside a folder that may not be entered: it cannot be known, so nothing is there for us.
    return false
  }
}
