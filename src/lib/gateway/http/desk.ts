import type { Socket } from 'node:net'
import type { AuthSettings } from '../../core/index.js'
import { ANONYMOUS, LOCAL, type Access } from '../access.js'
import type { View } from '../contract.js'
import { isUnlimited, limitView } from '../view-limits.js'
import { noteResponse } from './bad-request.js'
import { Budget } from './budget.js'
import { checkContent, NOT_ACCEPTABLE, readAccept } from './accept.js'
import { INVALID_REQUEST } from '../failure.js'
import type { HttpFrontOptions } from './contract.js'
import { answerOptions } from './cors.js'
import { Door } from './door.js'
import type { Incoming, Outgoing } from './exchange.js'
import { Guard } from './guard.js'
import { Heartbeat } from './heartbeat.js'
import type { McpEndpoint } from './mcp-endpoint.js'
import { MonitorDesk } from './monitor-desk.js'
import { Places, type Home } from './place.js'
import { Post, refuseUpload } from './post.js'
import { type Refusal, sendRefusal } from './respond.js'
import { serveRest } from './rest-desk.js'
import { readRestPath } from './rest-place.js'
import { SessionTable } from './session-table.js'
import { SseClients, UNKNOWN_CLIENT } from './sse-clients.js'
import { sendDefect, STOPPED, type Target } from './target.js'

/** What all bodies that are coming in may hold together. */
const UPLOAD_BYTES = 512 * 1024 * 1024
const SERVED = '/mcp, /mcp/SERVER and /profiles/NAME/mcp'
const MCP_METHODS = 'GET, POST, DELETE, OPTIONS'
const NOT_FOR_ALL: Refusal = { status: 403, code: INVALID_REQUEST, message: 'this tells of all servers; these credentials are for some of them', data: { reason: 'not-granted' } }

/** A request, taken apart. */
interface Visit {
  readonly req: Incoming
  readonly res: Outgoing
  readonly home: Home
  readonly path: string
  readonly query: string
}

/** Receives every request, turns away what must not come in, and leads the others to their place. Owns all of them. */
export class Desk {
  readonly #options: HttpFrontOptions
  readonly #guard: Guard
  readonly #door: Door
  readonly #heartbeat = new Heartbeat()
  readonly #table: SessionTable
  readonly #places: Places
  readonly #sse: SseClients
  readonly #monitor: MonitorDesk | null
  readonly #uploads = new Budget(UPLOAD_BYTES)
  readonly #homes = new WeakMap<Socket, Home>()
  readonly #common: Home
  readonly #told = new Set<string>()
  #isClosed = false

  constructor(options: HttpFrontOptions) {
    this.#options = options
    this.#guard = new Guard(options.settings)
    this.#door = new Door(options)
    this.#table = new SessionTable(options, this.#heartbeat, () => this.#sweep())
    this.#places = new Places(options.gateway, this.#table)
    this.#sse = new SseClients(options.gateway, this.#heartbeat)
    this.#monitor = options.monitor === undefined ? null : new MonitorDesk(options.monitor, options.settings.metrics?.public === true)
    this.#common = { view: options.view, path: '/mcp', isPrivate: false }
  }

  /** Requests on this connection are the home's. */
  settle(socket: Socket, home: Home): void {
    this.#homes.set(socket, home)
  }

  takeKeys(keys: AuthSettings['keys']): void {
    this.#door.takeKeys(keys)
  }

