/** When a tool or prompt gets its server's name in front: always, only when two servers use the same name, or never. */
export type PrefixMode = 'always' | 'on-collision' | 'none'

/** A named choice of servers: those listed and those that carry one of the tags. */
export interface ProfileSpec {
  readonly servers: readonly string[]
  readonly tags: readonly string[]
}

/** What `/metrics` shows, and to whom. */
export interface MonitoringSettings {
  /** Whether each server has its figures under names of its own (`mcp_NAME_requests_total`) as well. */
  readonly compat: boolean
  /** Whether it is shown without the gateway's token. */
  readonly public: boolean
}

/** How clients reach the servers; one for the whole daemon. */
export interface GatewaySettings {
  /** TCP port of the HTTP front; null: none, clients come through `mcpctl proxy` only. */
  readonly port: number | null
  readonly host: string
  /** What HTTP clients must send as bearer token; null: none, which is only allowed on a loopback address. */
  readonly token: string | null
  /** Host names a request may name besides loopback ones (without port). */
  readonly allowedHosts: readonly string[]
  /** Origins a request may come from besides loopback ones, such as `https://app.example`. */
  readonly allowedOrigins: readonly string[]
  readonly prefix: PrefixMode
  /** Stands between server and tool name. */
  readonly separator: string
  /** Longest tool or prompt name clients are shown; longer ones are shortened. */
  readonly maxNameLength: number
  /** Whether the HTTP+SSE transport of 2024-11-05 is served as well. */
  readonly sse: boolean
  /** The longest a list waits for servers that are still starting and were never listed before. */
  readonly listWaitMs: number
  /** The longest a request waits for a server that is starting or being restarted. */
  readonly startWaitMs: number
  /** Whether the servers' instructions are passed on, joined. */
  readonly instructions: boolean
  readonly metrics: MonitoringSettings
  readonly profiles: Readonly<Record<string, ProfileSpec>>
}

/** One tool as clients are to see it; the key is the name the server uses. */
export interface ToolSpec {
  readonly name?: string
  readonly description?: string
  readonly enabled?: boolean
  readonly idleTimeoutMs?: number
  readonly timeoutMs?: number
}

/** What the gateway does with the traffic of one server; changes take effect without a restart. */
export interface TrafficSpec {
  /** A call without a sign of life (answer, progress) for this long is given up; null: never. */
  readonly idleTimeoutMs: number | null
  /** A call that takes longer than this is given up whatever happens; null: never. */
  readonly timeoutMs: number | null
  /** Tools clients may see, by the server's own names, `*` for any text; null: all. */
  readonly allow: readonly string[] | null
  /** Tools clients may not see; wins over `allow`. */
  readonly deny: readonly string[]
  readonly tools: Readonly<Record<string, ToolSpec>>
}

/** A folder or other place the server may work in, as a URI (the protocol's roots). */
export interface RootSpec {
  readonly uri: string
  readonly name?: string
}

/** What a client can do for a server, as declared to servers that are shared. */
export type ClientAbility = 'sampling' | 'elicitation'

/** `shared`: one process serves all clients. `per-session`: each client session gets a process of its own. */
export type Isolation = 'shared' | 'per-session'

export const DEFAULT_GATEWAY: GatewaySettings = {
  port: null,
  host: '127.0.0.1',
  token: null,
  allowedHosts: [],
  allowedOrigins: [],
  prefix: 'always',
  separator: '__',
  maxNameLength: 64,
  sse: false,
  listWaitMs: 5_000,
  startWaitMs: 30_000,
  instructions: true,
  metrics: { compat: false, public: false },
  profiles: {},
}

export const DEFAULT_TRAFFIC: TrafficSpec = { idleTimeoutMs: null, timeoutMs: null, allow: null, deny: [], tools: {} }
