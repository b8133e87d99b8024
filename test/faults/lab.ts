import { expect, test } from 'vitest'
import { shortHash } from '../../src/lib/base/index.js'
import { BIN, cliEnvironment, run, type CliOptions, type CliResult } from '../helpers/cli.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { GatewayRig } from '../e2e/gateway-support.js'
import { daemonFacts, stopAll } from '../e2e/support.js'
import { controlGroups, describeDescriptors, holdingsOf, settledHoldings, type Holdings } from './measure.js'
import { rowOf } from './rows.js'

/** The daemon may hold so many descriptors more than before the fault. */
const DESCRIPTORS_MORE = 2
/** V8 lets garbage gather before it collects: a leak of one fault repeated is far more. */
const MEMORY_MORE_MIB = 35
/** What has just ended gets this long to be gone: connections, buffers. */
const SETTLING_MS = 20_000

/** The whole numbers are run when asked for; the suite makes do with fewer. */
export const isFull = process.env['MCP_FAULTS'] === 'full'

export function scale(full: number, reduced: number): number {
  return isFull ? full : reduced
}

/**
 * A bound on a time, or any figure that other work on this machine makes larger: strict when the whole numbers are run;
 * otherwise so wide that only what is wrong altogether is above it.
 */
export function bound(strict: number, wide: number): number {
  return isFull ? strict : wide
}

export interface FaultOptions {
  /** How much more memory the daemon may hold afterwards, in MiB. */
  readonly memoryMoreMib?: number
  readonly timeoutMs?: number
  /** It mostly waits, so the other waiting rows of its file go on meanwhile. */
  readonly waits?: true
  /** Why it cannot be injected here; null: it can. */
  readonly unless?: string | null
}

/**
 * The test of one row. Its title comes from the table. Besides what the body expects, four things hold after every
 * fault: no process of this home, no control group of ours, the daemon's descriptors and memory as before.
 */
export function fault(id: string, body: (lab: Lab) => Promise<void>, options: FaultOptions = {}): void {
  const { fault: what, expected } = rowOf(id)
  const { memoryMoreMib = MEMORY_MORE_MIB, timeoutMs = 60_000, unless = null } = options
  const define = options.waits === true ? test.concurrent : test
  define(`${id} ${what}: ${expected}`, { timeout: timeoutMs }, async (context) => {
    const meta = context.task.meta as FaultMeta
    meta.fault = id
    if (unless !== null) {
      meta.skipped = unless
      return context.skip(unless)
    }
    const lab = new Lab()
    const notes: string[] = []
    lab.onMeasured = (text) => {
      notes.push(text)
      meta.measured = notes.join('; ')
    }
    const failed = await failureOf(async () => {
      await body(lab)
      await lab.expectNothingKept(memoryMoreMib)
    })
    const failedToEnd = await failureOf(() => lab.end())
    // What went wrong first explains what went wrong later.
    const error = failed ?? failedToEnd
    if (error !== null) throw error
  })
}

async function failureOf(work: () => Promise<unknown>): Promise<Error | null> {
  try {
    await work()
    return null
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** What a test tells the report. */
export interface FaultMeta {
  fault?: string
  measured?: string
  skipped?: string
}

/** A home with a daemon to be hurt. */
export class Lab extends GatewayRig {
  onMeasured: (text: string) => void = () => undefined
  #watched: { pid: number; before: Holdings } | null = null
  readonly #undo: (() => unknown)[] = []
  readonly #undoLast: (() => unknown)[] = []
  readonly #groupsBefore = new Set(controlGroups())

  /** `mcpctl start` with these servers; everything has to get ready. The daemon is watched from then on. */
  override async start(servers: Record<string, unknown>, settings: Record<string, unknown> = {}, args: readonly string[] = []): Promise<void> {
    await super.start(servers, settings, args)
    await this.watch()
  }

  /** Another configuration in place of the one there is, with the same gateway. */
  rewrite(servers: Record<string, unknown>): void {
    this.home.config(servers, { gateway: { port: this.port } })
  }

  /** `mcpctl ARGS`, whatever its exit status. */
  run(args: readonly string[], options: Partial<CliOptions> = {}): Promise<CliResult> {
    return run(args, { home: this.home, ...options })
  }

  /** The daemon that runs now is the one to compare with at the end. */
  async watch(): Promise<number> {
    const { pid } = daemonFacts(this.home)
    this.#watched = { pid, before: await settledHoldings(pid) }
    return pid
  }

  /** What the table of results says beside "passed". */
  measured(text: string): void {
    this.onMeasured(text)
  }

  /** Called at the end, before everything is stopped; the last one first. */
  defer(undo: () => unknown): void {
    this.#undo.push(undo)
  }

  /** Called when everything is stopped, before the home is removed. */
  onGone(undo: () => unknown): void {
    this.#undoLast.push(undo)
  }

  /** A shell that limits itself before it becomes `mcpctl ARGS`. */
  shellCommand(prelude: string, args: readonly string[]): { file: string; args: string[]; env: Record<string, string>; cwd: string } {
    return { file: '/bin/sh', args: ['-c', `${prelude}; exec "$0" "$@"`, process.execPath, BIN, ...args], env: cliEnvironment(this.home), cwd: this.home.project }
  }

  /** The daemon holds no more than before; a daemon that has ended holds nothing. Throws when none was ever watched. */
  async expectNothingKept(memoryMoreMib: number): Promise<void> {
    await this.closeClients()
    if (this.#watched === null) throw new Error('no daemon was watched')
    const { pid, before } = this.#watched
    if (!alive(pid)) return
    const now = await waitFor(
      () => {
        const now = holdingsOf(pid)
        if (now.descriptors <= before.descriptors + DESCRIPTORS_MORE && now.residentMib < before.residentMib + memoryMoreMib) return now
        throw new Error(`before ${JSON.stringify(before)}, now ${JSON.stringify(now)}: ${describeDescriptors(pid)}`)
      },
      { timeoutMs: SETTLING_MS, pollMs: 50, what: `the daemon to hold no more than before (${DESCRIPTORS_MORE} descriptors, ${memoryMoreMib} MiB)` },
    )
    if (process.env['MCP_FAULTS_TRACE'] !== undefined) this.measured(`fds ${before.descriptors} -> ${now.descriptors}, RSS ${before.residentMib.toFixed(0)} -> ${now.residentMib.toFixed(0)}`)
  }

  override async end(): Promise<void> {
    try {
      for (const undo of this.#undo.splice(0).reverse()) await undo()
    } finally {
      await this.#stop()
    }
    await waitFor(() => this.#groupsLeft().length === 0, { timeoutMs: 20_000, what: 'our control groups to be gone' }).catch(() => undefined)
    expect(this.#groupsLeft()).toEqual([])
  }

  async #stop(): Promise<void> {
    await this.closeClients()
    const trouble = await stopAll(this.home).catch((error: unknown) => error as Error)
    for (const undo of this.#undoLast.splice(0).reverse()) await undo()
    await this.home.cleanup()
    if (trouble instanceof Error) throw trouble
  }

  /** New groups that nobody else's daemon explains. */
  #groupsLeft(): string[] {
    return controlGroups().filter((path) => !this.#groupsBefore.has(path) && this.isOwnGroup(path))
  }

  isOwnGroup(path: string): boolean {
    return path.includes(`/mcpctl-${shortHash(this.home.paths.root)}`)
  }
}
