import { VERSION } from '../control/index.js'
import type { ServerSpec } from '../core/index.js'
import type { ClientIdentity } from '../mcp/index.js'

/** Who the server is told it talks to: the client its process is for, or us with what its clients can do by configuration. */
export function introduction({ session, clientAbilities, roots }: ServerSpec): ClientIdentity {
  if (session !== null) return { name: session.info?.name ?? 'mcpctl', version: session.info?.version ?? VERSION, capabilities: withoutTasks(session.capabilities) }
  const abilities = Object.fromEntries(clientAbilities.map((ability) => [ability, ability === 'elicitation' ? { form: {}, url: {} } : {}]))
  return { name: 'mcpctl', version: VERSION, capabilities: { ...abilities, ...(roots === null ? {} : { roots: {} }) } }
}

/** Tasks are not passed on, so no server is told that a client can do them. */
function withoutTasks({ tasks: _dropped, ...capabilities }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return capabilities
}
