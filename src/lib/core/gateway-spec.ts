import type { PinSpec } from './pin-spec.js'

/** When a tool or prompt gets its server's name in front: always, only when two servers use the same name, or never. */
export type PrefixMode = 'always' | 'on-collision' | 'none'

/** A named choice of servers: those listed and those that carry one of the tags. */
export interface ProfileSpec {
  readonly servers: readonly string[]
  readonly tags: readonly string[]
}

/** How calls are shared out among the servers of a group. `latency`: by an exponentially weighted average of their answers' times. */
export type Strategy = 'priority' | 'round-robin' | 'least-pending' | 'weighted' | 'random' | 'latency'

/** A server's place among those that stand in for each other. */
export interface MembershipSpec {
  /** The name clients see in place of the server's own. */
  readonly group: string
  readonly strategy: Strategy
  /** `session`: a client session stays with one member as long as that one takes calls. */
  readonly sticky: 'none' | 'session'
  /** The lowest number goes first; members with a higher one are used when none with a lower one takes calls. */
  readonly priority: number
  /** Its share where calls are shared out by weight; above 0. */
  readonly weight: number
}

/** Stands between a server's name and the number of its replica, or the profile it was made for; no configured name can hold it. */
export const VARIANT_MARK = '@'

/** The name under which the configuration has the server that a replica, or what was made for a profile, comes from. */
export function writtenName(name: string): string {
  const at = name.indexOf(VARIANT_MARK)
  return at < 0 ? name : name.slice(0, at)
}

/** When a server that fails its calls is left alone, and how it is tried again. */
export interface BreakerSpec {
  /** So many failures in a row open it. */
  readonly failures: number
  /** So many percent of the calls of a window open it, if there were at least `minCalls`; null: only failures in a row count. */
  readonly errorPercent: number | null
  readonly minCalls: number
  readonly windowMs: number
  /** Time until the first trial; doubled with each one that fails, up to `maxRecoveryMs`. */
  readonly recoveryMs: number
  readonly maxRecoveryMs: number
  /** Calls that must go well, one after the other, before it is closed; no more than these are let through meanwhile. */
  readonly trials: number
}

/** A token bucket: `perMinute` on average, `burst` at once. */
export interface RateSpec {
  readonly perMinute: number
  readonly burst: number
}

/** Calls under way at once; more wait in a queue for a bounded time. */
export interface ConcurrencySpec {
  readonly max: number
  readonly queue: number
  readonly queueTimeoutMs: number
}

/** Which answers of a server are kept for the next equal request. */
export interface CacheSpec {
  /** Tools whose answers are kept, by the server's own names, `*` for any text; null: those that say they only read. */
  readonly tools: readonly string[] | null
  readonly resources: boolean
  readonly prompts: boolean
  /** Where the answer itself states no time. */
  readonly ttlMs: number
  /** `caller`: kept for the one who asked. `public`: for everybody. */
  readonly scope: 'caller' | 'public'
}

/** What a caller may see and do. Patterns hold `*` for any text. */
export interface GrantSpec {
  /** Servers, groups and tools by the names clients see; null: all. */
  readonly servers: readonly string[] | null
  readonly allow: readonly string[] | null
  /** Wins over `allow`. */
  readonly deny: readonly string[]
  readonly rate: RateSpec | null
  /** It is let in at this profile's endpoint only, which `/mcp` then means. */
  readonly profile: string | null
  /** It may use the management tools. */
  readonly manage: boolean
}

/** A key as it is kept: never the key itself. */
export interface KeySpec {
  /** SHA-256 of the key, 64 hex digits. */
  readonly sha256: string
  readonly grant: GrantSpec
  /** Epoch ms; null: never. */
  readonly expiresAt: number | null
}

export type JwtAlgorithm = 'HS256' | 'HS384' | 'HS512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA'

