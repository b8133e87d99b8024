// npm run bench -- [WHAT,...] [--c mcpctl,pm2,floor] [--n 10,200] [--k 3] [--harness DIR] [--out FILE]
// WHAT: real-servers, status, health, limits, proxies (options of its own: see proxies.mjs), and the metrics of the supervisor harness (see bench/README.md).
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { bin, option } from './lib/measure.mjs'
import { build, isBuilt } from '../scripts/build.mjs'
import { ensureInstalled, root, run } from '../scripts/install.mjs'

const OWN = ['real-servers', 'status', 'sessions', 'proxies', 'health', 'limits']
const DEFAULT = ['real-servers', 'status', 'start', 'restart', 'stop', 'idle', 'cli']
/** Options of their own. */
const OPTIONS = { proxies: ['c', 'scenarios', 'peers', 'opts', 'proxy-harness'], health: ['n', 'seconds', 'settle', 'interval'] }
const PM2 = '7'

const here = path.join(root, 'bench')
const work = path.join(here, '.work')
const named = process.argv[2] && !process.argv[2].startsWith('--') ? process.argv[2].split(',') : null
const wanted = named ?? DEFAULT
const contestants = option('c', 'mcpctl,pm2,floor')
const harnessSource = path.resolve(option('harness', process.env.BENCH_HARNESS ?? path.join(root, '..', 'shared', 'bench', 'supervisors')))

async function runHarness(metrics) {
  const harness = prepareHarness()
  const env = {
    ...process.env,
    W: compile(harness, 'w'),
    SPAWNER: compile(harness, 'spawner'),
    MCPCTL_BIN: bin,
    EVERYTHING: path.join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'),
    MEMORY_SERVER: path.join(root, 'node_modules/@modelcontextprotocol/server-memory/dist/index.js'),
    // Below the temporary folder: a socket's path has to be short.
    RUNDIR: process.env.RUNDIR ?? path.join(os.tmpdir(), 'mcpctl-bench'),
    ...(/(^|,)pm2/.test(contestants) ? { PM2_BIN: await installPm2() } : {}),
  }
  const rest = ['n', 'k', 'out'].flatMap((name) => {
    const value = option(name, name === 'n' ? '10,200' : name === 'k' ? '3' : '')
    return value ? [`--${name}`, name === 'out' ? path.resolve(value) : value] : []
  })
  return run(process.execPath, [path.join(harness, 'bench.mjs'), metrics.join(','), '--c', contestants, ...rest], { stdio: 'inherit', env })
}

/** A copy of the harness with our adapter among its own: it looks for contestants beside itself. */
function prepareHarness() {
  if (!fs.existsSync(path.join(harnessSource, 'bench.mjs'))) {
    throw new Error(`no supervisor harness at ${harnessSource}: name its folder with --harness or BENCH_HARNESS`)
  }
  const harness = path.join(work, 'harness')
  fs.rmSync(harness, { recursive: true, force: true })
  fs.mkdirSync(work, { recursive: true })
  fs.cpSync(harnessSource, harness, { recursive: true, filter: (source) => path.basename(source) !== 'results' })
  // The original may be read-only, and so would be the copy.
  for (const entry of fs.readdirSync(harness, { recursive: true, withFileTypes: true })) {
    fs.chmodSync(path.join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644)
  }
  fs.chmodSync(harness, 0o755)
  fs.cpSync(path.join(here, 'adapters'), path.join(harness, 'adapters'), { recursive: true })
  return harness
}

function compile(harness, name) {
  const output = path.join(work, 'bin', name)
  fs.mkdirSync(path.dirname(output), { recursive: true })
  execFileSync('gcc', ['-O2', '-o', output, path.join(harness, 'workloads', `${name}.c`)], { stdio: ['ignore', 2, 2] })
  return output
}

async function installPm2() {
  const prefix = path.join(work, 'pm2')
  const entry = path.join(prefix, 'node_modules', 'pm2', 'bin', 'pm2')
  if (!fs.existsSync(entry)) {
    fs.mkdirSync(prefix, { recursive: true })
    const status = await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', `pm2@${PM2}`])
    if (status !== 0) throw new Error(`pm2 could not be installed below ${prefix}; leave it out with --c mcpctl,floor`)
  }
  return entry
}

async function runOwn(name) {
  const rest = ['k', 'out', 'sequential', ...(OPTIONS[name] ?? [])].flatMap((flag) => (option(flag, '') ? [`--${flag}`, option(flag, '')] : []))
  return run(process.execPath, [path.join(here, `${name}.mjs`), ...rest], { stdio: 'inherit' })
}

try {
  await ensureInstalled(root)
  const usesMcpctl = /(^|,)mcpctl/.test(contestants) || wanted.some((word) => OWN.includes(word))
  if (usesMcpctl && !isBuilt()) await build()
  const failed = []
  for (const name of wanted.filter((word) => OWN.includes(word))) if ((await runOwn(name)) !== 0) failed.push(name)
  const metrics = wanted.filter((word) => !OWN.includes(word))
  if (metrics.length > 0 && (await runHarness(metrics)) !== 0) failed.push('harness')
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
