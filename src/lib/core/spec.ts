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

export interface LimitsSpec {
  readonly memoryBytes?: number
  /** Percent of one core. */
  readonly cpuPercent?: number
  readonly pids?: number
}

export interface HealthSpec {
  readonly intervalMs: number
  readonly timeoutMs: number
}

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

/** Whether two specs ask for the same server; variables merely inherited from a shell do not count. */
export function isSameSpec(a: ServerSpec, b: ServerSpec): boolean {
  return JSON.stringify(comparable(a)) === JSON.stringify(comparable(b))
}

function comparable({ traffic: _live, ...spec }: ServerSpec): unknown {
  const { launch } = spec
  if (launch === null) return spec
  const env = [...launch.ownEnv].sort().map((name) => [name, launch.env[name]])
  return { ...spec, launch: { command: launch.command, args: launch.args, cwd: launch.cwd, env } }
}
