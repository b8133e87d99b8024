// What the suite is pointed at: the fixture itself, or mcpctl in front of it.
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../../scripts/free-port.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = path.join(root, 'test', 'fixtures', 'conformance', 'server.mjs')
const START_MS = 30_000

/** The fixture's own HTTP face. The caller stops it. */
export async function startFixture(era) {
  const child = spawn(process.execPath, [fixture, '--http', '0', '--era', era], { stdio: ['ignore', 'ignore', 'pipe'] })
  const port = await new Promise((resolve, reject) => {
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
      const match = /listening (\d+)/.exec(said)
      if (match) resolve(match[1])
    })
    child.once('exit', (code) => { reject(new Error(`the fixture ended with ${code}: ${said}`)) })
  })
  const stop = async () => {
    const gone = new Promise((resolve) => { child.once('exit', resolve) })
    if (child.exitCode === null && child.kill()) await gone
  }
  return { url: `http://127.0.0.1:${port}/mcp`, stop }
}

/** The servers of the run: the fixture in both eras, near and far, in the ways a server can be shared. */
const serversFor = (remote) => {
  const stdio = (era, fields) => ({ command: process.execPath, args: [fixture, '--era', era], ...fields })
  return {
    legacy: stdio('legacy', { isolation: 'per-session' }),
    // Its clients are unknown when it starts, so the configuration says what they can do.
    'legacy-shared': stdio('legacy', { clientAbilities: ['sampling', 'elicitation'], roots: ['.'] }),
    'legacy-http': { url: remote.legacy, isolation: 'per-session' },
    modern: stdio('modern'),
    'modern-too': stdio('modern'),
    'modern-http': { url: remote.modern },
  }
}

/**
 * Starts the built CLI's daemon with all servers of the fixture behind one HTTP port; `remote` has the URLs of those
 * that run already. `home` (a folder) holds everything it writes; without one a temporary folder is made, and removed by
 * `stop`.
 */
export async function startMcpctl(remote, home) {
  const folder = home ?? fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-conformance-'))
  const config = path.join(folder, 'mcp.config.json')
  const port = await freePort()
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(config, JSON.stringify({ servers: serversFor(remote), gateway: { port, prefix: 'none' } }, null, 2))
  const kept = Object.entries(process.env).filter(([name]) => !/^(MCP_|MCPCTL_|VITEST|NODE_OPTIONS$)/.test(name))
  const env = { ...Object.fromEntries(kept), MCP_HOME: path.join(folder, 'home') }
  const mcpctl = (...args) => promisify(execFile)(process.execPath, [path.join(root, 'bin', 'run.js'), ...args], { cwd: folder, env, timeout: START_MS })
  const stop = async () => {
    try {
      await mcpctl('stop')
    } finally {
      if (home === undefined) fs.rmSync(folder, { recursive: true, force: true })
    }
  }
  try {
    await mcpctl('start', '--config', config)
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
  return { urlOf: (server) => `http://127.0.0.1:${port}/mcp/${server}`, stop }
}
