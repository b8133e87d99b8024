import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { foldersUpwards, homeOf, isRecord } from '../config/index.js'
import { CLIENTS, type ClientId } from './client.js'

/** Where a list of servers may stand. */
export interface Place {
  readonly client: ClientId
  /** `user`: for everything the person does; `project`: shared with a project's files; `local`: one person, one project. */
  readonly scope: 'user' | 'project' | 'local'
  readonly file: string
  /** The way to the list inside the file. */
  readonly path: readonly string[]
  /** The project the servers belong to; null: to none. */
  readonly project: string | null
}

export interface PlaceOptions {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** Default: this one. */
  readonly platform?: NodeJS.Platform
}

const PROJECT_FILES: readonly (readonly [ClientId, string])[] = [
  ['cursor', '.cursor/mcp.json'], ['claude-code', '.mcp.json'], ['codex', '.codex/config.toml'],
  ['vscode', '.vscode/mcp.json'], ['zed', '.zed/settings.json'], ['gemini', '.gemini/settings.json'],
]

/** The files a person's clients read wherever they work, whether they exist or not; a client's main one first. */
export function userPlaces(options: PlaceOptions): Place[] {
  const { env, platform = process.platform } = options
  const home = personalHome(options)
  const data = applicationData(home, env, platform)
  const zed = platform === 'darwin' ? join(home, '.config/zed') : join(data, platform === 'win32' ? 'Zed' : 'zed')
  const files: readonly (readonly [ClientId, string])[] = [
    ['cursor', join(home, '.cursor/mcp.json')],
    ['claude-code', join(folderFrom(env['CLAUDE_CONFIG_DIR'], home), '.claude.json')],
    ['claude-desktop', join(data, 'Claude/claude_desktop_config.json')],
    ['codex', join(folderFrom(env['CODEX_HOME'], join(home, '.codex')), 'config.toml')],
    ['windsurf', join(home, '.codeium/windsurf/mcp_config.json')],
    ['windsurf', join(home, '.codeium/mcp_config.json')],
    ['vscode', join(data, 'Code/User/mcp.json')],
    ['vscode', join(data, 'Code - Insiders/User/mcp.json')],
    ['zed', join(zed, 'settings.json')],
    ['gemini', join(home, '.gemini/settings.json')],
  ]
  return files.map(([client, file]) => ({ client, scope: 'user', file, path: [CLIENTS[client].rootKey], project: null }))
}

/** The clients' files of the project around the working folder: of each, the nearest one upwards that exists. */
export function projectPlaces(options: PlaceOptions): Place[] {
  const home = personalHome(options)
  const folders = foldersUpwards({ cwd: options.cwd, env: options.env, home })
  return PROJECT_FILES.flatMap(([client, name]): Place[] => {
    // What lies in the home folder is a person's own file; only .mcp.json is none.
    const project = folders.find((folder) => (folder !== home || name === '.mcp.json') && existsSync(join(folder, name)))
    return project === undefined ? [] : [{ client, scope: 'project', file: join(project, name), path: [CLIENTS[client].rootKey], project }]
  })
}

/** Claude Code keeps servers of one person for one project in the person's file, by the project's folder. */
export function localPlaces(file: string, data: unknown): Place[] {
  const projects = isRecord(data) ? data['projects'] : undefined
  return Object.entries(isRecord(projects) ? projects : {}).flatMap(([project, settings]): Place[] => {
    const servers = isRecord(settings) ? settings['mcpServers'] : undefined
    if (!isRecord(servers) || Object.keys(servers).length === 0) return []
    return [{ client: 'claude-code', scope: 'local', file, path: ['projects', project, 'mcpServers'], project }]
  })
}

/** Whether work in `cwd` is work in that project. */
export function isInside(cwd: string, project: string): boolean {
  let folder = resolve(cwd)
  const wanted = resolve(project)
  for (;;) {
    if (folder === wanted) return true
    const above = dirname(folder)
    if (above === folder) return false
    folder = above
  }
}

/** How a place is called in a sentence. */
export function describePlace({ client, scope, file }: Place): string {
  const title = client === 'vscode' && file.includes('Code - Insiders') ? 'VS Code Insiders' : CLIENTS[client].title
  return scope === 'user' ? title : `${title} (${scope})`
}

export function personalHome({ env, cwd }: PlaceOptions): string {
  return homeOf({ env, cwd, home: env['HOME'] || env['USERPROFILE'] || homedir() })
}

function applicationData(home: string, env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'darwin') return join(home, 'Library/Application Support')
  if (platform === 'win32') return env['APPDATA'] || join(home, 'AppData/Roaming')
  return folderFrom(env['XDG_CONFIG_HOME'], join(home, '.config'))
}

function folderFrom(stated: string | undefined, fallback: string): string {
  return stated !== undefined && isAbsolute(stated) ? stated : fallback
}
