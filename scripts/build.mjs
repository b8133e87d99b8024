// Compiles src to dist and writes oclif.manifest.json.   node scripts/build.mjs [--clean]
//   --clean  empty dist first
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root, run } from './install.mjs'

const dist = path.join(root, 'dist')
const stamp = path.join(dist, '.built')

/** Whether dist was built by this script from the sources as they are now. */
export function isBuilt() {
  try {
    return fs.readFileSync(stamp, 'utf8') === fingerprint()
  } catch {
    return false
  }
}

/** Compiles; throws when the compiler finds an error. Leaves no output of a source that is gone: the CLI finds its commands by looking. */
export async function build({ clean = false } = {}) {
  const before = fingerprint()
  if (clean) fs.rmSync(dist, { recursive: true, force: true })
  fs.rmSync(stamp, { force: true })
  const compiler = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
  const status = await run(process.execPath, [compiler, '-p', root])
  if (status !== 0) throw new Error(`the build failed: tsc ended with exit status ${status}`)
  prune()
  await bundle()
  const entry = path.join(root, 'bin', 'run.js')
  if (fs.existsSync(entry)) fs.chmodSync(entry, 0o755)
  await writeManifest()
  fs.writeFileSync(stamp, before)
}

/**
 * The two programs whose start is waited for, each in a few files instead of eighty: loading a module file costs about
 * a millisecond. The folders keep the distance of dist/lib/ROOM to the package's root. Packages stay outside.
 */
async function bundle() {
  const { rolldown } = await import('rolldown')
  const output = path.join(dist, 'bundle')
  fs.rmSync(output, { recursive: true, force: true })
  const bundled = await rolldown({
    input: { 'command/main': path.join(dist, 'lib/verbs/quick.js'), 'daemon/main': path.join(dist, 'lib/daemon/main.js') },
    platform: 'node',
    external: (id) => /^[^./]/.test(id) && !path.isAbsolute(id),
    // None of our modules does anything by being loaded, so each command gets only what it uses.
    treeshake: { moduleSideEffects: (id) => id.includes('node_modules') },
    logLevel: 'warn',
    checks: { ineffectiveDynamicImport: false },
  })
  try {
    await bundled.write({ dir: output, format: 'cjs', entryFileNames: '[name].js', chunkFileNames: 'chunk/[name]-[hash].js',
      // What nearly every command needs, in one file; what only one of them needs stays apart.
      codeSplitting: { groups: [{ name: 'common', test: /[\\/]lib[\\/](base|errors|control|cli)[\\/]|[\\/]verbs[\\/](quick|registry|names|configured|watch|start|start-view|status|status-table|stop)\.js$/ }] },
    })
  } finally {
    await bundled.close()
  }
  // Node starts about a tenth faster without its loader for ES modules.
  fs.writeFileSync(path.join(output, 'package.json'), '{ "type": "commonjs" }\n')
}

function fingerprint() {
  const hash = createHash('sha256')
  for (const file of [path.join(root, 'tsconfig.json'), path.join(root, 'package-lock.json'), ...filesBelow(path.join(root, 'src'))]) {
    const { mtimeMs, size } = fs.statSync(file)
    hash.update(`${path.relative(root, file)} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex')
}

function filesBelow(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
}

function prune() {
  for (const file of filesBelow(dist)) {
    const relative = path.relative(dist, file)
    const match = relative.startsWith('bundle') ? null : /^(.*)\.(?:js|d\.ts)$/.exec(relative)
    if (match && !fs.existsSync(path.join(root, 'src', `${match[1]}.ts`))) fs.rmSync(file)
  }
}

/** Without it oclif loads every command to learn what there is, which takes as long as all the rest. */
async function writeManifest() {
  const { Plugin } = await import('@oclif/core')
  const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true })
  await plugin.load()
  if (!plugin.valid || plugin.commandIDs.length === 0) throw new Error('no command was found to write into oclif.manifest.json')
  fs.writeFileSync(path.join(root, 'oclif.manifest.json'), `${JSON.stringify(plugin.manifest, null, 2)}\n`)
}

if (process.argv[1] && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  const known = new Set(['--clean'])
  const unknown = process.argv.slice(2).filter((word) => !known.has(word))
  try {
    if (unknown.length > 0) throw new Error(`build knows --clean, not ${unknown.join(' ')}`)
    await build({ clean: process.argv.includes('--clean') })
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
