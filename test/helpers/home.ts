import { existsSync, lstatSync, mkdtempSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { shortHash } from '../../src/lib/base/index.js'
import { resolveHome, type Home } from '../../src/lib/control/index.js'
import { processesCarrying, type ProcessEntry } from './proc.js'
import { waitFor } from './wait.js'

export interface TestHome {
  /** A temporary folder of this test alone; its path marks everything that was started here. */
  readonly base: string
  /** MCP_HOME; not created yet. */
  readonly home: string
  /** The folder to run the CLI in; the configuration goes here. */
  readonly project: string
  /** Every path below MCP_HOME. */
  readonly paths: Home
  /** Writes a file into the project (text as it is, anything else as JSON) and returns its path. */
  write(name: string, content: unknown): string
  /** Writes `mcp.config.json` with these servers and settings and returns its path. */
  config(servers: Record<string, unknown>, settings?: Record<string, unknown>): string
  /** What this home has left behind right now, one line each; empty when all is clean. */
  leftovers(): string[]
  /**
   * Kills the processes that are left, removes the folder, and throws when anything was left: a process, a socket, a PID file.
   * What is just ending gets a moment. `afterEach(() => home.cleanup())` makes the test fail.
   */
  cleanup(): Promise<void>
}

/** How long a process that was told to end may take to be gone, on a machine that has hardly any time for it. */
const ENDING_MS = 10_000

/** A fresh MCP_HOME and project folder; the caller owns them and calls `cleanup`, which waits `endingMs` for what is just ending. */
export function createHome({ endingMs = ENDING_MS }: { readonly endingMs?: number } = {}): TestHome {
  // Short: the socket's path has to fit an address.
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'mcpctl-t-')))
  const home = join(base, 'home')
  const project = join(base, 'project')
  mkdirSync(project)
  const paths = resolveHome({ MCP_HOME: home })
  // What the daemon puts into the environment of every server of this home (MCPCTL_ID), the beginning that never changes.
  const homeMark = `${shortHash(paths.root)}:`
  const left = (): ProcessEntry[] => processesCarrying(base, homeMark)

  const write = (name: string, content: unknown): string => {
    const file = join(project, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`)
    return file
  }
  const leftovers = (): string[] => [...left().map(describe), ...leftFiles(paths).map((file) => `file ${relative(base, file)}`)]

  const cleanup = async (): Promise<void> => {
    try {
      await waitFor(() => leftovers().length === 0, { timeoutMs: endingMs, pollMs: 20 }).catch(() => undefined)
      const found = leftovers()
      await killAll(left)
      if (found.length > 0) throw new Error(`left behind after the test:\n  ${found.join('\n  ')}`)
    } finally {
      rmSync(base, { recursive: true, force: true, maxRetries: 3 })
    }
  }
  return { base, home, project, paths, write, config: (servers, settings = {}) => write('mcp.config.json', { ...settings, servers }), leftovers, cleanup }
}

function describe(entry: ProcessEntry): string {
  return `process ${entry.pid} (parent ${entry.parentPid}): ${entry.commandLine.slice(0, 200)}`
}

/** Sockets, PID files and the daemon's own entry; logs, the lock's name and remembered state may stay. */
function leftFiles(paths: Home): string[] {
  const sockets = list(paths.run).filter((file) => lstatSync(file).isSocket() || file === paths.daemonFile)
  const pidFiles = list(paths.pids)
  return [...new Set([...pidFiles, ...sockets, ...(existsSync(paths.socket) ? [paths.socket] : [])])]
}

function list(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
}

/** Again and again: something that is being killed may have started one more. */
async function killAll(left: () => ProcessEntry[]): Promise<void> {
  await waitFor(
    () => {
      const found = left()
      for (const { pid } of found) kill(pid)
      return found.length === 0
    },
    { timeoutMs: 5000, what: 'the processes of this test to be gone after SIGKILL' },
  )
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Already gone.
  }
}
