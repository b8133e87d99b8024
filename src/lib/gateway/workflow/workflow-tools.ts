import type { JsonObject } from '../../mcp/index.js'
import type { LocalCaller, LocalTool } from '../local-link.js'
import { defineLocalTool, READS, wrongArgument, WithBlocks } from '../local-tool.js'
import type { CallerBook, WorkflowDesk, WorkflowSession } from './desk.js'
import { bookFor, COLLABORATION, IDS, readFlag, readName, readObject, readOptional, requireAgent, requireCaller, schemaOf, TEXT } from './fields.js'
import { PERSISTENCE, showAgent, showCollaboration, showStep, showWorkflow } from './show.js'
import { addStep, beginStep, chooseStep, fillStep, MAX_STEPS, nextStep, putStep, statusOf, type StepPlan } from './workflow.js'
import { WORKFLOW_TOOLS } from './contract.js'

const STEP = {
  name: { ...TEXT, description: 'Its name, for {{steps.NAME.PATH}}; default step1, step2 and so on.' },
  tool: { ...TEXT, description: 'A tool as you see it in your list.' },
  arguments: { type: 'object', description: 'Its arguments; texts may hold {{previous_result.PATH}}, {{steps.NAME.PATH}} and {{context.KEY.PATH}}.' },
}
const WORKFLOW_RESULT = { workflow_session_id: TEXT, name: TEXT, status: TEXT, next_step: { type: ['string', 'null'] }, steps: { type: 'array', items: { type: 'object' } }, expires_at: TEXT, persistence: TEXT }

/** The tools for workflows: steps that are called one after the other, each with what the ones before gave. */
export function createWorkflowTools(desk: WorkflowDesk, now: () => number): LocalTool[] {
  return [
    defineLocalTool({
      name: 'create_agent_workflow_session', title: 'Begin a workflow',
      description: 'Makes a list of tool calls to be run one by one with execute_workflow_step. Steps can be given now, added to a workflow that is there, or named when they are run.',
      properties: {
        name: { ...TEXT, description: 'What it is for.' }, steps: { type: 'array', maxItems: MAX_STEPS, items: { type: 'object', properties: STEP, required: ['tool'], additionalProperties: false } },
        workflow_session_id: { ...IDS.workflow, description: 'To add steps to this one instead.' }, agent_session_id: IDS.agent, collaboration: { ...COLLABORATION, description: 'Whose context {{context.KEY}} is.' },
      },
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
      outputSchema: schemaOf(WORKFLOW_RESULT),
    }, (args, caller) => createWorkflow(desk, args, caller)),
    defineLocalTool({
      name: 'execute_workflow_step', title: 'Run a step',
      description: 'Runs the next step of a workflow, the one that is named, or a new one (tool and arguments). A step that failed is run again only if its tool was not reached or does no harm when called twice, or with force.',
      properties: {
        workflow_session_id: IDS.workflow, step: { ...TEXT, description: 'The name of the step; default: the first that is not done.' },
        tool: { ...STEP.tool, description: 'Adds a step that calls this tool, and runs it; with the name of a step that never reached its tool, puts that right.' }, arguments: STEP.arguments, force: { type: 'boolean', description: 'Run it again although it may have been carried out.' },
      },
      required: ['workflow_session_id'],
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
      outputSchema: schemaOf({ workflow_session_id: TEXT, status: TEXT, next_step: { type: ['string', 'null'] }, step: { type: 'object' }, result: {}, outcome: TEXT, reason: TEXT, retryAfterMs: { type: 'integer' } }),
    }, (args, caller) => executeStep(desk, args, caller, now)),
    defineLocalTool({
      name: 'get_workflow_session_status', title: 'Look at workflows',
      description: 'One workflow with its steps, or all workflows, agent sessions and collaborations of yours.',
      properties: { workflow_session_id: IDS.workflow, include_results: { type: 'boolean', description: 'With the arguments and results of the steps.' } },
      annotations: READS,
      outputSchema: schemaOf({ ...WORKFLOW_RESULT, workflow_sessions: { type: 'array', items: { type: 'object' } }, agent_sessions: { type: 'array', items: { type: 'object' } }, collaborations: { type: 'array', items: { type: 'object' } } }),
    }, (args, caller) => showStatus(desk, args, caller)),
    defineLocalTool({
      name: 'cleanup_workflow_sessions', title: 'Forget workflows',
      description: 'Forgets the workflows that are done; or one of them, an agent session, or everything of yours (all). A step that is running is not stopped, and its workflow stays.',
      properties: { workflow_session_id: IDS.workflow, agent_session_id: IDS.agent, all: { type: 'boolean', description: 'Everything, agent sessions and shared contexts as well.' } },
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      outputSchema: schemaOf({ removed_count: { type: 'integer' }, remaining_count: { type: 'integer' } }),
    }, (args, caller) => cleanUp(desk, args, caller)),
  ]
}

