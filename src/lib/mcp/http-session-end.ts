import type { Endpoint, HttpRequest } from './http-endpoint.js'

const TIMEOUT_MS = 1000

/** Ends a legacy session politely, but not for long: 405 or silence are as good as done. Closes the endpoint. */
export function endSession(endpoint: Endpoint, headers: Readonly<Record<string, string>>): void {
  let request: HttpRequest | null = null
  const timer = setTimeout(() => { over() }, TIMEOUT_MS).unref()
  const over = (): void => {
    clearTimeout(timer)
    request?.destroy()
    endpoint.close()
  }
  try {
    request = endpoint.call({ method: 'DELETE', headers }, { onResponse: over, onError: over })
  } catch {
    over()
  }
}
