import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ConfigOrigin, Home } from '../control/index.js'

/** A reload to be run: the configuration is loaded by a command, as if its user had typed it again. */
export interface ReloadOrder {
  readonly source: string
  readonly origin: ConfigOrigin
  readonly home: Home
  /** The servers concerned; absent: all. */
  readonly names?: readonly string[]
  /** Process groups that must not outlive the daemon. */
  readonly groups: ProcessGroups
}

export interface ProcessGroups {
  record(group: number): void
  forget(group: number): void
}

/** What came of it. `summary` and `trouble` are for people. */
export type ReloadOutcome =
  | { readonly type: 'reloaded'; readonly summary: string }
  /** The command has said itself why, to the daemon too. */
  | { readonly type: 'refused'; readonly trouble: string }
  /** It came to no end of its own, or found nobody to tell. */
  | { readonly type: 'failed'; readonly trouble: string }

export type RunReload = (order: ReloadOrder, signal: AbortSignal) => Promise<ReloadOutcome>

const ENTRY = fileURLToPath(new URL('../../../bin/run.js', import.meta.url))
/** A configuration that is code has 10 s by itself; a loop that never yields does not keep them. */
const LIMIT_MS = 60_000
const PIPE_GRACE_MS = 500
const MAX_OUTPUT_BYTES = 256 * 1024
const CONFIG_EXIT = 5

/**
 * Runs `mcpctl reload` for one configuration in a process group of its own, killed after 60 s or when `signal` is
 * aborted. Never rejects.
 */
export const runReload: RunReload = (order, signal) => runCommand(process.execPath, [ENTRY, 'reload', '--config', order.source, '--no-wait', '--json', ...(order.names ?? [])], order, { signal, limitMs: LIMIT_MS })

/** The command of a reload, for `runReload` and its tests. */
export function runCommand(program: string, args: readonly string[], order: ReloadOrder, { signal, limitMs }: { readonly signal: AbortSignal; readonly limitMs: number }): Promise<ReloadOutcome> {
  const { source, origin, home, groups } = order
  return new Promise((resolve) => {
    // References mean the variables of whoever started the servers, the home is this daemon's.
    const env = { ...origin.env, MCP_HOME: home.root, MCP_PID_DIR: home.pids, MCP_LOG_DIR: home.logs, MCPCTL_ID: undefined }
    const cwd = existsSync(origin.cwd) ? origin.cwd : existsSync(dirname(source)) ? dirname(source) : home.root
    const child = spawn(program, [...args], { cwd, env, detached: process.platform !== 'win32', stdio: ['ignore', 'pipe', 'pipe'] })
    const { pid } = child
    if (pid !== undefined) groups.record(pid)
    // Out of descriptors, there are no streams but an error, which nobody may miss.
    child.on('error', () => undefined)
    const stdout = keep(child.stdout)
    const stderr = keep(child.stderr)
    let isLate = false
    let grace: NodeJS.Timeout | undefined
    const end = (): void => killGroup(pid)
    const timer = setTimeout(() => {
      isLate = true
      end()
    }, limitMs)
    signal.addEventListener('abort', end)
    const finish = (outcome: ReloadOutcome): void => {
      clearTimeout(timer)
      clearTimeout(grace)
      signal.removeEventListener('abort', end)
      if (pid !== undefined) groups.forget(pid)
      resolve(outcome)
    }
    const conclude = (status: number | null): void =>
      finish(isLate ? { type: 'failed', trouble: `the configuration did not load within ${limitMs / 1000} s` } : readOutcome(status, stdout(), stderr()))
    child.once('error', (error) => finish({ type: 'failed', trouble: `the configuration could not be loaded anew: ${error.message}` }))
    child.once('exit', (status) => {
      // What it left behind is not wanted, and holds the pipes open; what got away from its group is not waited for.
      end()
      grace = setTimeout(() => conclude(status), PIPE_GRACE_MS)
    })
    child.once('close', conclude)
    // An aborted signal tells nobody again.
    if (signal.aborted) end()
  })
}

function keep(stream: Readable | null | undefined): () => string {
  let text = ''
  if (!stream) return () => text
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < MAX_OUTPUT_BYTES) text += chunk
  })
  stream.on('error', () => undefined)
  return () => text
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function readOutcome(status: number | null, stdout: string, stderr: string): ReloadOutcome {
  const document = asRecord(parseJson(stdout.trim().split('\n').at(-1) ?? ''))
  if (status === 0) return { type: 'reloaded', summary: summarise(document['changes']) }
  const { message } = asRecord(document['error'])
  const said = typeof message === 'string' ? message : stderr.trim().split('\n').slice(-5).join('\n').slice(-2000)
  if (status === CONFIG_EXIT && said !== '') return { type: 'refused', trouble: said }
  return { type: 'failed', trouble: said === '' ? `the command that loads the configuration ended with ${status ?? 'a signal'}` : said }
}

/** "restart a, start b". */
function summarise(changes: unknown): string {
  if (!Array.isArray(changes)) return 'done'
  const list = changes.map(asRecord).filter(({ action }) => action !== 'none')
  return list.length === 0 ? 'nothing changed' : list.map(({ action, name }) => `${String(action)} ${String(name)}`).join(', ')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
