// What the benches of this folder share: figures, a quiet machine, the CLI.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../../scripts/install.mjs'

export const bin = path.join(root, 'bin', 'run.js')

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
}

/** "412 ms (380-460)": median, least and most. */
export function describe(values) {
  return `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)})`
}

export function ratio(values, reference) {
  return Number((median(values) / median(reference)).toFixed(3))
}

/** The value of `--name VALUE` on our command line. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`)
  return at > 0 ? (process.argv[at + 1] ?? fallback) : fallback
}

/** Waits until the other programs of this machine leave most of it alone (Linux; elsewhere does nothing); false: gave up. */
export async function waitQuiet({ limitMs = 60_000, busyShare = 0.15 } = {}) {
  if (process.platform !== 'linux') return true
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    const before = cpuTimes()
    await delay(250)
    const after = cpuTimes()
    if ((after.busy - before.busy) / Math.max(1, after.all - before.all) < busyShare) return true
  }
  return false
}

function cpuTimes() {
  const fields = fs.readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number)
  const all = fields.reduce((sum, ticks) => sum + ticks, 0)
  return { all, busy: all - fields[3] - fields[4] }
}

/** Runs a program to its end; resolves with wall time, exit code and output. */
export function time(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.once('error', reject)
    let elapsedMs = 0
    child.once('exit', () => (elapsedMs = performance.now() - startedAt))
    child.once('close', (code) => resolve({ elapsedMs, code, stdout, stderr }))
  })
}

/** A temporary folder with an MCP_HOME and a configuration of these servers; `remove` ends what runs in it. */
export function createScratch(config) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-b-')))
  const file = path.join(folder, 'mcp.config.json')
  const outer = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MCP_')))
  let homes = 0
  let home = path.join(folder, 'h0')
  const cli = (args, env = {}) => time(process.execPath, [bin, ...args], { cwd: folder, env: { ...outer, ...env, MCP_HOME: home } })
  fs.writeFileSync(file, JSON.stringify(config, null, 2))
  return {
    folder,
    /** Runs the CLI; throws with its output when it ends with anything but 0. */
    async cli(args, env) {
      const result = await cli(args, env)
      if (result.code !== 0) throw new Error(`mcpctl ${args.join(' ')} ended with ${result.code}\n${result.stdout}${result.stderr}`)
      return result
    },
    get home() {
      return home
    },
    /** From now on a home in which nothing ever ran. */
    freshHome() {
      home = path.join(folder, `h${++homes}`)
    },
    async remove() {
      await cli(['stop'])
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}
