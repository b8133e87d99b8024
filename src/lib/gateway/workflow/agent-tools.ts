import type { LocalTool } from '../local-link.js'
import { defineLocalTool, wrongArgument } from '../local-tool.js'
import type { WorkflowDesk } from './desk.js'
import { bookFor, COLLABORATION, IDS, readList, readName, readObject, requireAgent, schemaOf, TEXT } from './fields.js'
import { PERSISTENCE, showAgent, showCollaboration } from './show.js'

const MAX_CAPABILITIES = 32
const CHANGES = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false }

/** The tools with which agents make themselves known, and share what they know. */
export function createAgentTools(desk: WorkflowDesk): LocalTool[] {
  return [
    defineLocalTool({
      name: 'create_agent_session', title: 'Make an agent known', annotations: CHANGES,
      description: 'Makes a session for one agent, with labels for what it can do, so that agents can share a context and workflows can be told apart. Kept in memory, for half an hour after it was last used.',
      properties: { name: { ...TEXT, description: 'What the agent is called.' }, capabilities: { type: 'array', items: TEXT, maxItems: MAX_CAPABILITIES, description: 'Labels for what it can do.' } },
      required: ['name'],
      outputSchema: schemaOf({ agent_session_id: TEXT, name: TEXT, capabilities: { type: 'array', items: TEXT }, expires_at: TEXT, persistence: TEXT }),
    }, (args, caller) => {
      const name = readName(args, 'name', null)
      const capabilities = readList(args['capabilities'], 'capabilities', MAX_CAPABILITIES)
      return { success: true, ...showAgent(desk.openAgent(bookFor(desk, caller), name, capabilities)), persistence: PERSISTENCE }
    }),
    defineLocalTool({
      name: 'enable_agent_collaboration', title: 'Share a context', annotations: { ...CHANGES, idempotentHint: true },
      description: 'Lets agent sessions share a context under a name: values by key, to be set and removed here and read by workflows as {{context.KEY}}. Answers with the whole context. Lives as long as one of its agents.',
      properties: {
        collaboration: COLLABORATION, agent_session_ids: { type: 'array', items: TEXT, minItems: 1, maxItems: 32, description: 'The agents that share it; more can join later.' },
        set: { type: 'object', description: 'Values to put under these keys.' }, remove: { type: 'array', items: TEXT, description: 'Keys to take away.' },
      },
      required: ['collaboration', 'agent_session_ids'],
      outputSchema: schemaOf({ collaboration: TEXT, agent_session_ids: { type: 'array', items: TEXT }, context: { type: 'object' }, persistence: TEXT }),
    }, (args, caller) => {
      const book = bookFor(desk, caller)
      const name = readName(args, 'collaboration', null)
      const agents = readList(args['agent_session_ids'], 'agent_session_ids', 32).map((id) => requireAgent(book, id))
      if (agents.length === 0) throw wrongArgument('"agent_session_ids" has to name one agent session at least', `${IDS.agent.description}.`)
      const set = args['set'] === undefined ? {} : readObject(args['set'], 'set')
      const removed = readList(args['remove'], 'remove', 64)
      const isNew = !book.collaborations.has(name)
      try {
        desk.share(desk.join(book, name, []), set, removed)
      } catch (error) {
        if (isNew) book.collaborations.delete(name)
        throw error
      }
      desk.touch(...agents)
      return { success: true, ...showCollaboration(desk.join(book, name, agents)), persistence: PERSISTENCE }
    }),
  ]
}
