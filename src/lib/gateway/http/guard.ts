import { bareHost, isLoopback } from '../../base/index.js'
import { INVALID_REQUEST } from '../failure.js'
import type { HttpFrontOptions } from './contract.js'
import type { Incoming } from './exchange.js'
import type { Refusal } from './respond.js'

const HOST = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i
const MAX_KNOWN = 64

/**
 * Decides which requests are let in: those that name a host of ours (a web page that made its own name point here names
 * that one) and come from no web page or an allowed one (2026-07-28, transports, security).
 */
export class Guard {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #goodHosts = new Set<string>()

  constructor({ host, allowedHosts, allowedOrigins }: HttpFrontOptions['settings']) {
    this.#hosts = new Set([...allowedHosts, host].map(bareHost))
    this.#origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))
  }

  /** Host and origin; null: fine. */
  checkPlace({ headers }: Incoming): Refusal | null {
    const { host, origin } = headers
    if (host === undefined || !this.#isOurs(host)) {
      return { status: 403, code: INVALID_REQUEST, message: `the host ${shown(host)} is not one mcpctl answers for; see gateway.allowedHosts`, data: { reason: 'host' } }
    }
    if (origin === undefined || this.#mayRead(origin)) return null
    return { status: 403, code: INVALID_REQUEST, message: `requests from the origin ${shown(origin)} are not allowed; see gateway.allowedOrigins`, data: { reason: 'origin' } }
  }

  #isOurs(header: string): boolean {
    if (this.#goodHosts.has(header)) return true
    const match = HOST.exec(header)
    const name = (match?.[1] ?? match?.[2])?.toLowerCase()
    if (name === undefined || !(isLoopback(name) || this.#hosts.has(name))) return false
    if (this.#goodHosts.size < MAX_KNOWN) this.#goodHosts.add(header)
    return true
  }

  #mayRead(origin: string): boolean {
    const given = origin.toLowerCase()
    if (this.#origins.has(given)) return true
    const match = /^https?:\/\/(.+)$/.exec(given)
    const place = HOST.exec(match?.[1] ?? '')
    return place !== null && isLoopback(place[1] ?? place[2] ?? '')
  }
}

function shown(header: string | undefined): string {
  return header === undefined ? '(none)' : JSON.stringify(header.slice(0, 100))
}
