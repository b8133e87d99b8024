import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { identify, isPid, type ProcessIdentity } from './identity.js'
import { toLaunchError } from './launch-error.js'
import { MARKER_VARIABLE } from './marker.js'
import { forgetChild, noteChild } from './own-children.js'
import { hasProc } from './proc.js'
import type { ResolvedLaunch } from './resolve-launch.js'

/** Exactly one of the two is set. */
export interface ExitStatus {
  readonly code: number | null
  readonly signal: string | null
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

/**
 * Starts a process in its own session, with pipes for stdin, stdout and stderr and the marker in its environment.
 * Resolves in the same turn of the event loop, so no output and no exit can be missed.
 * @throws LaunchError (as a rejection) for everything that keeps the process from starting.
 */
export async function spawnChild(options: { readonly launch: ResolvedLaunch; readonly marker: string }): Promise<Child> {
  const { launch, marker } = options
  let child: ChildProcessWithoutNullStreams
  try {
    child = spawn(launch.file, launch.args, {
      cwd: launch.cwd,
      env: { ...launch.env, [MARKER_VARIABLE]: marker },
      detached: true,
      stdio: 'pipe',
      windowsHide: true,
    })
  } catch (error) {
    throw toLaunchError(error, launch.file, launch.cwd)
  }
  if (child.pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve))
    closeStreams(child)
    throw toLaunchError(error, launch.file, launch.cwd)
  }
  noteChild(child.pid, marker)
  return new SpawnedChild(child, child.pid)
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

  constructor(child: ChildProcessWithoutNullStreams, pid: number) {
    this.pid = pid
    // At once: a process that ends within a millisecond is reaped before anything later could look.
    this.identity = hasProc ? identify(pid) : null
    this.stdin = child.stdin
    this.stdout = child.stdout
    this.stderr = child.stderr
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
