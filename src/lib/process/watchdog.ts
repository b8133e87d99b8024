import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { isPid } from './identity.js'
import { checkMarker } from './marker.js'
import { WATCHDOG_SCRIPT } from './watchdog-script.js'

/** A process of its own that outlives this one, however it ends, and then ends every group recorded and every process marked. */
export interface Watchdog {
  /** 0 when there is none (no shell, or not this system): then onExit tells. */
  readonly pid: number
  /** From now on this process group must not outlive the daemon. */
  record(group: number): void
  /** This group has ended. */
  forget(group: number): void
  /** The daemon ends in order: the watchdog goes without touching anything. */
  dismiss(): void
  /** Called once if the watchdog ends before it was dismissed: start another and record all groups again. */
  onExit(listener: () => void): void
}

/** The shell reads what it is sent at once; more than this unread means it is stopped or broken. */
const LARGEST_BACKLOG_BYTES = 64 * 1024

/**
 * Starts the watchdog: /bin/sh (about 1 MB) in its own session, deaf to signals from the terminal, holding nothing of
 * this process but one end of a socket whose other end closes when this process dies. Its command line and
 * environment name neither marker nor secret. `markerPrefix` should end in a separator.
 * @throws McpctlError INTERNAL when the prefix cannot be a marker. Failing to start is told by onExit.
 */
export function startWatchdog(options: { readonly markerPrefix: string }): Watchdog {
  const prefix = checkMarker(options.markerPrefix)
  const child = spawn('/bin/sh', ['-c', WATCHDOG_SCRIPT], {
    cwd: '/',
    env: { PATH: ['/usr/bin:/bin', process.env['PATH'] ?? '/usr/local/bin'].join(':') },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  return new ShellWatchdog(child, prefix)
}

class ShellWatchdog implements Watchdog {
  readonly pid: number
  readonly #child: ChildProcess
  /** Null when there was no descriptor left for the pipe: then there is no process either. */
  readonly #input: Writable | null
  #ended = false
  #dismissed = false
  #corked = false
  #listener: (() => void) | null = null

  constructor(child: ChildProcess, prefix: string) {
    this.pid = child.pid ?? 0
    this.#child = child
    const input: Writable | null = child.pid === undefined ? null : child.stdin
    this.#input = input
    if (input === null) this.#ended = true
    input?.on('error', () => this.#end())
    child.once('error', () => this.#end())
    child.once('exit', () => this.#end())
    child.unref()
    if (input instanceof Socket) input.unref()
    input?.write(`prefix ${prefix}\n`)
  }

  record(group: number): void {
    if (isPid(group)) this.#send(`+${group}\n`)
  }

  forget(group: number): void {
    if (isPid(group)) this.#send(`-${group}\n`)
  }

  dismiss(): void {
    if (this.#ended || this.#dismissed) return
    this.#dismissed = true
    this.#input?.end('bye\n')
  }

  onExit(listener: () => void): void {
    this.#listener = listener
    if (this.#ended && !this.#dismissed) queueMicrotask(() => this.#tell())
  }

  /** Lines of one turn leave in one write, and still before anything else happens. */
  #send(line: string): void {
    const input = this.#input
    if (this.#ended || this.#dismissed || input === null) return
    if (!this.#corked) {
      this.#corked = true
      input.cork()
      process.nextTick(() => {
        this.#corked = false
        input.uncork()
        if (input.writableLength > LARGEST_BACKLOG_BYTES) this.#giveUp()
      })
    }
    input.write(line)
  }

  /** It must not wake up later and act on an old list: it is killed before its input ends. */
  #giveUp(): void {
    this.#child.kill('SIGKILL')
    this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#input?.destroy()
    if (!this.#dismissed) this.#tell()
  }

  #tell(): void {
    const listener = this.#listener
    this.#listener = null
    listener?.()
  }
}
