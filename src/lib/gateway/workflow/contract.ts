import type { JsonObject } from '../../mcp/index.js'
import type { StepEnd } from './workflow.js'

/** What the steps of a workflow are called through: the way any call of the client takes, with all that holds for those. */
export interface StepCaller {
  /** Whether the tool is there for this client, and calling it twice does no harm; null: it is not there. */
  look(tool: string): { readonly isRepeatable: boolean } | null
  /** Resolves when it is over, whatever the outcome. */
  call(tool: string, args: JsonObject): Promise<StepResult>
}

export interface StepResult {
  readonly end: StepEnd
  /** Content that is no text. */
  readonly blocks: readonly JsonObject[]
}

/** The names of the tools for workflows: none of them can be a step. */
export const WORKFLOW_TOOLS = ['create_agent_session', 'enable_agent_collaboration', 'create_agent_workflow_session', 'execute_workflow_step', 'get_workflow_session_status', 'cleanup_workflow_sessions'] as const
