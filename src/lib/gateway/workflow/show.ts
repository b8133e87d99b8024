import type { JsonObject } from '../../mcp/index.js'
import { IDLE_MS, type AgentSession, type Collaboration, type WorkflowSession } from './desk.js'
import { nextStep, statusOf, type Step } from './workflow.js'

/** Said with everything that is kept: it is in memory only. */
export const PERSISTENCE = 'memory'

export function showAgent({ id, name, capabilities, createdAt, usedAt }: AgentSession): JsonObject {
  return { agent_session_id: id, name, capabilities, created_at: toTime(createdAt), expires_at: toTime(usedAt + IDLE_MS) }
}

export function showCollaboration({ name, members, context }: Collaboration): JsonObject {
  return { collaboration: name, agent_session_ids: [...members], context: Object.fromEntries(context) }
}

/** `full`: with the arguments and results of its steps. */
export function showWorkflow({ id, name, agent, collaboration, createdAt, usedAt, workflow }: WorkflowSession, full: boolean): JsonObject {
  return {
    workflow_session_id: id, name, status: statusOf(workflow), next_step: nextStep(workflow)?.name ?? null,
    ...(agent === null ? {} : { agent_session_id: agent }), ...(collaboration === null ? {} : { collaboration }),
    created_at: toTime(createdAt), expires_at: toTime(usedAt + IDLE_MS),
    steps: workflow.steps.map((step) => showStep(step, full)),
  }
}

export function showStep({ name, tool, arguments: args, state, attempts }: Step, full: boolean): JsonObject {
  return {
    name, tool, status: state.status, attempts,
    ...(full ? { arguments: args } : {}),
    ...(state.status === 'pending' ? {} : { started_at: toTime(state.startedAt) }),
    ...(state.status === 'done' || state.status === 'failed' ? { duration_ms: Math.max(0, state.endedAt - state.startedAt) } : {}),
    ...(state.status === 'done' ? { result_kept: state.isKept, ...(full && state.isKept ? { result: state.value } : {}) } : {}),
    ...(state.status === 'failed' ? { error: state.error, outcome: state.outcome, ...(state.reason === null ? {} : { reason: state.reason }), ...(state.retryAfterMs === null ? {} : { retryAfterMs: state.retryAfterMs }) } : {}),
  }
}

function toTime(at: number): string {
  return new Date(at).toISOString()
}
