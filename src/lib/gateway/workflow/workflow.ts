import { McpctlError } from '../../errors/index.js'
import type { JsonObject } from '../../mcp/index.js'
import { charsOf, fillTemplates, type Given, type Lookup } from './template.js'

/** Whether a call that failed may have done something: `answered`: the tool itself said no. */
export type StepOutcome = 'answered' | 'unknown' | 'not-delivered'

/** Times are epoch ms. */
export type StepState =
  | { readonly status: 'pending' }
  | { readonly status: 'running'; readonly startedAt: number }
  /** `kept` false: the result was too long to be kept. */
  | { readonly status: 'done'; readonly value: unknown; readonly isKept: boolean; readonly startedAt: number; readonly endedAt: number }
  | { readonly status: 'failed'; readonly error: string; readonly reason: string | null; readonly outcome: StepOutcome; readonly retryAfterMs: number | null; readonly startedAt: number; readonly endedAt: number }

export interface Step {
  readonly name: string
  /** As the client sees it. */
  readonly tool: string
  /** With templates. */
  readonly arguments: JsonObject
  readonly state: StepState
  /** How often it was run. */
  readonly attempts: number
}

export interface Workflow {
  readonly steps: readonly Step[]
}

export interface StepPlan {
  /** Null: `step` and its number. */
  readonly name: string | null
  readonly tool: string
  readonly arguments: JsonObject
}

export type StepEnd = { readonly type: 'done'; readonly value: unknown } | { readonly type: 'failed'; readonly error: string; readonly reason: string | null; readonly outcome: StepOutcome; readonly retryAfterMs: number | null }

export const MAX_STEPS = 64
/** Of the arguments of one step, and of one result, as JSON. */
const MAX_ARGUMENT_CHARS = 64 * 1024
const MAX_RESULT_CHARS = 256 * 1024
/** Of all arguments and results together. */
const MAX_WORKFLOW_CHARS = 1024 * 1024
const NAME = /^[A-Za-z0-9_-]{1,64}$/
const PENDING = { status: 'pending' } as const

export const EMPTY: Workflow = { steps: [] }

/** Throws USAGE when there is no room, or the name is taken or none. */
export function addStep({ steps }: Workflow, plan: StepPlan): Workflow {
  if (steps.length >= MAX_STEPS) throw wrong(`a workflow has ${MAX_STEPS} steps at most`)
  const name = plan.name ?? `step${steps.length + 1}`
  if (!NAME.test(name)) throw wrong(`the name of a step has to be 1 to 64 letters, digits, "_" and "-", not "${name.slice(0, 80)}"`)
  if (steps.some((step) => step.name === name)) throw wrong(`there is a step "${name}" already`)
  return checkSize({ steps: [...steps, { name, tool: plan.tool, arguments: plan.arguments, state: PENDING, attempts: 0 }] }, name)
}

/** The same; a step of that name that never reached its tool is put right instead. */
export function putStep(workflow: Workflow, plan: StepPlan): Workflow {
  const before = workflow.steps.find(({ name }) => name === plan.name)
  const isUntried = before?.state.status === 'pending' || (before?.state.status === 'failed' && before.state.outcome === 'not-delivered')
  if (before === undefined || !isUntried) return addStep(workflow, plan)
  return checkSize(replace(workflow, before.name, { ...before, tool: plan.tool, arguments: plan.arguments, state: PENDING }), before.name)
}

function checkSize(workflow: Workflow, name: string): Workflow {
  const step = workflow.steps.find((each) => each.name === name)
  if (charsOf(step?.arguments) > MAX_ARGUMENT_CHARS) throw wrong(`the arguments of step "${name}" are longer than ${MAX_ARGUMENT_CHARS} characters`)
  if (sizeOf(workflow) > MAX_WORKFLOW_CHARS) throw wrong(`the steps of the workflow hold more than ${MAX_WORKFLOW_CHARS} characters together`)
  return workflow
}

/**
 * The step that may be run now: the one that is named, else the first that is not done. One that was run before may be
 * run again when its tool was never reached, or calling it twice does no harm, or with `force`. Throws USAGE otherwise.
 */
