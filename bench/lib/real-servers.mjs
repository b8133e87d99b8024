// The ten real servers of test/real-servers, for the benches.
import fs from 'node:fs'
import path from 'node:path'
import { ensureInstalled, root } from '../../scripts/install.mjs'

const here = path.join(root, 'test', 'real-servers')

/** [{ name, command, args, env }], installed first if necessary; what they write goes into `folder`. */
export async function realServers(folder) {
  await ensureInstalled(here)
  const { ten, servers } = JSON.parse(fs.readFileSync(path.join(here, 'servers.json'), 'utf8'))
  const values = { node: process.execPath, root: path.join(root, 'node_modules'), here: path.join(here, 'node_modules'), folder }
  const expand = (text) => text.replace(/\{(\w+)\}/g, (whole, word) => values[word] ?? whole)
  return ten.map((name) => {
    const { command, args, env = {} } = servers[name]
    return { name, command: expand(command), args: args.map(expand), env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, expand(value)])) }
  })
}