function createWorkflow(desk: WorkflowDesk, args: JsonObject, caller: LocalCaller): JsonObject {
  const book = bookFor(desk, caller)
  const plans = readSteps(args['steps'])
  const id = readOptional(args, 'workflow_session_id')
  if (id !== null) {
    const session = requireWorkflow(book, id)
    desk.keep(session, plans.reduce(addStep, session.workflow))
    return { success: true, ...showWorkflow(session, false), persistence: PERSISTENCE }
  }
  const agent = readOptional(args, 'agent_session_id')
  if (agent !== null) desk.touch(requireAgent(book, agent))
  const collaboration = readOptional(args, 'collaboration')
  if (collaboration !== null && !book.collaborations.has(collaboration)) throw wrongArgument(`there is no collaboration "${collaboration.slice(0, 80)}"`, 'enable_agent_collaboration makes one.')
  const name = readName(args, 'name', 'workflow')
  // What is wrong with a step is told before there is anything to clean up.
  const workflow = plans.reduce(addStep, { steps: [] })
  const session = desk.openWorkflow(book, { name, agent, collaboration })
  desk.keep(session, workflow)
  return { success: true, ...showWorkflow(session, false), persistence: PERSISTENCE }
}

async function executeStep(desk: WorkflowDesk, args: JsonObject, caller: LocalCaller, now: () => number): Promise<JsonObject | WithBlocks> {
  const steps = requireCaller(caller)
  const book = bookFor(desk, caller)
  const session = requireWorkflow(book, readOptional(args, 'workflow_session_id') ?? '')
  const plan = readNewStep(args)
  const added = plan === null ? session.workflow : putStep(session.workflow, plan)
  const name = plan === null ? readOptional(args, 'step') : (plan.name ?? added.steps.at(-1)?.name ?? null)
  const step = chooseStep(added, name, { force: readFlag(args, 'force'), isRepeatable: (tool) => steps.look(tool)?.isRepeatable === true })
  refuseOwn(step.tool)
  const filled = fillStep(added, step, (key) => contextOf(book, session, key))
  desk.keep(session, beginStep(added, step, now()))
  touchOwner(desk, book, session)
  const { end, blocks } = await steps.call(step.tool, filled)
  desk.settle(session, step.name, end)
  const { workflow } = session
  const shown = workflow.steps.find((each) => each.name === step.name) ?? step
  const facts = { workflow_session_id: session.id, status: statusOf(workflow), next_step: nextStep(workflow)?.name ?? null, step: showStep(shown, false) }
  if (end.type === 'failed') return new WithBlocks({ success: false, error: `step "${step.name}" failed: ${end.error}`, outcome: end.outcome, ...(end.reason === null ? {} : { reason: end.reason }), ...(end.retryAfterMs === null ? {} : { retryAfterMs: end.retryAfterMs }), ...facts }, blocks)
  return new WithBlocks({ success: true, ...facts, result: end.value }, blocks)
}

