import { setTimeout as delay } from 'node:timers/promises'
import { formatDuration } from '../base/index.js'
import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient } from '../control/index.js'
import type { Phase, ServerSnapshot } from '../core/index.js'
import { asMcpctlError, McpctlError } from '../errors/index.js'
import { takersOf, type GroupFacts } from './verify-group-facts.js'
import type { Asked, Asker } from './verify-request.js'
import { Skip } from './verify-skip.js'
import type { Witness } from './verify-witness.js'

/** What happened while the preferred member was away. Times in milliseconds. */
export interface FailoverReport {
  /** Who was taken out. */
  readonly member: string
  /** From the order to stop it until it was ready again. */
  readonly outMs: number
  /** Requests made meanwhile, and how many of them were not answered. */
  readonly requests: number
  readonly failed: number
  /** Why, once each, a few of them. */
  readonly failures: readonly string[]
  /** Who was given those requests. */
  readonly by: Readonly<Record<string, number>>
  /** From ready again until it was given a request; null: it was given none. */
  readonly returnedMs: number | null
  /** It is ready again. */
  readonly restored: boolean
  /** What is not as it should be besides failed requests; null: nothing. */
  readonly trouble: string | null
  readonly summary: string
}

export interface FailoverOptions {
  readonly client: ControlClient
  readonly facts: GroupFacts
  readonly asker: Asker
  readonly witness: Witness
  readonly io: Io
  /** For the member to come back. */
  readonly timeoutMs: number
}

const QUIET_LIMIT_MS = 5_000
const POLL_MS = 25
const GAP_MS = 10
/** It is away for so many requests, or for so long if they are slow, but for a few of them at least. */
const AWAY_REQUESTS = 20
const AWAY_MS = 2_000
const LEAST_REQUESTS = 3
const RETURN_LIMIT_MS = 10_000
const MAX_FAILURES = 3

/**
 * Takes the preferred member out for a moment, makes requests all the while, brings it back and sees that it is used
 * again. It is taken out when it has no calls, and only for as long as this process lives: the daemon brings it back then.
 * Throws Skip when that cannot be done without disturbing anybody, INTERRUPTED after an interruption.
 */
export async function checkFailover(options: FailoverOptions): Promise<FailoverReport> {
  const { client, facts } = options
  const { servers } = await client.request('snapshot', { names: null, detail: false })
  const member = chooseMember(facts, servers)
  await untilQuiet(client, member)
  return new Absence(options, member).run()
}

/** Throws Skip when nobody can be taken out. */
function chooseMember({ members }: GroupFacts, servers: readonly ServerSnapshot[]): string {
  const now = members.flatMap(({ name }) => servers.filter((server) => server.name === name))
  const [chosen] = takersOf(now, true)
  if (chosen === undefined) throw new Skip('no member takes calls')
  const { name } = chosen
  if (takersOf(now.filter((each) => each !== chosen), true).length === 0) throw new Skip(`no other member takes calls: nobody would stand in for ${name}`)
  const needing = servers.filter((server) => server.dependsOn.includes(name) && server.desired === 'up').map((server) => server.name)
  if (needing.length > 0) throw new Skip(`${needing.join(', ')} depends on ${name}`)
  if (chosen.removed || chosen.changed) throw new Skip(`the configuration of ${name} has changed: it would not come back as it is`)
  return name
}

/** What it has under way is for others to wait for. */
async function untilQuiet(client: ControlClient, name: string): Promise<void> {
  for (const deadline = performance.now() + QUIET_LIMIT_MS; ; await delay(POLL_MS)) {
    const { servers } = await client.request('metrics', { names: [name], history: false, tools: false })
    if ((servers[0]?.traffic.inFlight ?? 0) === 0) return
    if (performance.now() > deadline) throw new Skip(`${name} has had calls of clients under way for ${formatDuration(QUIET_LIMIT_MS)}: it was left alone`)
  }
}

/** The time without one member. */
class Absence {
  readonly #options: FailoverOptions
  readonly #member: string
  readonly #asked: Asked[] = []

  constructor(options: FailoverOptions, member: string) {
    this.#options = options
    this.#member = member
  }