/** Whose JSON web tokens are accepted. Exactly one of `secret`, `publicKey` and `jwksUrl` is set. */
export interface JwtSpec {
  readonly algorithms: readonly JwtAlgorithm[]
  readonly secret: string | null
  /** PEM (SPKI). */
  readonly publicKey: string | null
  readonly jwksUrl: string | null
  /** Null: any. */
  readonly issuer: string | null
  /** One of these has to be named; empty: not looked at. */
  readonly audiences: readonly string[]
  /** All of these are needed. */
  readonly scopes: readonly string[]
  /** Tolerance for clocks. */
  readonly leewayMs: number
  readonly grant: GrantSpec
}

/** Who may come in over HTTP, besides who carries `GatewaySettings.token`. */
export interface AuthSettings {
  /** By name. More keys may stand in the home (`mcpctl key`). */
  readonly keys: Readonly<Record<string, KeySpec>>
  readonly jwt: readonly JwtSpec[]
  /** The address clients use, as it is named in tokens and in the metadata of RFC 9728; null: what the request was sent to. */
  readonly resource: string | null
  /** Issuers that are named in that metadata. */
  readonly authorizationServers: readonly string[]
}

export interface ManagementSettings {
  /** Whether clients see the tools `manage`, `proxy_status` and `proxy_health`. `auto`: those whose grant says so, and those on this machine's own socket that ask for them; `on`: all but those whose grant does not say so. */
  readonly tools: 'auto' | 'on' | 'off'
  /** Whether `manage` may add servers that are commands. */
  readonly allowCommands: boolean
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
  readonly auth: AuthSettings
  /** What one caller may ask for, and all together; null: as much as they want. */
  readonly rate: { readonly caller: RateSpec | null; readonly total: RateSpec | null }
  /** For all servers together. */
  readonly concurrency: ConcurrencySpec | null
  /** What all kept answers may hold together. */
  readonly cacheBytes: number
  readonly management: ManagementSettings
  /** Whether clients see the tools for agent sessions and workflows. */
  readonly workflows: boolean
  /** Whether `/tools`, `/servers` and `/openapi.json` are served beside MCP. */
  readonly rest: boolean
  /** Whether every call is written to the audit log. */
  readonly audit: boolean
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
  /** Tools that may be called again when it is not known whether they were, by the server's own names, `*` for any text, beside those that say so themselves. */
  readonly repeatable: readonly string[]
  /** Null: clients see it under its own name, and nobody stands in for it. */
  readonly membership: MembershipSpec | null
  /** The profile it was made for, where alone it is seen; null: for all. */
  readonly profile: string | null
  /** Null: it is sent calls however many fail. */
  readonly breaker: BreakerSpec | null
  readonly rate: RateSpec | null
  readonly concurrency: ConcurrencySpec | null
  /** Null: nothing is kept. */
  readonly cache: CacheSpec | null
  /** What its definitions were when they were locked: others are kept from clients. Null: they are taken as they are. */
  readonly pins: PinSpec | null
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
  auth: { keys: {}, jwt: [], resource: null, authorizationServers: [] },
  rate: { caller: null, total: null },
  concurrency: null,
  cacheBytes: 64 * 1024 * 1024,
  management: { tools: 'auto', allowCommands: false },
  workflows: false,
  rest: true,
  audit: false,
}

export const DEFAULT_BREAKER: BreakerSpec = { failures: 5, errorPercent: 50, minCalls: 20, windowMs: 30_000, recoveryMs: 1_000, maxRecoveryMs: 60_000, trials: 3 }

export const DEFAULT_TRAFFIC: TrafficSpec = {
  idleTimeoutMs: null, timeoutMs: null, allow: null, deny: [], tools: {}, repeatable: [],
  membership: null, profile: null, breaker: DEFAULT_BREAKER, rate: null, concurrency: null, cache: null, pins: null,
}

/** Everything. */
export const FULL_GRANT: GrantSpec = { servers: null, allow: null, deny: [], rate: null, profile: null, manage: false }
