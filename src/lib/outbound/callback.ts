import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OutboundError } from './failure.js'

const PATH = '/callback'
const MAX_ADDRESS_CHARS = 16 * 1024

/** Where the browser comes back to: a port of this machine, open for one login. */
export interface Callback {
  readonly redirectUri: string
  /**
   * Waits for the browser and tells it how it ended. `judge` gets what it brought and answers null for what is not about
   * this login, which is refused and waited past; what it rejects with is the outcome.
   */
  wait<T>(judge: (values: URLSearchParams) => Promise<T> | null): Promise<T>
  close(): void
}

/** Rejects with OutboundError `refused` when the port is taken. Only this machine can come in. */
export async function openCallback(port: number | null): Promise<Callback> {
  const server = createServer({ maxHeaderSize: MAX_ADDRESS_CHARS, requestTimeout: 10_000 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new OutboundError('refused', `port ${port ?? 0}, where the browser is to come back to, cannot be used (${error.code ?? error.message})`, { hint: 'Free it, or set another auth.redirectPort.' }))
    })
    server.listen(port ?? 0, '127.0.0.1', resolve)
  })
  return {
    redirectUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`,
    wait: (judge) => new Promise((resolve, reject) => {
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        const address = URL.canParse(request.url ?? '', 'http://127.0.0.1') ? new URL(request.url ?? '', 'http://127.0.0.1') : null
        if (request.method !== 'GET' || address?.pathname !== PATH) return answer(response, 404, 'There is nothing here.')
        const outcome = judge(address.searchParams)
        if (outcome === null) return answer(response, 400, 'This is not the login that mcpctl waits for.')
        outcome.then(
          (value) => {
            answer(response, 200, 'You are logged in. You can close this page and go back to the terminal.')
            resolve(value)
          },
          (error: unknown) => {
            answer(response, 400, 'The login did not work. The terminal says why.')
            reject(error instanceof Error ? error : new OutboundError('refused', 'the login did not work'))
          },
        )
      })
    }),
    close: () => {
      server.close()
      server.closeIdleConnections()
      // A page that is still being read gets its last bytes.
      setTimeout(() => { server.closeAllConnections() }, 1000).unref()
    },
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', connection: 'close' })
  response.end(`${text}\n`)
}
