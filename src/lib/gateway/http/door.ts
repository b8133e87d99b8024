import type { Socket } from 'node:net'
import { isLoopback } from '../../base/index.js'
import type { AuthSettings } from '../../core/index.js'
import { ANONYMOUS, type Access } from '../access.js'
import { Challenge, createAuthenticator, readShown, type Authenticator, type Denial, type Verdict } from '../auth/index.js'
import { INTERNAL_ERROR, INVALID_REQUEST } from '../failure.js'
import type { HttpFrontOptions } from './contract.js'
import { isGone, type Incoming, type Outgoing } from './exchange.js'
import { sendBody, type Refusal } from './respond.js'
import { sendDefect } from './target.js'

/** Requests of one connection that may wait while a token is verified; clients send one after the other. */
const MAX_WAITING = 100
const NO_AUTH = { keys: {}, jwt: [], resource: null, authorizationServers: [] }
const BUSY: Refusal = { status: 503, code: INTERNAL_ERROR, message: 'too many requests of this connection wait for their token to be verified', data: { reason: 'overloaded', retryAfterMs: 1000 }, headers: ['retry-after', '1'] }

interface Line {
  last: Promise<void>
  length: number
}

/** Where a request is for, and where its answer says so. */
export interface Asking {
  readonly req: Incoming
  readonly res: Outgoing
  readonly path: string
}

/** Finds out who a request comes from, before it is led anywhere. */
export class Door {
  readonly #authenticator: Authenticator
  readonly #challenge: Challenge | null
  /** Connections with a request whose token is being verified. */
  readonly #lines = new WeakMap<Socket, Line>()
  #waiting = 0

  constructor({ settings: { host, port, token, auth = NO_AUTH }, keys, now = Date.now }: HttpFrontOptions) {
    this.#authenticator = createAuthenticator({ auth, token, keys: keys ?? null, isExposed: port !== null && !isLoopback(host), now })
    this.#challenge = auth.jwt.length === 0 && auth.authorizationServers.length === 0 ? null : new Challenge(auth)
  }

  /** Nobody is asked who he is. */
  get isOpen(): boolean {
    return this.#authenticator.isOpen
  }

  /** Answers with what RFC 9728 wants known of the place; false: that was not asked for. Everybody may read it. */
  serveMetadata({ req, res, path }: Asking): boolean {
    if (this.#challenge === null || !path.startsWith('/.well-known/') || (req.method !== 'GET' && req.method !== 'HEAD')) return false
    const metadata = this.#challenge.metadata(path, req.headers.host ?? '')
    if (metadata === null) return false
    sendBody(res, 200, [Buffer.from(JSON.stringify(metadata))], ['content-type', 'application/json', 'cache-control', 'no-store'])
    return true
  }

  /**
   * Calls `enter` when it is known who asks, or `refuse`; neither when the client has gone meanwhile. Requests of one
   * connection are let in in the order in which they came, also when one of them has to wait.
   */
  ask(asking: Asking, enter: (access: Access) => void, refuse: (refusal: Refusal) => void): void {
    const { req, res } = asking
    const settle = ({ access, denial }: Verdict): void => {
      if (access !== undefined) enter(access)
      else refuse(this.#refusal(denial, asking))
    }
    const line = this.#waiting === 0 ? undefined : this.#lines.get(req.socket)
    if (line === undefined) {
      const verdict = this.#identify(req)
      if (verdict instanceof Promise) this.#wait(asking, verdict, settle)
      else settle(verdict)
    } else if (line.length >= MAX_WAITING) refuse(BUSY)
    else this.#wait({ req, res, path: asking.path }, line.last.then(() => this.#identify(req)), settle, line)
  }

  takeKeys(keys: AuthSettings['keys']): void {
    this.#authenticator.takeKeys(keys)
  }

  stillHolds(access: Access): boolean {
    return this.#authenticator.stillHolds(access)
  }

  sweep(): void {
    this.#authenticator.sweep()
  }

  #identify(req: Incoming): Verdict | Promise<Verdict> {
    return this.#authenticator.isOpen ? { access: ANONYMOUS } : this.#authenticator.identify(readShown(req))
  }

  #wait({ req, res }: Asking, verdict: Promise<Verdict>, settle: (verdict: Verdict) => void, known?: Line): void {
    const line = known ?? { last: Promise.resolve(), length: 0 }
    this.#lines.set(req.socket, line)
    this.#waiting++
    line.length++
    line.last = verdict.then((found) => {
      this.#waiting--
      if (--line.length === 0) this.#lines.delete(req.socket)
      if (!isGone(res)) settle(found)
    }).catch((error: unknown) => { sendDefect(res, error) })
  }

  #refusal(denial: Denial, { req, path }: Asking): Refusal {
    const { status, reason, message, retryAfterMs } = denial
    const header = this.#challenge === null ? plainChallenge(denial) : this.#challenge.header(denial, path, req.headers.host ?? '')
    return {
      status, code: status === 503 ? INTERNAL_ERROR : INVALID_REQUEST, message,
      data: { reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
      headers: [...(header === null ? [] : ['www-authenticate', header]), ...(retryAfterMs === undefined ? [] : ['retry-after', String(Math.ceil(retryAfterMs / 1000))])],
    }
  }
}

function plainChallenge({ status, error }: Denial): string | null {
  return status !== 401 ? null : error === null ? 'Bearer' : `Bearer error="${error}"`
}
