import { isJsonObject, type JsonObject } from '../../mcp/index.js'
import { INVALID_REQUEST } from '../failure.js'
import type { ReachableServer } from '../contract.js'
import type { Incoming, Outgoing } from './exchange.js'
import { describeApi } from './openapi.js'
import { refuseUpload } from './post.js'
import { sendJson, type Refusal } from './respond.js'
import { askSession, type RestResult } from './rest-reply.js'
import type { RestTarget } from './rest-place.js'
import type { SharedSession } from './shared-session.js'
import type { Target } from './target.js'

/** A request of the REST face that was let in. */
export interface RestVisit {
  readonly req: Incoming
  readonly res: Outgoing
  readonly target: RestTarget
  /** The session of its caller at the place that has the same servers in view. */
  readonly shared: SharedSession
  /** The tools of this server alone are asked for; null: all. */
  readonly only: string | null
}

/** Tools and servers for clients that speak plain HTTP and JSON. What the body of a POST says is read by the caller, who hands it to what `post` returns. */
export function serveRest({ req, res, target, shared, only }: RestVisit): Target | null {
  const allowed = target.type === 'call' ? ['POST'] : ['GET', 'HEAD']
  if (!allowed.includes(req.method ?? '')) refuseUpload(req, res, notAllowed([...allowed, 'OPTIONS'].join(', ')))
  else if (target.type === 'call') return callTarget(target.tool, shared)
  else if (target.type === 'servers') sendJson(res, 200, [Buffer.from(JSON.stringify(showServers(shared.session.reachable?.() ?? [])))], NOT_KEPT)
  else askSession(res, { shared, method: 'tools/list', params: {}, show: target.type === 'tools' ? showTools(toolsOf(shared, only)) : showApi(target.base) })
  return null
}

const NOT_KEPT = ['cache-control', 'no-store'] as const

function callTarget(tool: string, shared: SharedSession): Target {
  return {
    take(body, req, res) {
      const args = readArguments(body)
      if (args === null) return refuseUpload(req, res, BAD_BODY)
      askSession(res, { shared, method: 'tools/call', params: { name: tool, arguments: args }, show: showResult })
    },
  }
}

/** No body at all is no arguments. */
function readArguments(body: Buffer): JsonObject | null {
  if (body.length === 0) return {}
  try {
    const args: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return isJsonObject(args) ? args : null
  } catch {
    return null
  }
}

/** The tool's result goes on as it is; that it failed is the tool's answer and no failure of HTTP. */
const showResult: RestResult = ({ resultType: _type, ...result }) => ({ status: 200, body: { success: result['isError'] !== true, isError: result['isError'] === true, result } })

/** Which tools of a list are those of one server. */
function toolsOf({ session }: SharedSession, server: string | null): (tool: unknown) => boolean {
  if (server === null) return () => true
  // Looked up when the list is there: the server may have been started for it.
  let names: ReadonlySet<unknown> | null = null
  return (tool) => {
    names ??= new Set((session.sight?.tools() ?? []).flatMap((seen) => (seen.server === server ? [seen.definition['name']] : [])))
    return isJsonObject(tool) && names.has(tool['name'])
  }
}

const showTools = (isMeant: (tool: unknown) => boolean): RestResult => ({ tools, _meta: meta }) => {
  const list = Array.isArray(tools) ? tools.filter(isMeant) : []
  const pending = isJsonObject(meta) ? meta['mcpctl/pending'] : undefined
  return { status: 200, body: { success: true, tools: list, total_count: list.length, ...(pending === undefined ? {} : { pending }) } }
}

const showApi = (base: string): RestResult => ({ tools }) => ({ status: 200, body: describeApi(Array.isArray(tools) ? tools : [], base) })

function showServers(servers: readonly ReachableServer[]): JsonObject {
  return {
    success: true,
    connected_servers: servers.filter(({ presence }) => presence === 'up').length,
    total_servers: servers.length,
    servers: Object.fromEntries(servers.map(({ name, presence, reason, tools }) => [name, { connected: presence === 'up', status: presence, tool_count: tools, ...(reason === '' ? {} : { reason }) }])),
  }
}

const BAD_BODY: Refusal = { status: 400, code: INVALID_REQUEST, message: 'the body has to be one JSON object: the arguments of the tool', data: { reason: 'arguments' } }

function notAllowed(methods: string): Refusal {
  return { status: 405, code: INVALID_REQUEST, message: `this method is not served here; ${methods} are`, data: { reason: 'method' }, headers: ['allow', methods] }
}
