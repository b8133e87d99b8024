import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { connectControl, VERSION } from '../../src/lib/control/index.js'
import type { DaemonSnapshot, InstanceEnd, ServerSnapshot, Snapshot } from '../../src/lib/core/index.js'
import { readLogs, type LogLine } from '../../src/lib/logs/index.js'
import { run, type CliResult } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { alive } from '../helpers/proc.js'
import { logsHere, statusHere, stopHere } from '../helpers/verbs.js'
import { waitFor, type WaitOptions } from '../helpers/wait.js'

const SERVERS = fileURLToPath(new URL('../fixtures/servers/', import.meta.url))

export interface ServerEntry {
  readonly command: string
  readonly args: string[]
}

/** A configuration entry for a file of test/fixtures/servers. */
export function fixture(file: string, ...args: string[]): ServerEntry {
  return { command: file.endsWith('.sh') ? '/bin/sh' : process.execPath, args: [`${SERVERS}${file}`, ...args] }
}

/** The same server, which begins to start only once `gate` exists: for what has to be seen before it is ready. */
export function gated({ command, args }: ServerEntry, gate: string): ServerEntry {
  return { command: '/bin/sh', args: ['-c', 'until [ -e "$0" ]; do sleep 0.05; done; exec "$@"', gate, command, ...args] }
}

/** Such a server of both eras, with what lets it in. */
export function behindGate(home: TestHome, name: string): { readonly entry: ServerEntry; readonly open: () => void } {
  const gate = join(home.base, `${name}.open`)
  return { entry: gated(fixture('mcp-dual.mjs'), gate), open: () => writeFileSync(gate, '') }
}

/**
 * A fresh home for each test of the file. Afterwards everything is stopped, and the test fails when that is not possible
 * or when a process, a socket or a PID file is left all the same.
 */
export function useHome(): () => TestHome {
  let home: TestHome | undefined
  beforeEach(() => {
    home = createHome()
  })
  afterEach(async () => {
    const own = home
    home = undefined
    if (own !== undefined) await endHome(own)
  })
  return () => {
    if (home === undefined) throw new Error('there is a home only inside a test')
    return home
  }
}

/** One home for all tests of the surrounding block, looked after as that of `useHome`. `prepare` is called once, before the first. */
export function useHomeOnce(prepare: (home: TestHome) => Promise<unknown>): () => TestHome {
  let home: TestHome | undefined
  beforeAll(async () => {
    home = createHome()
    await prepare(home)
  })
  afterAll(async () => {
    if (home !== undefined) await endHome(home)
  })
  return () => {
    if (home === undefined) throw new Error('there is a home only inside a test')
    return home
  }
}

/** Stops everything and removes the home. Throws when that is not possible, or when anything is left all the same. */
export async function endHome(home: TestHome): Promise<void> {
  const troubles = [await stopAll(home).catch(String), await home.cleanup().catch(String)].filter((trouble) => trouble !== undefined)
  if (troubles.length > 0) throw new Error(troubles.join('\nand '))
}

/** Stops everything. Where there is no daemon, the whole of it would have to be loaded here to look after what it left: the command has it at hand. */
export async function stopAll(home: TestHome): Promise<void> {
  // What a killed proxy was starting goes on by itself, and would have a daemon again after the stop.
  await waitFor(() => !home.leftovers().some((line) => line.includes('bin/run.js start --resume')), { pollMs: 25, what: 'the start of a killed proxy to end' })
  if (home.leftovers().length === 0) return
  if ((await look(home)) !== null) return stopHere(home)
  const stopped = await run(['stop'], { home, cwd: home.base, deadlineMs: 60_000 })
  expect(stopped.exitCode, stopped.stderr).toBe(0)
}

/** Everything the daemon knows, asked directly: cheaper than a command while something is waited for. Null: no daemon. */
export async function look(home: TestHome): Promise<Snapshot | null> {
  const client = await connectControl(home.paths, VERSION)
  if (client === null) return null
  try {
    return await client.request('snapshot', { names: null, detail: false })
  } finally {
    client.close()
  }
}

/** One server now; throws when there is none of that name. */
export async function serverOf(home: TestHome, name: string): Promise<ServerSnapshot> {
  const snapshot = await look(home)
  const server = snapshot?.servers.find((candidate) => candidate.name === name)
  if (!server) throw new Error(`no server ${name} in ${JSON.stringify(snapshot)}`)
  return server
}

/** Waits until a server is as wanted, and gives it. */
export async function untilServer(home: TestHome, name: string, wanted: (server: ServerSnapshot) => boolean, options: WaitOptions = {}): Promise<ServerSnapshot> {
  return waitFor(
    async () => {
      const server = await serverOf(home, name)
      if (wanted(server)) return server
      throw new Error(`${name} is ${JSON.stringify(server)}`)
    },
    { timeoutMs: 25_000, pollMs: 25, what: `${name} to be such that ${wanted.toString()}`, ...options },
  )
}

