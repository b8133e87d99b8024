import type { ClientAbility, GatewaySettings, Isolation, RootSpec, TrafficSpec } from './gateway-spec.js'

/** How a server is reached. `none`: a helper process that speaks no MCP (a database, a tunnel). */
export type Transport = 'stdio' | 'http' | 'sse' | 'none'

/** A generation of the protocol: `legacy` up to 2025-11-25 (initialize), `modern` 2026-07-28 (stateless). */
export type Era = 'legacy' | 'modern'

/** The process to start, exactly as configured, variables expanded. */
export interface LaunchSpec {
  readonly command: string
  readonly args: readonly string[]
  /** Absolute. */
  readonly cwd: string
  /** Everything the process gets: allow-listed inherited variables plus the configured ones. */
  readonly env: Readonly<Record<string, string>>
  /** Names in `env` that the configuration sets itself; the others follow the shell that applied it. */
  readonly ownEnv: readonly string[]
  /** Command and arguments for people: secrets masked, references as they are written. */
  readonly shown: readonly string[]
}

export interface EndpointSpec {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** How requests are authorised where that is no matter of a header that stays as it is; absent: they are not. */
  readonly auth?: OutboundAuthSpec
  /** Connections kept for later, and open at once besides the stream of its own messages; absent: as many as calls need. */
  readonly pool?: PoolSpec
}

export interface PoolSpec {
  readonly min: number
  readonly max: number
}

/** Where the bearer token for a server comes from. Paths are absolute. */
export type OutboundAuthSpec =
  /** Read anew when the file changed. */
  | { readonly type: 'file'; readonly path: string }
  /** What the keychain of the system has under this; read when it is needed, and again when it was refused. */
  | { readonly type: 'keychain'; readonly service: string; readonly account: string | null }
  /** What the command prints; run anew when the token was refused or `ttlMs` is over. */
  | { readonly type: 'command'; readonly command: string; readonly args: readonly string[]; readonly cwd: string; readonly ttlMs: number }
  /** OAuth 2.1. What is null is found out from the server's own metadata, or by registering there. */
  | {
      readonly type: 'oauth'
      readonly grant: 'authorization-code' | 'client-credentials'
      readonly clientId: string | null
      readonly clientSecret: string | null
      readonly scopes: readonly string[]
      readonly authorizationServer: string | null
      /** Port on this machine the browser comes back to; null: a free one. */
      readonly redirectPort: number | null
      /** `keychain`: the login is kept with the keychain of the system; absent: in a file. */
      readonly store?: 'keychain'
    }

export type RestartPolicy = 'always' | 'on-failure' | 'never'

export interface RestartSpec {
  readonly policy: RestartPolicy
  /** First delay after the immediate restart, doubled each time up to the cap. */
  readonly backoffInitialMs: number
  readonly backoffMaxMs: number
  /** More restarts than this inside the window: give up. Judged whatever the uptime. */
  readonly maxRestarts: number
  readonly windowMs: number
}

/** For the whole process tree of the server. What is absent is not limited. */
export interface LimitsSpec {
  readonly memoryBytes?: number
  /** Above this the server is replaced as soon as it has no call under way. */
  readonly memorySoftBytes?: number
  /** Percent of one core. */
  readonly cpuPercent?: number
  /** Processes and threads. */
  readonly pids?: number
  /** Rather no start than one where the memory of the whole tree cannot be limited. */
  readonly required?: boolean
}

/** Whether there is nothing in it to hold a server to. */
export function isUnlimited({ memoryBytes, memorySoftBytes, cpuPercent, pids }: LimitsSpec): boolean {
  return [memoryBytes, memorySoftBytes, cpuPercent, pids].every((limit) => limit === undefined)
}

/** How a server is asked whether it works. `mcp`: in its own protocol. */
export type ProbeSpec =
  | { readonly type: 'mcp' }
  | { readonly type: 'none' }
  | { readonly type: 'http'; readonly url: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | { readonly type: 'command'; readonly command: string; readonly args: readonly string[] }

export interface HealthSpec {
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Silence of a server with calls under way that counts as hung: it may be waiting for something itself. */
  readonly hungAfterMs: number
  readonly probe: ProbeSpec
}

/** How a running server is exchanged for one with a changed configuration: the new one is proven beside the old one, or started after it ended. */
export type ReplaceMode = 'beside' | 'in-place'

export interface LogsSpec {
  /** Size at which a log file is rotated. */
  readonly maxBytes: number
  /** Rotated files kept beside the current one. */
  readonly keep: number
}

/** A validated, immutable description of a server. `launch` and `endpoint`: at least one is set. */
export interface ServerSpec {
  readonly name: string
  /** Absolute path of the configuration file that defines it. */
  readonly source: string
  readonly transport: Transport
  readonly launch: LaunchSpec | null
  readonly endpoint: EndpointSpec | null
  readonly era: 'auto' | Era
  readonly enabled: boolean
  readonly restart: RestartSpec
  readonly limits: LimitsSpec
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  /** How long calls under way may take to finish before a stop begins. */
  readonly drainTimeoutMs: number
  readonly replace: ReplaceMode
  readonly health: HealthSpec
  readonly dependsOn: readonly string[]
  readonly tags: readonly string[]
  readonly logs: LogsSpec
  readonly isolation: Isolation
  /** `on-demand`: started by the first request for it, not with the others. */
  readonly start: 'auto' | 'on-demand'
  /** A server on demand that nobody used for this long is stopped again; null: never. */
  readonly idleStopMs: number | null
  /** Answer to `roots/list` of a server that is shared; null: roots are not offered to it. */
  readonly roots: readonly RootSpec[] | null
  /** What a shared server is told its clients can do. */
  readonly clientAbilities: readonly ClientAbility[]
  /** Set for the process of one client session: what that client said about itself. */
  readonly session: SessionClient | null
  readonly traffic: TrafficSpec
}

/** The client a per-session process is for, as it introduced itself. */
export interface SessionClient {
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly info: { readonly name: string; readonly version: string } | null
}

/** Settings of the daemon as a whole. */
export interface FleetSettings {
  /** How many servers may be between spawn and ready at once; 1 is sequential. */
  readonly maxConcurrentStarts: number
  readonly gateway: GatewaySettings
}
