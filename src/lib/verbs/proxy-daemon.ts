import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Io } from '../cli/index.js'
import { connectControl, readErrorDocument, resolveHome, VERSION } from '../control/index.js'
import { fromErrorDocument, McpctlError } from '../errors/index.js'

const ENTRY = fileURLToPath(new URL('../../../bin/run.js', import.meta.url))
const MAX_OUTPUT_BYTES = 1024 * 1024

/**
 * Brings the daemon up, gives it the configuration and starts the servers, without waiting for any of them: a `mcpctl
 * start` of its own. What reading a configuration loads would stay in the memory of this process for ever. Rejects
 * with the error that command ends with.
 */
export async function reviveDaemon(io: Io, configPath: string | undefined): Promise<void> {
  const args = ['start', '--resume', '--no-wait', '--json', ...(configPath === undefined ? [] : ['--config', configPath])]
  const { status, output } = await runCommand(args, io)
  if (status === 0) return
  throw readError(output) ?? new McpctlError('DAEMON_START_FAILED', `mcpctl start ended with ${status ?? 'a signal'}`, { hint: 'Run mcpctl start to see why.' })
}

function runCommand(args: readonly string[], { cwd, env, signal }: Io): Promise<{ status: number | null; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [ENTRY, ...args], { cwd, env, signal, stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < MAX_OUTPUT_BYTES) output += text
    })
    child.once('error', fail)
    child.once('close', (status) => done({ status, output }))
  })
}

/** The error document on the last line of the command's output; undefined when there is none. */
function readError(output: string): McpctlError | undefined {
  try {
    const { error } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as { error?: unknown }
    return fromErrorDocument(readErrorDocument(error, 'error'))
  } catch {
    return undefined
  }
}

/** Whether the daemon that runs, if one does, has servers of this configuration file. */
export async function knowsConfig(io: Io, configPath: string): Promise<boolean> {
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) return false
  try {
    const { daemon } = await client.request('snapshot', { names: [], detail: false })
    return daemon.sources.includes(resolve(io.cwd, configPath))
  } finally {
    client.close()
  }
}
