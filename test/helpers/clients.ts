import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { BIN, cliEnvironment } from './cli.js'
import type { TestHome } from './home.js'
import { installFolder } from './install.js'
import { ensureNode } from './node-matrix.js'

const folder = fileURLToPath(new URL('../clients', import.meta.url))

/** Installs the clients unless they are installed. Call it in `beforeAll`, with a generous timeout. */
export function ensureClients(): Promise<void> {
  return installFolder(folder)
}

/** The Node for clients that need more than 20; null where there is none. */
export function newNode(): Promise<string | null> {
  return ensureNode(24)
}

/** A file of an installed client, or of this folder. */
export function clientFile(path: string): string {
  return `${folder}/${path}`
}

/** The pinned versions, by package. */
export const CLIENT_VERSIONS = (JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { dependencies: Record<string, string> }).dependencies

/** Where a client comes in: what stands in its configuration. */
export type Entry =
  | { readonly type: 'stdio'; readonly command: string; readonly args: readonly string[] }
  | { readonly type: 'http'; readonly url: string }

/** `mcpctl proxy` as a client starts it. */
export const PROXY: Entry = { type: 'stdio', command: process.execPath, args: [BIN, 'proxy'] }

/** Runs a client's command line to its end, in the home's project and environment, and returns its stdout. Rejects with everything it said. */
export async function runClient(node: string, args: readonly string[], home: TestHome, env: Record<string, string> = {}): Promise<string> {
  const result = await execa(node, args, { cwd: home.project, env: clientEnvironment(home, env), extendEnv: false, stdin: 'ignore', timeout: 60_000, killSignal: 'SIGKILL', reject: false })
  if (result.exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${result.exitCode}\n--- stdout\n${result.stdout}\n--- stderr\n${result.stderr}`)
  return result.stdout
}

/** What a client gets: the home is its HOME, so nothing of the person who runs the tests is read or written. */
export function clientEnvironment(home: TestHome, env: Record<string, string> = {}): Record<string, string> {
  return cliEnvironment(home, { MCPORTER_DAEMON: '0', MCP_REMOTE_CONFIG_DIR: `${home.base}/mcp-remote`, MCP_CATALOG_PATH: `${home.base}/catalog.json`, ...env })
}