/** Follows a server from now on. `end` gives all its states, oldest first: also those that were over before anybody looked. */
export async function followChanges(home: TestHome, name: string): Promise<{ end: () => Promise<readonly ServerSnapshot[]> }> {
  const client = await connectControl(home.paths, VERSION)
  if (client === null) throw new Error('the daemon does not run')
  const changes: ServerSnapshot[] = []
  await new Promise<void>((begun, failed) => {
    client.subscribe((event) => {
      if (event.type === 'server' && event.server.name === name) changes.push(event.server)
      if (event.type === 'snapshot') begun()
    }).catch(failed)
  })
  return {
    async end() {
      // What was said until now is through when this is answered.
      await client.request('snapshot', { names: null, detail: false })
      client.close()
      return changes
    },
  }
}

/** The pid of a server's process; throws when it has none. */
export async function pidOf(home: TestHome, name: string): Promise<number> {
  const { pid } = await serverOf(home, name)
  if (pid === null) throw new Error(`${name} has no process`)
  return pid
}

export interface StatusDocument {
  readonly schemaVersion: number
  readonly daemon: DaemonSnapshot | null
  readonly servers: readonly ServerSnapshot[]
}

/** What `status --json` says. */
export async function statusOf(home: TestHome): Promise<StatusDocument> {
  return (await statusHere(home)) as unknown as StatusDocument
}

export interface JsonLogLine {
  readonly time: string
  readonly name: string
  readonly generation: number
  readonly stream: 'out' | 'err' | 'mark'
  readonly text: string
}

/** The daemon gathers lines for a third of this before it writes them. */
const WRITTEN_MS = 150
/** For a server that never ceases to talk. */
const MOST_READS = 20

/** The whole log of a server as `logs NAME --tail all --json` has it, when what has happened so far is written. */
export async function logOf(home: TestHome, name: string): Promise<JsonLogLine[]> {
  for (let reads = 1, known = -1; ; reads++) {
    const lines = (await logsHere(home, name)) as JsonLogLine[]
    if (lines.length === known || reads === MOST_READS) return lines
    known = lines.length
    await delay(WRITTEN_MS)
  }
}

/** A server's log as it stands in the file now, without a command: what is quite new may still be missing. */
export function readLog(home: TestHome, name: string): Promise<LogLine[]> {
  return readLogs({ directory: home.paths.logs, names: [name] })
}

/** Waits until a line is in a server's log, and gives it. */
export function untilLogged(home: TestHome, name: string, wanted: (line: LogLine) => boolean): Promise<LogLine> {
  return waitFor(
    async () => {
      const lines = await readLog(home, name)
      const found = lines.find(wanted)
      if (found) return found
      throw new Error(`the log of ${name} ends with ${JSON.stringify(lines.slice(-5))}`)
    },
    { timeoutMs: 25_000, pollMs: 25, what: `a line such that ${wanted.toString()}` },
  )
}

/** How one instance of a server ended, as `status NAME` tells it; throws when the daemon remembers no such end. */
export async function endOf(home: TestHome, name: string, generation: number): Promise<InstanceEnd> {
  const client = await connectControl(home.paths, VERSION)
  if (client === null) throw new Error('no daemon runs')
  try {
    const { details } = await client.request('snapshot', { names: [name], detail: true })
    const ends = details?.[0]?.ends ?? []
    const end = ends.find((each) => each.generation === generation)
    if (end) return end
    throw new Error(`no end of generation ${generation} of ${name} in ${JSON.stringify(ends)}`)
  } finally {
    client.close()
  }
}

/** The pids a server was started with, oldest first, as its log has them. */
export async function startsOf(home: TestHome, name: string): Promise<number[]> {
  const lines = await logOf(home, name)
  return lines.flatMap((line) => (line.stream === 'mark' && line.text.startsWith('started, pid ') ? [Number(line.text.slice('started, pid '.length))] : []))
}

export interface DaemonFacts {
  readonly pid: number
  readonly watchdogPid: number
}

/** What the running daemon wrote down about itself. */
export function daemonFacts(home: TestHome): DaemonFacts {
  return JSON.parse(readFileSync(home.paths.daemonFile, 'utf8')) as DaemonFacts
}

/** Processes of this home that are alive right now, one line each; files do not count. */
export function processesLeft(home: TestHome): string[] {
  return home.leftovers().filter((line) => line.startsWith('process'))
}

/** Kills one process. Never 0 or a negative number: those would be groups, this test's own among them. */
export function kill(pid: number | null | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid == null || !Number.isInteger(pid) || pid <= 1) throw new Error(`${pid} is not a process to kill`)
  process.kill(pid, signal)
}

export function untilGone(pid: number, timeoutMs = 20_000): Promise<unknown> {
  return waitFor(() => !alive(pid), { timeoutMs, what: `process ${pid} to be gone` })
}

/** The error of a command that was run with --json. */
export function errorOf(result: CliResult): { code: string; message: string; hint?: string; details: Record<string, unknown> } {
  const document = result.json()
  expect(document['schemaVersion']).toBe(1)
  return document['error'] as ReturnType<typeof errorOf>
}
