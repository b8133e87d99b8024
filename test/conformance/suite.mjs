// The official suite as a function: run it, read what it wrote, count.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const modules = path.join(here, 'node_modules')
const suite = path.join(modules, '@modelcontextprotocol', 'conformance')
const RUN_MS = 240_000

/** A Node the suite runs on (22 or newer): the running one, or one of test/node-matrix. Null when there is none for this system, or it is not installed. */
export function suiteNode() {
  if (Number.parseInt(process.versions.node, 10) >= 22) return process.execPath
  const other = path.join(here, '..', 'node-matrix', 'node_modules', 'node-24', 'bin', 'node')
  return fs.existsSync(other) ? other : null
}

/**
 * Runs `conformance MODE ARGS` and resolves with the checks of each scenario. A failing check
 * is a result; rejects only when the suite itself could not run.
 */
export async function runSuite(mode, args, folder) {
  const node = suiteNode()
  if (node === null) throw new Error('the suite needs Node 22 or newer, and there is none for this system; npm ci --prefix test/node-matrix installs one')
  fs.rmSync(folder, { recursive: true, force: true })
  const said = await run(node, [path.join(suite, 'dist', 'index.js'), mode, ...args, '-o', folder])
  const results = readResults(folder, mode)
  if (Object.keys(results).length === 0) throw new Error(`the suite left no results in ${folder}:\n${said}`)
  return results
}

/** Resolves with what it said. The exit status says no more than the checks do. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_MS, killSignal: 'SIGKILL' })
    const said = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said.push(chunk) })
    child.once('error', reject)
    child.once('close', (_code, signal) => {
      const text = Buffer.concat(said).toString('utf8')
      if (signal === null) resolve(text)
      else reject(new Error(`the suite was ended by ${signal}:\n${text.slice(-4000)}`))
    })
  })
}

/** Scenario name to its checks, in the order they were made: `{ id, status, message }`. */
export function readResults(folder, mode) {
  if (!fs.existsSync(folder)) return {}
  const found = {}
  for (const file of walk(folder)) {
    const name = path.relative(folder, path.dirname(file)).split(path.sep).join('/')
    const scenario = name.replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/, '').replace(mode === 'server' ? /^server-/ : /^client-/, '')
    found[scenario] = JSON.parse(fs.readFileSync(file, 'utf8')).map(({ id, status, errorMessage }) => ({ id, status, message: errorMessage ?? null }))
  }
  return found
}

function walk(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name === 'checks.json')
    .map((entry) => path.join(entry.parentPath, entry.name))
}

/** The scenarios a revision requires, from the suite's own frozen list. */
export function requiredScenarios(mode, revision) {
  const lines = fs.readFileSync(path.join(suite, 'requirements', `${revision}.yaml`), 'utf8').split('\n')
  const start = lines.indexOf(`${mode}:`)
  if (start < 0) throw new Error(`the suite has no ${mode} requirements for ${revision}`)
  const end = lines.findIndex((line, at) => at > start && /^\S/.test(line) && !line.startsWith('#'))
  return lines.slice(start + 1, end < 0 ? undefined : end).flatMap((line) => /^\s+- (\S+)/.exec(line)?.[1] ?? [])
}

/** A scenario holds when it made checks and none of them failed or warned. */
export const holds = (checks) => checks !== undefined && checks.length > 0 && !checks.some(({ status }) => status === 'FAILURE' || status === 'WARNING')

export function summarise(results, required) {
  const checks = Object.values(results).flat()
  const count = (status) => checks.filter((check) => check.status === status).length
  return {
    scored: { passed: required.filter((name) => holds(results[name])).length, total: required.length },
    checks: { passed: count('SUCCESS'), failed: count('FAILURE'), warnings: count('WARNING') },
    failingRequired: required.filter((name) => !holds(results[name])),
  }
}