  async run(): Promise<FailoverReport> {
    const over = new AbortController()
    const stoppedOn = performance.now()
    let readyOn: number | null = null
    let returnedOn: number | null = null
    const pump = this.#pump(over.signal)
    try {
      await this.#away()
      if (await this.#until(async () => (await this.#phase()) === 'ready', this.#options.timeoutMs)) readyOn = performance.now()
      const from = this.#asked.length
      const isUsed = (): boolean => this.#asked.slice(from).some(({ number }) => this.#options.witness.given(number).includes(this.#member))
      if (readyOn !== null && (await this.#until(isUsed, RETURN_LIMIT_MS))) returnedOn = performance.now()
    } finally {
      over.abort()
      await pump
    }
    if (this.#isInterrupted) throw new McpctlError('INTERRUPTED', `interrupted; ${this.#member} was started again`, { hint: `mcpctl status ${this.#member} shows how it is.` })
    return this.#report({ stoppedOn, readyOn, returnedOn })
  }

  async #away(): Promise<void> {
    const { io, timeoutMs } = this.#options
    // Its end brings the member back, whatever becomes of this process.
    const hold = await connectControl(resolveHome(io.env), VERSION)
    if (hold === null) throw new McpctlError('DAEMON_UNREACHABLE', 'the daemon ended', { hint: 'mcpctl start' })
    let trouble: unknown = null
    hold.request('away', { names: [this.#member] }).catch((error: unknown) => { trouble = error })
    try {
      await this.#until(async () => trouble !== null || (await this.#phase()) === 'idle', timeoutMs)
      if (trouble !== null) throw asMcpctlError(trouble)
      const [from, goneOn] = [this.#asked.length, performance.now()]
      const isEnough = (): boolean => {
        const made = this.#asked.length - from
        return made >= AWAY_REQUESTS || (made >= LEAST_REQUESTS && performance.now() - goneOn > AWAY_MS)
      }
      await this.#until(isEnough, timeoutMs)
    } finally {
      hold.close()
    }
  }

  /** Makes requests one after the other until it is told to end. */
  async #pump(over: AbortSignal): Promise<void> {
    const { asker, facts } = this.#options
    const isSticky = facts.sticky === 'session'
    while (!over.aborted && !this.#isInterrupted) {
      try {
        this.#asked.push(await asker.ask(isSticky))
      } catch (error) {
        this.#asked.push({ number: 0, failure: error instanceof Error ? error.message : String(error), isError: false, isLimited: false })
      }
      await delay(GAP_MS)
    }
  }

  /** False: in vain, or it was interrupted. */
  async #until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    for (const deadline = performance.now() + withinMs; ; await delay(POLL_MS)) {
      if (await condition()) return true
      if (this.#isInterrupted || performance.now() > deadline) return false
    }
  }

  async #phase(): Promise<Phase | undefined> {
    const { servers } = await this.#options.client.request('snapshot', { names: [this.#member], detail: false })
    return servers[0]?.phase
  }

  get #isInterrupted(): boolean {
    return this.#options.io.signal.aborted
  }

  async #report({ stoppedOn, readyOn, returnedOn }: { readonly stoppedOn: number; readonly readyOn: number | null; readonly returnedOn: number | null }): Promise<FailoverReport> {
    const { witness, facts: { strategy } } = this.#options
    const failed = this.#asked.filter(({ failure, isLimited }) => failure !== null && !isLimited)
    await witness.settle(this.#asked.filter(({ failure }) => failure === null).map(({ number }) => number))
    const by: Record<string, number> = {}
    for (const { number } of this.#asked) {
      const name = witness.given(number).at(-1)
      if (name !== undefined) by[name] = (by[name] ?? 0) + 1
    }
    const outMs = Math.round((readyOn ?? performance.now()) - stoppedOn)
    const returnedMs = readyOn === null || returnedOn === null ? null : Math.round(returnedOn - readyOn)
    const failures = [...new Set(failed.map(({ failure }) => failure ?? ''))].slice(0, MAX_FAILURES)
    // How fast it is decides there, and what chance has it.
    const mustReturn = strategy !== 'latency'
    const trouble = readyOn === null ? `${this.#member} was started again, but is not ready` : returnedMs === null && mustReturn ? `${this.#member} had no requests any more` : null
    const summary = [
      `${this.#member} was away for ${formatDuration(outMs)}: ${this.#asked.length} requests, ${failed.length} failed${failures.length === 0 ? '' : ` (${failures.join('; ')})`}`,
      `given to ${Object.entries(by).map(([name, count]) => `${name} ${count}`).join(', ')}`,
      returnedMs === null ? (trouble ?? `${this.#member} is ready again`) : `${this.#member} was used again ${formatDuration(returnedMs)} after it was ready`,
    ].join('; ')
    return { member: this.#member, outMs, requests: this.#asked.length, failed: failed.length, failures, by, returnedMs, restored: readyOn !== null, trouble, summary }
  }
}
