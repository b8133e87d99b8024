import type { IncomingMessage } from 'node:http'
import type { Authorizer, HeaderSet } from './authorizer.js'
import { collectBody, type Endpoint, type HttpCall, type HttpCallEvents, type HttpRequest } from './http-endpoint.js'
import { LinkError } from './link-error.js'

/** Of the body of a refusal; nobody reads it. */
const MAX_REFUSAL_BYTES = 64 * 1024

/**
 * An endpoint whose requests carry what an authorizer has in hand. One that was refused (401, or 403 for a scope it does
 * not have: RFC 6750, so it was not acted on) is sent once more when there is something new to send it with.
 */
export function authorizeEndpoint(endpoint: Endpoint, authorizer: Authorizer): Endpoint {
  return {
    url: endpoint.url,
    host: endpoint.host,
    hasAuthorization: true,
    refusalHint: authorizer.hint,
    call(call, events) {
      // The address of an SSE server's event was checked before; a token must not depend on that.
      if (call.url !== undefined && call.url.origin !== endpoint.url.origin) throw new LinkError('rejected', `a message for ${endpoint.host} was about to go to another host`)
      const request = new AuthorizedRequest({ endpoint, authorizer }, call, events)
      request.start()
      return request
    },
    close: () => { endpoint.close() },
  }
}

interface Means {
  readonly endpoint: Endpoint
  readonly authorizer: Authorizer
}

/** One request of the wire: the wait for a token, the first attempt, the second. */
class AuthorizedRequest implements HttpRequest {
  readonly #means: Means
  readonly #call: HttpCall
  readonly #events: HttpCallEvents
  #request: HttpRequest | null = null
  #isSecond = false
  #isOver = false

  constructor(means: Means, call: HttpCall, events: HttpCallEvents) {
    this.#means = means
    this.#call = call
    this.#events = events
  }

  /** Throws what the endpoint throws, when there was nothing to wait for. */
  start(): void {
    let headers: HeaderSet | Promise<HeaderSet>
    try {
      headers = this.#means.authorizer.headers()
    } catch (error) {
      // The wire does not have the request yet that it is to be told of.
      queueMicrotask(() => { this.#fail(error) })
      return
    }
    if (headers instanceof Promise) this.#sendLater(headers)
    else this.#send(headers)
  }

  destroy(): void {
    this.#isOver = true
    this.#request?.destroy()
  }

  #sendLater(headers: Promise<HeaderSet>): void {
    headers.then((ready) => { this.#send(ready) }).catch((error: unknown) => { this.#fail(error) })
  }

  #send(headers: HeaderSet): void {
    if (this.#isOver) return
    this.#request = this.#means.endpoint.call({ ...this.#call, headers: { ...this.#call.headers, ...headers } }, {
      onResponse: (response) => {
        if (this.#isSecond || !isRefusal(response)) this.#events.onResponse(response)
        else this.#refused(response, headers)
      },
      onError: this.#events.onError,
    })
  }

  #refused(response: IncomingMessage, headers: HeaderSet): void {
    collectBody(response, MAX_REFUSAL_BYTES, () => undefined)
    const status = response.statusCode ?? 0
    this.#isSecond = true
    this.#means.authorizer
      .refused({ status, challenge: response.headers['www-authenticate'] ?? null, headers })
      .then((isWorthTrying) => {
        if (isWorthTrying) this.start()
        else this.#fail(refusedFor(this.#means, status))
      })
      .catch((error: unknown) => { this.#fail(error) })
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.onError(error instanceof Error ? error : new LinkError('unauthorised', 'no credentials could be had'), false)
  }
}

function isRefusal({ statusCode, headers }: IncomingMessage): boolean {
  return statusCode === 401 || (statusCode === 403 && /\berror\s*=\s*"?insufficient_scope\b/i.test(headers['www-authenticate'] ?? ''))
}

function refusedFor({ endpoint, authorizer }: Means, status: number): LinkError {
  return new LinkError('unauthorised', `${endpoint.host} refused access (HTTP ${status})`, { status, hint: authorizer.hint })
}