function showStatus(desk: WorkflowDesk, args: JsonObject, caller: LocalCaller): JsonObject {
  const book = bookFor(desk, caller)
  const id = readOptional(args, 'workflow_session_id')
  const hasResults = readFlag(args, 'include_results')
  if (id !== null) return { success: true, ...showWorkflow(requireWorkflow(book, id), hasResults), persistence: PERSISTENCE }
  return {
    success: true, persistence: PERSISTENCE,
    // Results of all of them would be more than anybody reads.
    workflow_sessions: [...book.workflows.values()].map((session) => showWorkflow(session, false)),
    agent_sessions: [...book.agents.values()].map(showAgent),
    collaborations: [...book.collaborations.values()].map(showCollaboration),
  }
}

function cleanUp(desk: WorkflowDesk, args: JsonObject, caller: LocalCaller): JsonObject {
  const { agents, collaborations, workflows } = bookFor(desk, caller)
  const count = (): number => agents.size + collaborations.size + workflows.size
  const before = count()
  const id = readOptional(args, 'workflow_session_id')
  const agent = readOptional(args, 'agent_session_id')
  const isAll = readFlag(args, 'all')
  for (const [each, { workflow }] of workflows) {
    const isMeant = isAll || each === id || (id === null && agent === null && statusOf(workflow) === 'done')
    if (isMeant && statusOf(workflow) !== 'running') workflows.delete(each)
  }
  for (const each of [...agents.keys()]) if (isAll || each === agent) agents.delete(each)
  if (isAll) collaborations.clear()
  // Contexts whose last agent went go with it.
  desk.sweep()
  return { success: true, removed_count: before - count(), remaining_count: count() }
}

function requireWorkflow({ workflows }: CallerBook, id: string): WorkflowSession {
  const found = workflows.get(id)
  if (found === undefined) throw wrongArgument(`there is no workflow session "${id.slice(0, 80)}"`, 'It was cleaned up, expired after half an hour without use, or the daemon was restarted: workflows are kept in memory only.')
  return found
}

function contextOf({ collaborations }: CallerBook, { collaboration }: WorkflowSession, key: string) {
  if (collaboration === null) return { why: 'the workflow belongs to no collaboration' }
  const context = collaborations.get(collaboration)?.context
  return context?.has(key) === true ? { value: context.get(key) } : { why: `collaboration "${collaboration}" has no "${key}"` }
}

function touchOwner(desk: WorkflowDesk, { agents, collaborations }: CallerBook, { agent, collaboration }: WorkflowSession): void {
  for (const used of [agents.get(agent ?? ''), collaborations.get(collaboration ?? '')]) if (used !== undefined) desk.touch(used)
}

function readNewStep(args: JsonObject): StepPlan | null {
  const tool = readOptional(args, 'tool')
  if (tool === null && args['arguments'] !== undefined) throw wrongArgument('"arguments" go with "tool": the arguments of a step that is there are not changed')
  return tool === null ? null : readStep({ name: args['step'], tool, arguments: args['arguments'] })
}

function readSteps(value: unknown): StepPlan[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrongArgument('"steps" has to be a list')
  return value.map((each: unknown, index) => readStep(readObject(each, `steps[${index}]`)))
}

function readStep(step: JsonObject): StepPlan {
  const tool = readOptional(step, 'tool')
  if (tool === null) throw wrongArgument('a step needs a "tool"')
  refuseOwn(tool)
  return { name: readOptional(step, 'name'), tool, arguments: step['arguments'] === undefined || step['arguments'] === null ? {} : readObject(step['arguments'], 'arguments') }
}

function refuseOwn(tool: string): void {
  if (WORKFLOW_TOOLS.some((each) => each === tool)) throw wrongArgument(`"${tool}" cannot be a step of a workflow`)
}
