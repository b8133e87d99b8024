import { connectControl, VERSION, type ControlClient, type Home } from '../control/index.js'
import type { Io } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import type { Catalogue } from '../mcp/index.js'
import { openServerLink } from './tools-link.js'
import { compareTools, groupsOf, takersOf, type Definition, type GroupFacts } from './verify-group-facts.js'
import { checkFailover, type FailoverReport } from './verify-failover.js'
import { Asker, chooseHarmless, isDefinition, type Asked, type Harmless } from './verify-request.js'
import { callsFor, judgeShares, type Taker } from './verify-shares.js'
import { Skip } from './verify-skip.js'
import { openWitness, type Witness } from './verify-witness.js'

export interface GroupCheck {
  readonly check: 'member' | 'alike' | 'next' | 'balance' | 'failover'
  /** The server it is about; null: the group. */
  readonly member: string | null
  readonly outcome: 'ok' | 'failed' | 'skipped'
  /** What was seen, or why not. */
  readonly detail: string
  readonly durationMs: number
}

export interface GroupReport {
  readonly name: string
  readonly strategy: string
  readonly sticky: string
  readonly members: readonly string[]
  readonly checks: readonly GroupCheck[]
  /** Requests that each member was given while it was seen how they are shared out; null: they were not made. */
  readonly shares: Readonly<Record<string, number>> | null
  /** Null: it was not asked for, or could not be done. */
  readonly failover: FailoverReport | null
}

export interface GroupsOptions {
  readonly io: Io
  readonly home: Home
  /** For each single request. */
  readonly timeoutMs: number
  readonly failover: boolean
  readonly onReport: (report: GroupReport) => void
}

/** Slow answers make it end with fewer requests. */
const BALANCE_LIMIT_MS = 20_000

/** Looks at every group the daemon has: each member by itself, and what they do together. */
export async function verifyGroups(options: GroupsOptions): Promise<GroupReport[]> {
  const client = await connectControl(options.home, VERSION)
  if (client === null) return []
  const reports: GroupReport[] = []
  try {
    const { servers } = await client.request('snapshot', { names: null, detail: false })
    for (const facts of groupsOf(servers)) {
      if (options.io.signal.aborted) break
      const report = await new GroupVisit(options, client, facts).run()
      reports.push(report)
      options.onReport(report)
    }
    return reports
  } finally {
    client.close()
  }
}

/** One group on its way through the checks. */
class GroupVisit {
  readonly #options: GroupsOptions
  readonly #client: ControlClient
  readonly #facts: GroupFacts
  readonly #checks: GroupCheck[] = []
  #shares: Readonly<Record<string, number>> | null = null

  constructor(options: GroupsOptions, client: ControlClient, facts: GroupFacts) {
    this.#options = options
    this.#client = client
    this.#facts = facts
  }

  async run(): Promise<GroupReport> {
    const { name, strategy, sticky, members } = this.#facts
    const listed = await this.#checkMembers()
    await this.#attempt('alike', null, () => describeDifferences(listed))
    await this.#attempt('next', null, () => describeNext(this.#facts))
    const harmless = chooseHarmless([...listed.values()])
    await this.#attempt('balance', null, () => this.#watched(harmless, (asker, witness) => this.#balance(asker, witness)))
    let failover: FailoverReport | null = null
    if (this.#options.failover && !this.#options.io.signal.aborted) {
      await this.#attempt('failover', null, () => this.#watched(harmless, async (asker, witness) => {
        const { io, timeoutMs } = this.#options
        failover = await checkFailover({ client: this.#client, facts: this.#facts, asker, witness, io, timeoutMs })
        if (failover.failed > 0 || !failover.restored || failover.trouble !== null) throw new Error(failover.summary)
        return failover.summary
      }))
    }
    return { name, strategy, sticky, members: members.map((member) => member.name), checks: this.#checks, shares: this.#shares, failover }
  }

