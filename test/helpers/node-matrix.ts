import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installFolder } from './install.js'

const folder = fileURLToPath(new URL('../node-matrix', import.meta.url))

/** The Node lines mcpctl promises to run on. */
export const NODE_MAJORS = [20, 22, 24, 26] as const

/**
 * The path of a Node binary of this major version: the running one when it fits, else one from test/node-matrix,
 * installed on first use (three binaries, 200 MB each). Null where there is none for this system or major.
 * Rejects when the installation fails. Give `beforeAll` five minutes.
 */
export async function ensureNode(major: number): Promise<string | null> {
  if (Number.parseInt(process.versions.node, 10) === major) return process.execPath
  if (process.platform !== 'linux' || process.arch !== 'x64') return null
  if (major === 20 || !NODE_MAJORS.some((known) => known === major)) return null
  await installFolder(folder)
  const binary = `${folder}/node_modules/node-${major}/bin/node`
  if (!existsSync(binary)) throw new Error(`the installation of test/node-matrix left no ${binary}`)
  return binary
}
