import type { Incoming, Outgoing } from './exchange.js'
import { sendEmpty } from './respond.js'

const METHODS = 'GET, POST, DELETE'
const HEADERS = 'content-type, accept, authorization, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name'
const HEADER_LIST = /^[!#$%&'*+\-.^_`|~0-9A-Za-z, \t]{1,4000}$/

/**
 * Answers OPTIONS; the origin was checked before. Browsers ask without credentials. The headers asked for are granted as
 * they are, because `Mcp-Param-*` are named by the servers (Fetch standard, CORS-preflight request).
 */
export function answerOptions({ headers }: Incoming, res: Outgoing, methods: string = METHODS): void {
  if (res.origin === null) return sendEmpty(res, 204, ['allow', `${methods}, OPTIONS`])
  const asked = headers['access-control-request-headers']
  const granted = typeof asked === 'string' && HEADER_LIST.test(asked) ? asked : HEADERS
  const isPrivate = headers['access-control-request-private-network'] === 'true'
  sendEmpty(res, 204, [
    'access-control-allow-methods', methods,
    'access-control-allow-headers', granted,
    'access-control-max-age', '600',
    ...(isPrivate ? ['access-control-allow-private-network', 'true'] : []),
  ])
}