  /** Each member by itself, under its own name. */
  async #checkMembers(): Promise<Map<string, Catalogue>> {
    const listed = new Map<string, Catalogue>()
    const { home, io } = this.#options
    for (const { name, ready, desired, phase, reason, breaker, era } of this.#facts.members) {
      await this.#attempt('member', name, async () => {
        if (!ready && desired === 'down') throw new Skip(`it does not run: ${reason}`)
        if (!ready) throw new Error(`it is not ready: ${phase}: ${reason}`)
        const link = await openServerLink({ home, server: name, era: null, signal: io.signal })
        link.close()
        const { catalogue } = link.established
        listed.set(name, catalogue)
        const state = breaker?.state ?? 'closed'
        const what = `${era ?? 'connected'}, ${catalogue.tools.length} tools, ${catalogue.prompts.length} prompts, ${catalogue.resources.length} resources; breaker ${state}`
        if (state === 'open') throw new Error(`${what}: ${breaker?.reason ?? ''}`)
        return what
      })
    }
    return listed
  }

  /** Opens what it takes to ask and to see who is given what. */
  async #watched<T>(candidates: readonly Harmless[], make: (asker: Asker, witness: Witness) => Promise<T>): Promise<T> {
    const { home, timeoutMs, io } = this.#options
    if (candidates.length === 0) throw new Skip('there is no read-only tool without required arguments and no resource that all members list')
    const mark = String(process.hrtime.bigint())
    const witness = await openWitness(home, this.#facts.members.map(({ name }) => name), mark)
    try {
      for (const [index, harmless] of candidates.entries()) {
        const asker = new Asker({ home, group: this.#facts.name, harmless, mark, after: index, timeoutMs, signal: io.signal })
        try {
          // Errors would count against the servers, however harmless.
          if ((await asker.ask()).isError) continue
          await avoidKept(asker, witness)
          if (witness.hasOwn) throw new Skip('each client session has processes of its own')
          return await make(asker, witness)
        } finally {
          asker.close()
        }
      }
    } finally {
      witness.close()
    }
    throw new Skip(`${candidates.map(({ what }) => what).join(', ')} ${candidates.length === 1 ? 'is' : 'are'} answered with an error`)
  }

  async #balance(asker: Asker, witness: Witness): Promise<string> {
    const { strategy, sticky, members } = this.#facts
    const takers = await this.#takers()
    const wanted = callsFor(strategy, takers)
    const isSticky = sticky === 'session'
    const before = asker.count
    const shares = new Map(members.map(({ name }) => [name, 0]))
    const deadline = performance.now() + BALANCE_LIMIT_MS
    for (let made = 0; made < wanted && performance.now() < deadline && !this.#options.io.signal.aborted; made++) {
      const asked = [await asker.ask(isSticky), ...(isSticky ? [await asker.ask()] : [])]
      const member = await whoHad(asked, witness, made)
      shares.set(member, (shares.get(member) ?? 0) + 1)
    }
    this.#shares = Object.fromEntries(shares)
    const what = `${asker.count - before} x ${asker.what}${isSticky ? ` in ${[...shares.values()].reduce((sum, count) => sum + count, 0)} sessions` : ''}: ${[...shares].map(([name, count]) => `${name} ${count}`).join(', ')} (${strategy})`
    const wrong = judgeShares({ strategy, takers, shares, isBusy: witness.foreign > 0 })
    if (wrong !== null) throw new Error(`${what}; ${wrong}`)
    return what
  }

  /** As it is now: what was asked before may have changed it. */
  async #takers(): Promise<Taker[]> {
    const { servers } = await this.#client.request('snapshot', { names: this.#facts.members.map(({ name }) => name), detail: false })
    const members = this.#facts.members.flatMap(({ name }) => servers.filter((server) => server.name === name))
    const takers = takersOf(members, true).map(({ name, membership }) => ({ name, weight: membership?.weight ?? 1 }))
    if (takers.length === 0) throw new Error('no member takes calls')
    return takers
  }

  async #attempt(check: GroupCheck['check'], member: string | null, make: () => string | Promise<string>): Promise<void> {
    const startedAt = performance.now()
    const note = (outcome: GroupCheck['outcome'], detail: string): void => {
      this.#checks.push({ check, member, outcome, detail, durationMs: Math.round(performance.now() - startedAt) })
    }
    try {
      note('ok', await make())
    } catch (error) {
      if (error instanceof McpctlError && error.code === 'INTERRUPTED') throw error
      note(error instanceof Skip ? 'skipped' : 'failed', error instanceof Error ? error.message : String(error))
    }
  }
}

/** The member that was given these requests of one session. */
async function whoHad(asked: readonly Asked[], witness: Witness, before: number): Promise<string> {
  const failed = asked.find(({ failure }) => failure !== null)
  if (failed?.isLimited === true) throw new Skip(`a limit was reached after ${before} requests: ${failed.failure ?? ''}`)
  if (failed !== undefined) throw new Error(`request ${failed.number} failed: ${failed.failure ?? ''}`)
  if ((await witness.settle(asked.map(({ number }) => number))).length > 0) throw new Skip('it could not be seen which member was given the requests')
  const given = asked.map(({ number }) => witness.given(number).at(-1) ?? '')
  if (new Set(given).size > 1) throw new Error(`a session did not stay with one member: ${given.join(', then ')}`)
  return given[0] ?? ''
}

/** Where answers are kept, an equal request reaches nobody: then each is made a little different from the others. */
async function avoidKept(asker: Asker, witness: Witness): Promise<void> {
  const { number, failure } = await asker.ask()
  if (failure === null) asker.isApart = (await witness.settle([number])).length > 0
}

function describeDifferences(listed: ReadonlyMap<string, Catalogue>): string {
  if (listed.size < 2) throw new Skip('fewer than two members could be listed')
  const { shared, lacking, schemas, words } = compareTools(new Map([...listed].map(([name, { tools }]) => [name, tools.filter((tool): tool is Definition => isDefinition(tool))])))
  const parts = [
    `${shared} tools in common`,
    ...(lacking.length === 0 ? [] : [`not with all: ${some(lacking)}`]),
    ...(words.length === 0 ? [] : [`described differently: ${some(words)}`]),
    ...(schemas.length === 0 ? [] : [`differ in what they take or give: ${some(schemas)}`]),
  ]
  if (schemas.length > 0) throw new Error(parts.join('; '))
  return parts.join('; ')
}

function describeNext({ members, strategy }: GroupFacts): string {
  const describe = (mayTry: boolean): string => {
    const takers = takersOf(members, mayTry).map(({ name }) => name)
    return strategy === 'priority' ? takers.slice(0, 1).join('') : takers.join(' or ')
  }
  const [any, repeatable] = [describe(false), describe(true)]
  if (any === '') throw new Error('no member takes calls')
  return `${any} would get a call now${any === repeatable ? '' : `, ${repeatable} one that may be repeated`}`
}

function some(texts: readonly string[]): string {
  return texts.length > 5 ? `${texts.slice(0, 5).join(', ')} and ${texts.length - 5} more` : texts.join(', ')
}
