import { INVALID_REQUEST } from '../failure.js'
import type { Monitor } from './contract.js'
import { answerOptions } from './cors.js'
import type { Incoming, Outgoing } from './exchange.js'
import { refuseUpload } from './post.js'
import { sendBody, type Refusal } from './respond.js'
import { sendDefect } from './target.js'

const METRICS = '/metrics'
const HEALTH = '/health'
const METHODS = 'GET, HEAD, OPTIONS'
const NOT_ALLOWED: Refusal = { status: 405, code: INVALID_REQUEST, message: `this method is not served here; ${METHODS} are`, data: { reason: 'method' }, headers: ['allow', METHODS] }

/** Serves the paths for monitoring: `/metrics`, `/health` and `/health/NAME`. */
export class MonitorDesk {
  readonly #monitor: Monitor
  readonly #isPublic: boolean

  /** `isPublic`: figures and health are shown without the token. */
  constructor(monitor: Monitor, isPublic: boolean) {
    this.#monitor = monitor
    this.#isPublic = isPublic
  }

  /** Whether a path is read without the token: what watches over a daemon need not be trusted with all its servers. */
  isOpen(path: string): boolean {
    return this.#isPublic && this.has(path)
  }

  has(path: string): boolean {
    return path === METRICS || isHealth(path)
  }

  /** False: nothing of this is at that path. `path` is without its query. */
  serve(path: string, req: Incoming, res: Outgoing): boolean {
    if (!this.has(path)) return false
    if (req.method === 'OPTIONS') answerOptions(req, res, 'GET, HEAD')
    else if (req.method !== 'GET' && req.method !== 'HEAD') refuseUpload(req, res, NOT_ALLOWED)
    else void this.#answer(path, req, res)
    return true
  }

  async #answer(path: string, req: Incoming, res: Outgoing): Promise<void> {
    try {
      const { status, contentType, body } = await (path === METRICS ? this.#monitor.metrics(req.headers.accept) : this.#monitor.health(serverOf(path)))
      sendBody(res, status, body, ['content-type', contentType, 'cache-control', 'no-store', ...(path === METRICS ? ['vary', 'accept'] : [])])
    } catch (error) {
      sendDefect(res, error)
    }
  }
}

function isHealth(path: string): boolean {
  return path === HEALTH || path.startsWith(`${HEALTH}/`)
}

/** Null: all of them. What cannot be decoded is the name of no server. */
function serverOf(path: string): string | null {
  if (path === HEALTH) return null
  const name = path.slice(HEALTH.length + 1)
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
