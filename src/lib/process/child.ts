import { spawn, type ChildProcess } from 'node:child_process'
import { Readable, type Writable } from 'node:stream'
import type { ExitStatus } from '../core/index.js'
import { hasRoomForProcess } from './descriptors.js'
import { identify, isPid, type ProcessIdentity } from './identity.js'
import { readJoinReport } from './join.js'
import { toLaunchError, type LaunchError } from './launch-error.js'
import { MARKER_VARIABLE } from './marker.js'
import { forgetChild, noteChild } from './own-children.js'
import { hasProc } from './proc.js'
import type { ResolvedLaunch } from './resolve-launch.js'

export type { ExitStatus }

/** A launch through a program that sets up something first and reports on descriptor 3 whether it could. */
export interface LimitedLaunch extends ResolvedLaunch {
  /** Explains a launcher that did not get ready, by what it said and how it ended; null when there is no launcher. */
  readonly explainJoin: ((report: string, exit: ExitStatus | null) => LaunchError) | null
  /** Called before the process is told to end: it must be able to act on that. */
  readonly onWake: () => void
}

/** One running process of ours, leader of its own session and process group. */
export interface Child {
  readonly pid: number
  /** Null where start times cannot be read cheaply (not Linux). */
  readonly identity: ProcessIdentity | null
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: ExitStatus | null
  /** Called once, when the process itself has ended: pipes may still be held open by its children. Called at once if it already has. */
  onExit(listener: (exit: ExitStatus) => void): void
  /** Signals the whole group; false when nothing received it. A stopped group is continued so that it can act on the signal. */
  signalGroup(signal: NodeJS.Signals): boolean
  /** Closes the process's stdin: the polite request to end. */
  endInput(): void
  /** Gives the output pipes 250 ms to run dry, then closes all three. Resolves when they are closed. */
  release(): Promise<void>
}

/** How long a pipe may stay open after its process has ended: a grandchild may hold it for ever. */
const DRAIN_MS = 250
const WAKING: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'])

/** How long a launcher that failed may take to end before its end is no part of the explanation any more. */
const FAILED_EXIT_MS = 1000

/**
 * Starts a process in its own session, with pipes for stdin, stdout and stderr and the marker in its environment.
 * Resolves in the same turn of the event loop; a limited launch, when its launcher is ready. Either way no output and
 * no exit can be missed.
 * @throws LaunchError (as a rejection) for everything that keeps the process from starting; then nothing of it runs.
 */
export async function spawnChild(options: { readonly launch: ResolvedLaunch | LimitedLaunch; readonly marker: string }): Promise<Child> {
  const { launch, marker } = options
  const limited = 'onWake' in launch ? launch : null
  const explainJoin = limited?.explainJoin ?? null
  if (!hasRoomForProcess()) throw toLaunchError(Object.assign(new Error('too many open files'), { code: 'EMFILE' }), launch.file, launch.cwd)
  let child: ChildProcess
  try {
    child = spawn(launch.file, launch.args, {
      cwd: launch.cwd,
      env: { ...launch.env, [MARKER_VARIABLE]: marker },
      detached: true,
      stdio: explainJoin === null ? 'pipe' : ['pipe', 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    })
  } catch (error) {
    throw toLaunchError(error, launch.file, launch.cwd)
  }
  const { pid, stdin, stdout, stderr } = child
  if (pid === undefined || stdin === null || stdout === null || stderr === null) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve))
    closeStreams(child)
    throw toLaunchError(error, launch.file, launch.cwd)
  }
  noteChild(pid, marker)
  const spawned = new SpawnedChild(child, { pid, stdin, stdout, stderr }, limited?.onWake ?? ignore)
  if (explainJoin !== null) await joined(spawned, child.stdio[3], explainJoin)
  return spawned
}

/** At the exit of a process Node reads the pipes that nobody listens to and drops what was in them: a listener holds it. */
async function joined(child: SpawnedChild, report: unknown, explain: NonNullable<LimitedLaunch['explainJoin']>): Promise<void> {
  if (!(report instanceof Readable)) throw explain('', child.exited)
  const outputs = [child.stdout, child.stderr]
  for (const stream of outputs) stream.on('readable', ignore)
  const failure = await readJoinReport(report)
  for (const stream of outputs) stream.off('readable', ignore)
  if (failure === null) return
  const exit = await exitWithin(child, FAILED_EXIT_MS)
  child.signalGroup('SIGKILL')
  await child.release()
  throw explain(failure, exit)
}

function exitWithin(child: Child, limitMs: number): Promise<ExitStatus | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), limitMs)
    child.onExit((exit) => {
      clearTimeout(timer)
      resolve(exit)
    })
  })
}

class SpawnedChild implements Child {
  readonly pid: number
  readonly identity: ProcessIdentity | null
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  exited: ExitStatus | null = null
  #listeners: ((exit: ExitStatus) => void)[] = []
  #released: Promise<void> | null = null
  readonly #onWake: () => void

  constructor(child: ChildProcess, parts: Pick<Child, 'pid' | 'stdin' | 'stdout' | 'stderr'>, onWake: () => void) {
    this.pid = parts.pid
    // At once: a process that ends within a millisecond is reaped before anything later could look.
    this.identity = hasProc ? identify(parts.pid) : null
    this.stdin = parts.stdin
    this.stdout = parts.stdout
    this.stderr = parts.stderr
    this.#onWake = onWake
    // A pipe breaks when its process dies; that is reported as the exit. Without a listener it would end this process.
    for (const stream of child.stdio) stream?.on('error', ignore)
    child.on('error', ignore)
    child.once('exit', (code, signal) => this.#settle({ code, signal }))
  }

  onExit(listener: (exit: ExitStatus) => void): void {
    if (this.exited !== null) listener(this.exited)
    else this.#listeners.push(listener)
  }

  signalGroup(signal: NodeJS.Signals): boolean {
    if (this.exited !== null || !isPid(this.pid)) return false
    const target = process.platform === 'win32' ? this.pid : -this.pid
    if (WAKING.has(signal)) this.#onWake()
    try {
      process.kill(target, signal)
      if (target < 0 && WAKING.has(signal)) process.kill(target, 'SIGCONT')
      return true
    } catch {
      return false
    }
  }

  endInput(): void {
    if (!this.stdin.destroyed) this.stdin.end()
  }

  release(): Promise<void> {
    this.#released ??= this.#closePipes()
    return this.#released
  }

  #settle(exit: ExitStatus): void {
    forgetChild(this.pid)
    this.exited = exit
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(exit)
  }

  async #closePipes(): Promise<void> {
    this.stdin.destroy()
    const outputs = [this.stdout, this.stderr]
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DRAIN_MS)
      timer.unref()
      const check = (): void => {
        if (!outputs.every((stream) => stream.closed)) return
        clearTimeout(timer)
        resolve()
      }
      for (const stream of outputs) stream.once('close', check)
      check()
    })
    for (const stream of outputs) stream.destroy()
  }
}

/** Out of descriptors, Node does not even create the streams its types promise. */
function closeStreams(child: Partial<Pick<ChildProcess, 'stdio'>>): void {
  for (const stream of child.stdio ?? []) stream?.on('error', ignore).destroy()
}

function ignore(): void {
  // Reported elsewhere: the exit of the process says why its pipe broke.
}
