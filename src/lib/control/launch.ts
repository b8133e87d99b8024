import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromErrorDocument, McpctlError, type ErrorDocument } from '../errors/index.js'
import { connectControl, type ControlClient } from './client.js'
import { ensureHome, homeUnusable, type Home } from './home.js'
import { VERSION } from './version.js'

const DAEMON_ENTRY = fileURLToPath(new URL('../daemon/main.js', import.meta.url))
/** Longer than this and something is wrong that waiting does not mend. */
const START_LIMIT_MS = 20_000
const POLL_MS = 10
/** So long the daemon (our own, the winner of a race, or one that was leaving) is looked for before another is started. */
const WINNER_WAIT_MS = 400

type LaunchReport = { ready: true } | { lost: true } | { error: ErrorDocument } | { died: string }

/**
 * Connects to the daemon of this home and starts one when there is none. However many commands do this at once,
 * one daemon results: the others' daemons find the lock taken and leave. Throws HOME_UNUSABLE,
 * DAEMON_START_FAILED or DAEMON_UNREACHABLE.
 */
export async function ensureDaemon(home: Home): Promise<ControlClient> {
  const deadline = performance.now() + START_LIMIT_MS
  while (performance.now() < deadline) {
    const running = await connectControl(home, VERSION)
    if (running) return running
    ensureHome(home)
    const report = await launchDaemon(home)
    if ('error' in report) throw fromErrorDocument(report.error)
    if ('died' in report) throw startFailed(home, report.died)
    const client = await connectUntil(home, Math.min(deadline, performance.now() + WINNER_WAIT_MS))
    if (client) return client
  }
  throw new McpctlError('DAEMON_UNREACHABLE', `another daemon holds ${home.root} but does not answer on ${home.socket}`, {
    hint: 'See mcpctl daemon status; if that daemon hangs, end its process and try again.',
    details: { home: home.root, socket: home.socket },
  })
}

async function connectUntil(home: Home, limit: number): Promise<ControlClient | null> {
  for (;;) {
    const client = await connectControl(home, VERSION)
    if (client || performance.now() >= limit) return client
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Starts a detached daemon process and waits for the one line it reports. It outlives this process and its terminal. */
async function launchDaemon(home: Home): Promise<LaunchReport> {
  let log: number
  try {
    log = openSync(home.daemonLog, 'a', 0o600)
  } catch (error) {
    throw homeUnusable(home.daemonLog, error)
  }
  try {
    const child = spawn(process.execPath, [DAEMON_ENTRY], { detached: true, stdio: ['ignore', log, log, 'pipe'], env: daemonEnvironment(), cwd: home.root })
    return await readReport(child)
  } finally {
    closeSync(log)
  }
}

/** A server that runs mcpctl itself must not hand its own mark on: the daemon would count as its leftover. Nor are debugger flags for the daemon. */
function daemonEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, MCPCTL_ID: undefined, NODE_OPTIONS: undefined }
}

function readReport(child: ChildProcess): Promise<LaunchReport> {
  return new Promise((resolve) => {
    const pipe = child.stdio[3]
    let text = ''
    const finish = (report: LaunchReport): void => {
      child.removeAllListeners()
      pipe?.removeAllListeners()
      if (pipe && 'destroy' in pipe) pipe.destroy()
      child.unref()
      resolve(report)
    }
    pipe?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      if (text.includes('\n')) finish(JSON.parse(text.slice(0, text.indexOf('\n'))) as LaunchReport)
    })
    pipe?.on('error', () => undefined)
    child.on('error', (error) => finish({ died: error.message }))
    child.on('exit', (code, signal) => {
      // The report may still be in the pipe.
      setImmediate(() => setImmediate(() => finish({ died: signal ? `killed by ${signal}` : `exit code ${code ?? 0}` })))
    })
  })
}

function startFailed(home: Home, why: string): McpctlError {
  return new McpctlError('DAEMON_START_FAILED', `the daemon ended before it was up (${why})`, {
    hint: `Its last words are in ${home.daemonLog}.`,
    details: { log: home.daemonLog },
  })
}