export function chooseStep(workflow: Workflow, name: string | null, { force, isRepeatable }: { readonly force: boolean; readonly isRepeatable: (tool: string) => boolean }): Step {
  const { steps } = workflow
  const running = steps.find(({ state }) => state.status === 'running')
  if (running !== undefined) throw wrong(`step "${running.name}" is running`, 'Wait for it, or look at get_workflow_session_status.')
  const step = name === null ? nextStep(workflow) : steps.find((each) => each.name === name)
  if (step === null || step === undefined) {
    if (name !== null) throw wrong(`there is no step "${name.slice(0, 80)}"`, `There are: ${steps.map((each) => each.name).join(', ') || 'none yet'}.`)
    throw wrong(steps.length === 0 ? 'the workflow has no steps' : 'all steps are done', 'Name a tool to add a step and run it.')
  }
  const { state, tool } = step
  if (force || state.status === 'pending' || (state.status === 'failed' && state.outcome === 'not-delivered') || isRepeatable(tool)) return step
  const how = state.status === 'done' ? 'is done' : state.status === 'failed' && state.outcome === 'answered' ? 'was answered with an error' : 'may have been carried out'
  throw wrong(`step "${step.name}" ${how}, and "${tool}" is not known to do no harm when it is called again`, 'Say force: true to run it all the same.')
}

/** What a step is called with. `previous_result` is the result of the step before it in the list. Throws USAGE. */
export function fillStep({ steps }: Workflow, step: Step, context: Lookup): JsonObject {
  const at = steps.indexOf(step)
  const before = steps[at - 1]
  const filled = fillTemplates(step.arguments, {
    previous: () => (before === undefined ? { why: 'no step comes before this one' } : resultOf(before)),
    step: (name) => {
      const found = steps.find((each) => each.name === name)
      return found === undefined ? { why: `there is no step "${name}"` } : resultOf(found)
    },
    context,
  })
  return filled as JsonObject
}

function resultOf({ name, state }: Step): Given {
  if (state.status !== 'done') return { why: `step "${name}" ${state.status === 'failed' ? 'failed' : state.status === 'running' ? 'is running' : 'was not run yet'}` }
  return state.isKept ? { value: state.value } : { why: `the result of step "${name}" was too long to be kept` }
}

export function beginStep(workflow: Workflow, step: Step, now: number): Workflow {
  return replace(workflow, step.name, { ...step, attempts: step.attempts + 1, state: { status: 'running', startedAt: now } })
}

/** A result that is too long, or for which there is no room left, is not kept; the step is done all the same. `room`: characters there are left for it elsewhere. */
export function endStep(workflow: Workflow, name: string, end: StepEnd, { now, room }: { readonly now: number; readonly room: number }): Workflow {
  const step = workflow.steps.find((each) => each.name === name)
  if (step === undefined || step.state.status !== 'running') return workflow
  const times = { startedAt: step.state.startedAt, endedAt: now }
  if (end.type === 'failed') {
    const { type: status, ...failure } = end
    return replace(workflow, name, { ...step, state: { status, ...failure, ...times } })
  }
  const chars = charsOf(end.value)
  const isKept = chars <= Math.min(room, MAX_RESULT_CHARS) && sizeOf(workflow) + chars <= MAX_WORKFLOW_CHARS
  return replace(workflow, name, { ...step, state: { status: 'done', value: isKept ? end.value : null, isKept, ...times } })
}

/** Characters of JSON it holds. */
export function sizeOf({ steps }: Workflow): number {
  return steps.reduce((sum, { arguments: args, state }) => sum + charsOf(args) + (state.status === 'done' && state.isKept ? charsOf(state.value) : 0), 0)
}

/** `failed`: its next step failed. */
export function statusOf(workflow: Workflow): 'empty' | 'pending' | 'running' | 'failed' | 'done' {
  const { steps } = workflow
  if (steps.length === 0) return 'empty'
  if (steps.some(({ state }) => state.status === 'running')) return 'running'
  const next = nextStep(workflow)
  return next === null ? 'done' : next.state.status === 'failed' ? 'failed' : 'pending'
}

export function nextStep({ steps }: Workflow): Step | null {
  return steps.find(({ state }) => state.status !== 'done') ?? null
}

function replace({ steps }: Workflow, name: string, by: Step): Workflow {
  return { steps: steps.map((each) => (each.name === name ? by : each)) }
}

function wrong(message: string, hint?: string): McpctlError {
  return new McpctlError('USAGE', message, hint === undefined ? {} : { hint })
}
