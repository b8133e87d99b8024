import { VERSION, type Home } from '../control/index.js'
import type { Era } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import type { Established, JsonObject, Link } from '../mcp/index.js'

/** A conversation with one server through the daemon's gateway. Its owner calls `close`. */
export interface ServerLink {
  readonly link: Link
  readonly established: Established
  close(): void
}

export interface ServerLinkOptions {
  readonly home: Home
  readonly server: string
  /** What the server speaks, so that nothing is translated; null when it is not known. */
  readonly era: Era | null
  readonly signal: AbortSignal
  readonly onNotification?: (method: string, params: JsonObject | undefined) => void
}

/** A gateway answers these at once; the lists it may put off for some seconds while servers start. */
const OPENING_LIMIT_MS = 60_000

/**
 * Opens one server under its own names, through the gateway: what comes back is what clients of the gateway get.
 * Throws McpctlError: NOT_RUNNING without a daemon, DAEMON_UNREACHABLE, CALL_FAILED when the handshake fails.
 */
export async function openServerLink(options: ServerLinkOptions): Promise<ServerLink> {
  const view = { servers: [options.server], tags: [], prefix: 'none', separator: null } as const
  const [mcp, { openFrontStream }] = await Promise.all([import('../mcp/index.js'), import('../pump/index.js')])
  const socket = await openFrontStream({ address: options.home.gatewaySocket, hello: { view, profile: null }, revive: null })
  const { onNotification } = options
  const link = mcp.openStdioLink({
    input: socket, output: socket, client: { name: 'mcpctl', version: VERSION }, onNoise: () => undefined,
    ...(onNotification === undefined ? {} : { onNotification }),
  })
  socket.resume()
  const close = (): void => {
    link.close()
    socket.destroySoon()
  }
  try {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(OPENING_LIMIT_MS)])
    const established = await link.establish({ era: options.era ?? 'auto', remembered: null, now: Date.now, signal })
    return { link, established, close }
  } catch (error) {
    close()
    throw explainFailure(error, options.server)
  }
}

/** A failure of a request through the gateway, as one of our errors. */
export function explainFailure(error: unknown, server: string): unknown {
  if (!(error instanceof Error)) return error
  // By name: their classes are only loaded where a link is opened.
  if (error.name === 'RpcError') return answeredWithError(error as Error & { code: number; data: unknown }, server)
  if (error.name !== 'LinkError') return error
  const { reason, hint } = error as Error & { reason: string; hint: string | undefined }
  if (reason === 'closed') return new McpctlError('DAEMON_UNREACHABLE', 'the daemon closed the connection', { hint: 'See mcpctl daemon status, or start it again: mcpctl start.', cause: error })
  if (reason === 'aborted') return new McpctlError('INTERRUPTED', `interrupted; server "${server}" is told that nobody waits any more`, { hint: `See mcpctl logs ${server} for what it does about it.`, details: { server }, cause: error })
  return new McpctlError(reason === 'timeout' ? 'TIMEOUT' : 'CALL_FAILED', `server "${server}": ${error.message}`, { hint: hint ?? `See mcpctl why ${server}.`, details: { server, reason }, cause: error })
}

function answeredWithError(error: Error & { code: number; data: unknown }, server: string): McpctlError {
  const data = typeof error.data === 'object' && error.data !== null ? (error.data as Record<string, unknown>) : {}
  const isOurs = typeof data['reason'] === 'string'
  // A server that answers with an error is well; one whose answer did not come has a story.
  const hint = typeof data['hint'] === 'string' ? data['hint'] : isOurs ? `See mcpctl why ${server}.` : `See mcpctl status ${server}, or mcpctl logs ${server}.`
  const details = { server, rpcCode: error.code, ...(error.data === undefined ? {} : { data: error.data }) }
  // Errors of the gateway name the server themselves and say why; those of a server are told with their number.
  if (isOurs) return new McpctlError(data['reason'] === 'timeout' ? 'TIMEOUT' : 'CALL_FAILED', error.message, { hint, details, cause: error })
  return new McpctlError('CALL_FAILED', `server "${server}" answered with error ${error.code}: ${error.message || 'no message'}`, { hint, details, cause: error })
}
