import { McpctlError } from '../errors/index.js'
import { parseClientMessage, type Gateway, type Reply, type View } from '../gateway/index.js'

/** A client of the gateway in this process. Its owner calls `close`. */
export interface LocalSession {
  /** Resolves with the result. Rejects with CALL_FAILED when the answer is an error, with INTERRUPTED when `signal` is aborted. */
  request(method: string, params: Readonly<Record<string, unknown>>, signal: AbortSignal | null): Promise<Readonly<Record<string, unknown>>>
  close(): void
}

export function openLocalSession(gateway: Gateway, view: View): LocalSession {
  const session = gateway.openSession({ view, channel: { send: () => undefined }, kind: 'any', door: 'stdio' })
  let ids = 0
  const request: LocalSession['request'] = (method, params, signal) => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(interrupted())
    const reply: Reply = {
      answer: (parts) => {
        signal?.removeEventListener('abort', abort)
        settle(JSON.parse(Buffer.concat(parts).toString('utf8')), resolve, reject)
      },
      send: () => undefined,
    }
    const underway = session.receive(parseClientMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: ++ids, method, params }))), reply)
    const abort = (): void => {
      underway?.abort('the caller took it back')
      reject(interrupted())
    }
    if (underway !== null) signal?.addEventListener('abort', abort, { once: true })
  })
  // Without an introduction it would be no client that lists are kept for.
  void request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'mcpctl-library', version: '1' } }, null).catch(() => undefined)
  return { request, close: () => { session.close('the caller is done') } }
}

type Answer = Readonly<Record<string, unknown>>

function settle(answer: unknown, resolve: (result: Answer) => void, reject: (error: McpctlError) => void): void {
  const { result, error } = answer as { readonly result?: Answer; readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown } }
  if (error === undefined) return resolve(result ?? {})
  const data = typeof error.data === 'object' && error.data !== null ? (error.data as Answer) : {}
  const hint = typeof data['hint'] === 'string' ? data['hint'] : 'See status() for how its server is.'
  reject(new McpctlError('CALL_FAILED', error.message, { hint, details: { ...data, rpcCode: error.code } }))
}

function interrupted(): McpctlError {
  return new McpctlError('INTERRUPTED', 'the call was taken back', { hint: 'Call again without aborting the signal.' })
}
