import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, isBuilt } from '../../scripts/build.mjs'
import { ensureInstalled, root } from '../../scripts/install.mjs'
import { runTool } from './tools.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const DISK_MIB = 640

/**
 * The second disk of the guest, made anew for each run: this node, the built package with the dependencies its users
 * get, the servers of the tests, the cases. The guest writes its results to it.
 */
export async function makePayload(scratch, plan, say) {
  await ensureInstalled(root)
  if (!isBuilt()) {
    say('building')
    await build()
  }
  const tree = path.join(scratch, 'payload')
  const product = path.join(tree, 'mcpctl')
  fs.mkdirSync(product, { recursive: true })
  fs.copyFileSync(process.execPath, path.join(tree, 'node'))
  fs.chmodSync(path.join(tree, 'node'), 0o755)
  for (const name of ['bin', 'dist', 'package.json']) fs.cpSync(path.join(root, name), path.join(product, name), { recursive: true })
  for (const place of productionPackages()) fs.cpSync(path.join(root, place), path.join(product, place), { recursive: true, filter: (source) => isOwn(place, source) })
  fs.cpSync(path.join(root, 'test/fixtures/servers'), path.join(tree, 'servers'), { recursive: true })
  fs.cpSync(path.join(here, 'inside'), path.join(tree, 'inside'), { recursive: true })
  fs.writeFileSync(path.join(tree, 'plan.json'), JSON.stringify(plan))
  const disk = path.join(scratch, 'payload.ext4')
  await runTool('mke2fs', ['-q', '-t', 'ext4', '-L', 'mcpctl-guest', '-O', '^has_journal', '-E', 'root_owner=0:0', '-d', tree, disk, `${DISK_MIB}M`], { log: path.join(scratch, 'log') })
  fs.rmSync(tree, { recursive: true, force: true })
  return disk
}

/** Where the packages are that are installed with the product. */
function productionPackages() {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  return Object.entries(packages)
    .filter(([place, entry]) => place !== '' && entry.dev !== true && entry.devOptional !== true && fs.existsSync(path.join(root, place)))
    .map(([place]) => place)
}

/** Packages inside of a package are copied as such, if they are needed at all. */
function isOwn(place, source) {
  return !path.relative(path.join(root, place), source).split(path.sep).includes('node_modules')
}
