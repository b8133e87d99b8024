import { LocalLink } from '../local-link.js'
import { createAgentTools } from './agent-tools.js'
import { WorkflowDesk } from './desk.js'
import { createWorkflowTools } from './workflow-tools.js'

/** The tools for agents and workflows. Closing it forgets all sessions. `now`: epoch ms. */
export function createWorkflowLink(version: string, now: () => number): LocalLink {
  const desk = new WorkflowDesk(now)
  return new LocalLink([...createAgentTools(desk), ...createWorkflowTools(desk, now)], version, () => { desk.close() })
}
