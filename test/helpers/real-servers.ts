import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installFolder } from './install.js'

export interface RealServer {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What is special about it. */
  readonly trait: string
}

interface CatalogueEntry {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly native?: boolean
  readonly trait: string
}

interface Catalogue {
  readonly ten: readonly string[]
  readonly servers: Readonly<Record<string, CatalogueEntry>>
}

const here = fileURLToPath(new URL('../real-servers', import.meta.url))
const root = fileURLToPath(new URL('../../node_modules', import.meta.url))
const catalogue = JSON.parse(readFileSync(`${here}/servers.json`, 'utf8')) as Catalogue

/** The compiled servers exist for this system; elsewhere only those that run on Node do. */
export const NATIVE_SERVERS_AVAILABLE = process.platform === 'linux' && process.arch === 'x64'

/** Installs the real servers unless they are installed. Call it in `beforeAll`, with a generous timeout. */
export function ensureRealServers(): Promise<void> {
  return installFolder(here)
}

/** Ten real servers (on linux-x64; six elsewhere). What they write goes into `folder`, which has to exist. */
export function realServers(folder: string): RealServer[] {
  return catalogue.ten.filter((name) => NATIVE_SERVERS_AVAILABLE || catalogue.servers[name]?.native !== true).map((name) => realServer(name, folder))
}

/** One server of test/real-servers/servers.json by name (`fetch` is not among the ten). */
export function realServer(name: string, folder: string): RealServer {
  const entry = catalogue.servers[name]
  if (!entry) throw new Error(`test/real-servers/servers.json has no server ${name}`)
  const values: Record<string, string> = { node: process.execPath, root, here: `${here}/node_modules`, folder }
  const expand = (text: string): string => text.replace(/\{(\w+)\}/g, (whole, word: string) => values[word] ?? whole)
  const args = entry.args.map(expand)
  const missing = [expand(entry.command), ...args].find((word) => word.includes('/node_modules/') && !word.includes(' ') && !existsSync(word))
  if (missing) throw new Error(`${name} is not installed (${missing}): call ensureRealServers() first`)
  const env = Object.fromEntries(Object.entries(entry.env ?? {}).map(([key, value]) => [key, expand(value)]))
  return { name, command: expand(entry.command), args, env, trait: entry.trait }
}

/** The same servers as the `servers` object of a configuration file. */
export function asConfig(servers: readonly RealServer[]): Record<string, { command: string; args: readonly string[]; env: Readonly<Record<string, string>> }> {
  return Object.fromEntries(servers.map(({ name, command, args, env }) => [name, { command, args, env }]))
}
