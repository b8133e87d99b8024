import { randomBytes } from 'node:crypto'
import { McpctlError } from '../../errors/index.js'
import { charsOf } from './template.js'
import { EMPTY, endStep, sizeOf, type StepEnd, type Workflow } from './workflow.js'

/** An agent that works through the gateway, as it describes itself. */
export interface AgentSession {
  readonly id: string
  readonly name: string
  readonly capabilities: readonly string[]
  readonly createdAt: number
  /** Epoch ms. */
  usedAt: number
}

/** What several agents of one caller share. */
export interface Collaboration {
  readonly name: string
  readonly members: Set<string>
  readonly context: Map<string, unknown>
  usedAt: number
}

export interface WorkflowSession {
  readonly id: string
  readonly name: string
  readonly agent: string | null
  readonly collaboration: string | null
  readonly createdAt: number
  usedAt: number
  workflow: Workflow
}

/** Everything of one caller. */
export interface CallerBook {
  readonly agents: Map<string, AgentSession>
  readonly collaborations: Map<string, Collaboration>
  readonly workflows: Map<string, WorkflowSession>
}

/** What is not used for so long is forgotten. */
export const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000
const MAX_CALLERS = 256
/** Of each kind, for one caller. */
export const MAX_EACH = 32
const MAX_CONTEXT_KEYS = 64
const MAX_CONTEXT_CHARS = 64 * 1024
/** Of all callers together. */
const MAX_TOTAL_CHARS = 64 * 1024 * 1024

/**
 * What agents left with the gateway: in memory, bounded, gone when nobody used it for half an hour and when the gateway
 * ends. Each caller has a book of its own and never sees another. Its owner closes it.
 */
export class WorkflowDesk {
  readonly #now: () => number
  readonly #callers = new Map<string, CallerBook>()
  #timer: NodeJS.Timeout | null = null
  #closed = false

  /** Epoch ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** `caller`: the id of its access. Throws USAGE when there are too many callers. */
  bookOf(caller: string): CallerBook {
    this.sweep()
    const known = this.#callers.get(caller)
    if (known !== undefined) return known
    if (this.#callers.size >= MAX_CALLERS) throw full(`${MAX_CALLERS} callers have sessions here`)
    const book: CallerBook = { agents: new Map(), collaborations: new Map(), workflows: new Map() }
    this.#callers.set(caller, book)
    if (!this.#closed) this.#timer ??= setInterval(() => { this.sweep() }, SWEEP_MS).unref()
    return book
  }

  openAgent(book: CallerBook, name: string, capabilities: readonly string[]): AgentSession {
    if (book.agents.size >= MAX_EACH) throw full(`you have ${MAX_EACH} agent sessions`)
    const now = this.#now()
    const agent = { id: newId('agent'), name, capabilities, createdAt: now, usedAt: now }
    book.agents.set(agent.id, agent)
    return agent
  }

  openWorkflow(book: CallerBook, { name, agent, collaboration }: Pick<WorkflowSession, 'name' | 'agent' | 'collaboration'>): WorkflowSession {
    if (book.workflows.size >= MAX_EACH) throw full(`you have ${MAX_EACH} workflow sessions`)
    const now = this.#now()
    const session = { id: newId('workflow'), name, agent, collaboration, createdAt: now, usedAt: now, workflow: EMPTY }
    book.workflows.set(session.id, session)
    return session
  }

  /** Agents share a context under this name, which is made when there is none. */
  join(book: CallerBook, name: string, agents: readonly AgentSession[]): Collaboration {
    const known = book.collaborations.get(name)
    if (known === undefined && book.collaborations.size >= MAX_EACH) throw full(`you have ${MAX_EACH} collaborations`)
    const collaboration = known ?? { name, members: new Set<string>(), context: new Map<string, unknown>(), usedAt: this.#now() }
    for (const { id } of agents) collaboration.members.add(id)
    collaboration.usedAt = this.#now()
    book.collaborations.set(name, collaboration)
    return collaboration
  }

  /** Changes a context as a whole or, with an error, not at all. */
  share({ context }: Collaboration, set: Readonly<Record<string, unknown>>, removed: readonly string[]): void {
    const next = new Map(context)
    for (const key of removed) next.delete(key)
    for (const [key, value] of Object.entries(set)) next.set(key, value)
    if (next.size > MAX_CONTEXT_KEYS) throw full(`a shared context has ${MAX_CONTEXT_KEYS} keys at most`)
    if (charsOf(Object.fromEntries(next)) > MAX_CONTEXT_CHARS) throw full(`a shared context holds ${MAX_CONTEXT_CHARS} characters of JSON at most`)
    context.clear()
    for (const [key, value] of next) context.set(key, value)
  }

  /** Puts a workflow in place of what it was. Throws USAGE when all together hold too much. */
  keep(session: WorkflowSession, workflow: Workflow): void {
    if (sizeOf(workflow) > sizeOf(session.workflow) && this.#chars() + sizeOf(workflow) - sizeOf(session.workflow) > MAX_TOTAL_CHARS) throw full('the workflows of all callers hold too much')
    session.workflow = workflow
    this.touch(session)
  }

  /** A step is over: whatever there is room for of its result is kept. */
  settle(session: WorkflowSession, step: string, end: StepEnd): void {
    session.workflow = endStep(session.workflow, step, end, { now: this.#now(), room: MAX_TOTAL_CHARS - this.#chars() })
    this.touch(session)
  }

  touch(...used: { usedAt: number }[]): void {
    for (const each of used) each.usedAt = this.#now()
  }

  /** Forgets what nobody used for long, and what belongs to nobody any more. A workflow whose step is running is in use. */
  sweep(): void {
    const before = this.#now() - IDLE_MS
    for (const [caller, { agents, collaborations, workflows }] of this.#callers) {
      for (const [id, { usedAt, workflow }] of workflows) if (usedAt <= before && !workflow.steps.some(({ state }) => state.status === 'running')) workflows.delete(id)
      for (const [id, { usedAt }] of agents) if (usedAt <= before) agents.delete(id)
      for (const [name, { members, usedAt }] of collaborations) {
        for (const id of members) if (!agents.has(id)) members.delete(id)
        if (members.size === 0 || usedAt <= before) collaborations.delete(name)
      }
      if (agents.size + collaborations.size + workflows.size === 0) this.#callers.delete(caller)
    }
    if (this.#callers.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#callers.clear()
  }

  #chars(): number {
    return [...this.#callers.values()].flatMap(({ workflows }) => [...workflows.values()]).reduce((sum, { workflow }) => sum + sizeOf(workflow), 0)
  }
}

function newId(kind: string): string {
  return `${kind}_${randomBytes(12).toString('base64url')}`
}

function full(why: string): McpctlError {
  return new McpctlError('USAGE', `there is no room: ${why}`, { hint: 'cleanup_workflow_sessions makes room; what is not used for half an hour goes by itself.' })
}