  receive(req: Incoming, res: Outgoing): void {
    res.sendDate = false
    noteResponse(req.socket, res)
    if (this.#isClosed) return refuseUpload(req, res, STOPPED)
    const home = this.#homes.get(req.socket) ?? this.#common
    try {
      const visit = { req, res, home, ...splitUrl(req.url ?? '') }
      const refusal = this.#guard.checkPlace(req)
      if (refusal !== null) return this.#turnAway(visit, refusal)
      res.origin = req.headers.origin ?? null
      if (home.isPrivate) req.access = LOCAL
      else if (this.#door.serveMetadata(visit)) return
      else if (!this.#door.isOpen) return this.#ask(visit)
      this.#lead(visit)
    } catch (error) {
      // A defect that one request brings out is that request's error.
      sendDefect(res, error)
    }
  }

  /** Answers or ends everything that is open. */
  close(): void {
    this.#isClosed = true
    this.#places.close()
    this.#sse.close()
    this.#table.close()
    this.#heartbeat.close()
  }

  /** Leads it on when it is known who asks. */
  #ask(visit: Visit): void {
    const { req, res, path } = visit
    // Browsers ask whether they may send credentials before they send any; what there is is not told by that.
    if (req.method === 'OPTIONS' && this.#monitor?.has(path) !== true) return answerOptions(req, res)
    if (req.method === 'OPTIONS' || this.#monitor?.isOpen(path) === true) return this.#lead(visit)
    this.#door.ask(visit, (access) => {
      if (this.#isClosed) return refuseUpload(req, res, STOPPED)
      req.access = access
      this.#lead(visit)
    }, (refusal) => { this.#turnAway(visit, refusal) })
  }

  #turnAway({ req, res, path }: Visit, refusal: Refusal): void {
    this.#tell(refusal.message)
    const reason = refusal.data?.['reason']
    this.#options.onRefused?.({
      caller: req.access === ANONYMOUS ? null : req.access.id, address: req.socket.remoteAddress ?? '', method: req.method ?? '', path,
      status: refusal.status, reason: typeof reason === 'string' ? reason : '',
    })
    refuseUpload(req, res, refusal)
  }

  #lead(visit: Visit): void {
    const { req, res, home, path } = visit
    const endpoint = this.#places.find(path, home, req.access)
    if (endpoint !== null) this.#serve(endpoint, req, res)
    else if (!home.isPrivate && this.#monitor?.has(path) === true) this.#report(this.#monitor, visit)
    else if (this.#options.settings.sse && this.#serveSse(visit)) return
    else if (this.#options.settings.rest === true && this.#serveRest(visit)) return
    else refuseUpload(req, res, notFound(home.isPrivate || this.#monitor === null ? SERVED : `${SERVED}, /health and /metrics`))
  }

  /** Health and figures name every server there is. */
  #report(monitor: MonitorDesk, visit: Visit): void {
    const { req, res, path } = visit
    if (isUnlimited(req.access.grant) || monitor.isOpen(path)) monitor.serve(path, req, res)
    else this.#turnAway(visit, NOT_FOR_ALL)
  }

  #serve(endpoint: McpEndpoint, req: Incoming, res: Outgoing): void {
    switch (req.method) {
      case 'POST': return this.#post(endpoint, req, res)
      case 'GET': return endpoint.get(req, res)
      case 'DELETE': return endpoint.delete(req, res)
      case 'OPTIONS': return answerOptions(req, res)
      default: return refuseUpload(req, res, notAllowed(MCP_METHODS))
    }
  }

  /** Plain HTTP and JSON; false: it has nothing at that path. */
  #serveRest({ req, res, home, path, query }: Visit): boolean {
    const target = readRestPath(path)
    if (target === null) return false
    const server = target.type === 'tools' ? new URLSearchParams(query).get('server') : null
    // What a profile shows of a server is found in the profile: outside of it there may be another one, or none.
    const isOfProfile = target.mcp !== '/mcp' || req.access.grant.profile !== null
    const endpoint = this.#places.find(server === null || isOfProfile ? target.mcp : `/mcp/${encodeURIComponent(server)}`, home, req.access)
    if (endpoint === null) return false
    const { shared } = endpoint
    const only = isOfProfile ? server : null
    if (only !== null && shared.session.sight?.servers().some(({ name }) => name === only) !== true) return false
    const post = serveRest({ req, res, target, shared, only })
    if (post !== null) this.#post(post, req, res)
    return true
  }

  /** HTTP+SSE; false: it has nothing at that path. */
  #serveSse({ req, res, home, path, query }: Visit): boolean {
    if (path === '/messages') {
      if (req.method === 'OPTIONS') answerOptions(req, res)
      else if (req.method !== 'POST') refuseUpload(req, res, notAllowed('POST, OPTIONS'))
      else this.#postTo(this.#sse.find(query, req.access), req, res)
      return true
    }
    const view = this.#viewOfSse(path, home, req.access)
    if (view === null) return false
    if (req.method === 'OPTIONS') answerOptions(req, res)
    // Clients that try POST first learn from this that it is the old transport.
    else if (req.method !== 'GET') refuseUpload(req, res, notAllowed('GET, OPTIONS'))
    else if (!readAccept(req.headers.accept).stream) sendRefusal(res, NOT_ACCEPTABLE)
    else this.#sse.open(view, req.access, res)
    return true
  }

  #viewOfSse(path: string, home: Home, access: Access): View | null {
    if (path.startsWith('/sse/')) return this.#places.viewAt(`/mcp${path.slice(4)}`, home, access)
    const view = path === '/sse' ? this.#places.homeView(home, access) : null
    return view === null ? null : limitView(view, access)
  }

  #postTo(target: Target | null, req: Incoming, res: Outgoing): void {
    if (target === null) refuseUpload(req, res, UNKNOWN_CLIENT)
    else this.#post(target, req, res)
  }

  #post(target: Target, req: Incoming, res: Outgoing): void {
    const { headers } = req
    const refusal = checkContent(headers['content-type'], headers['content-encoding'])
    if (refusal !== null) return refuseUpload(req, res, refusal)
    new Post(req, res, target, this.#uploads).run()
  }

  /** A page that tries all day fills no log: the same once a minute. */
  #tell(message: string): void {
    if (this.#told.size >= 20 || this.#told.has(message)) return
    this.#told.add(message)
    this.#options.log('warn', `HTTP request refused: ${message}`)
  }

  #sweep(): void {
    this.#told.clear()
    this.#door.sweep()
    const holds = (access: Access): boolean => this.#door.stillHolds(access)
    this.#table.sweep(holds)
    this.#places.sweep(holds)
    this.#sse.sweep(holds)
  }
}

function notFound(served: string): Refusal {
  return { status: 404, code: INVALID_REQUEST, message: `there is nothing here; mcpctl serves ${served}`, data: { reason: 'not-found' } }
}

function notAllowed(methods: string): Refusal {
  return { status: 405, code: INVALID_REQUEST, message: `this method is not served here; ${methods} are`, data: { reason: 'method' }, headers: ['allow', methods] }
}

/** Path and query of a request target; a proxy's absolute form counts by its path. */
function splitUrl(url: string): { readonly path: string; readonly query: string } {
  let target = url
  if (!url.startsWith('/')) {
    const start = url.indexOf('/', url.indexOf('://') + 3)
    target = url.includes('://') && start > 0 ? url.slice(start) : url
  }
  const at = target.indexOf('?')
  return at < 0 ? { path: target, query: '' } : { path: target.slice(0, at), query: target.slice(at + 1) }
}
