import type { BreakerConfig, CacheConfig, ConcurrencyConfig, GatewayTrafficConfig, GroupConfig, RateConfig } from './define-traffic.js'
import type { AuthConfig, OutboundAuthConfig } from './define-auth.js'

/*
 * The configuration file as its author sees it. This file imports nothing but types: user configurations load it,
 * and an editor shows its comments.
 */

type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd'
type SizeUnit = 'K' | 'M' | 'G' | 'T' | 'KB' | 'MB' | 'GB' | 'TB' | 'KiB' | 'MiB' | 'GiB' | 'TiB'

/** A number is seconds; text carries its unit: `'500ms'`, `'2s'`, `'1m30s'`. */
export type Duration = number | `${number}${DurationUnit}` | `${number}${DurationUnit}${number}${DurationUnit}`

/** A number is bytes; text carries its unit in powers of 1024: `'200M'`, `'1G'`. */
export type Size = number | `${number}${SizeUnit}` | `${number}${Lowercase<SizeUnit>}`

/** `'80%'` of one core, or a number of cores (`1.5`). */
export type Cpu = number | `${number}%`

export interface RestartConfig {
  policy?: 'always' | 'on-failure' | 'never'
  /** Delays between restarts: the first one, doubled each time up to `max`. Default 500ms to 60s. */
  backoff?: { initial?: Duration; max?: Duration }
  /** More than this many restarts inside the window and the server counts as failed. Default 5 in 60s. */
  intensity?: { restarts?: number; window?: Duration }
}

/** A time, or no limit. */
export type Limit = Duration | 'never'

/** Limits of one call. Default: none. */
export interface TimeoutsConfig {
  /** A call without a sign of life (answer, progress) for this long is given up. */
  idle?: Limit
  /** A call that takes longer than this is given up whatever happens. */
  total?: Limit
}

/** Which tools clients see, and as what; all by the names the server uses. */
export interface ToolsConfig {
  /** Tools clients may see; `*` stands for any text. Default: all. */
  allow?: string[] | string
  /** Tools clients may not see; wins over `allow`. */
  deny?: string[] | string
  /** New names: 1 to 128 letters, digits, `_`, `.` or `-`. */
  rename?: Record<string, string>
  /** Descriptions in place of those of the server. */
  describe?: Record<string, string>
  /** Timeouts of single tools, where they differ from those of the server. */
  timeouts?: Record<string, TimeoutsConfig>
  /** Tools that may be called again when it is not known whether a call arrived, besides those that say so themselves. */
  repeatable?: string[] | string
}

/** A path, relative to the folder of the configuration file, or a URI. */
export type RootConfig = string | { uri: string; name?: string }

/** What the whole process tree of a server may use at most. */
export interface LimitsConfig {
  memory?: Size
  /** Below `memory`: a server above this is replaced as soon as no call is under way. */
  memorySoft?: Size
  cpu?: Cpu
  /** Processes and threads. */
  pids?: number
  /** Rather no start than one without a limit of memory that holds for the whole tree. Default false. */
  required?: boolean
}

/** How a server is asked whether it works: in its own protocol, or in a way of its own. */
export type ProbeConfig =
  | 'mcp'
  | 'none'
  /** Healthy while a GET is answered with a status from 200 to 399. */
  | { http: string }
  /** Healthy while `host:port` accepts connections. */
  | { tcp: string }
  /** Healthy while the program ends with exit status 0. */
  | { command: string; args?: (string | number)[] }

export interface HealthConfig {
  /** Time between probes. Default 2s. */
  interval?: Duration
  /** Time for an answer. Default: the interval, at most 5s. */
  timeout?: Duration
  /** With calls under way: silence without any use of the processor for this long counts as hung. Default 30s. */
  hungAfter?: Duration
  /** Default mcp; none for helpers. */
  probe?: ProbeConfig
}

/** What can be said for one server and, under `defaults`, for all of them. */
interface Shared {
  /** `false` keeps the server in the file without starting it. Default true. */
  enabled?: boolean
  /** Generation of the protocol; `auto` finds out. Default auto. */
  era?: 'auto' | 'legacy' | 'modern'
  /** Default on-failure, or never with MCP_AUTO_RESTART=false. */
  restart?: 'always' | 'on-failure' | 'never' | RestartConfig
  limits?: LimitsConfig
  /** Time a server may take until it is ready. Default 60s. */
  startTimeout?: Duration
  /** Time a server may take to end by itself before it is ended by force. Default 5s. */
  stopTimeout?: Duration
  /** Time calls under way get to finish before a stop begins; 0: none. Default 5s. */
  drainTimeout?: Duration
  /**
   * What happens when a reload needs a new process. `beside`: it is proven ready beside the old one, then the old one
   * finishes its calls and goes; when it fails, the old one stays. `in-place`: the old one is stopped first.
   * Default beside; in-place for a command with a url and for helpers.
   */
  replace?: 'beside' | 'in-place'
  health?: HealthConfig
  /** Labels to choose servers by. */
  tags?: string[] | string
  /** Size at which a log file is rotated and how many old ones are kept. Default 10M and 5. */
  logs?: { maxSize?: Size; keep?: number }
  /** `per-session` gives each client session a process of its own. Default shared. */
  isolation?: 'shared' | 'per-session'
  /** `on-demand`: started by the first request for it, not with the others. Default auto. */
  start?: 'auto' | 'on-demand'
  /** A server on demand that nobody used for this long is stopped again. Default 5m. */
  idleTimeout?: Limit
  /** Folders the server is told it may work in. Default: it is told nothing. */
  roots?: RootConfig[] | string
  /** What a shared server is told its clients can do. Default nothing. */
  clientAbilities?: ('sampling' | 'elicitation')[] | 'sampling' | 'elicitation'
  /** How long calls may take. Default: as long as they want. */
  timeouts?: TimeoutsConfig
  /** When it is left alone because its calls fail; `false`: never. Default: after 5 failures in a row, or half of 20 calls. */
  breaker?: BreakerConfig | boolean
  /** HTTP connections to it: kept for later (default 8), and open at once (default: as many as calls need). */
  pool?: { min?: number; max?: number }
  /** Requests it is sent a minute. Default: no limit. */
  rate?: RateConfig
  /** Calls it has under way at once; more wait. Default: no limit. */
  concurrency?: ConcurrencyConfig
  /** Which of its answers are kept for the next equal request. Default: none. */
  cache?: CacheConfig
}

interface Common extends Shared {
  /** Servers that must be ready before this one starts. */
  dependsOn?: string[] | string
  tools?: ToolsConfig
  /** The name clients see in place of its own; servers with the same one stand in for each other. `group` is the same. */
  namespace?: string
  group?: string
  /** In a group: the lowest goes first. Default: its place in the group's list where the strategy is `priority`, else 1. */
  priority?: number
  /** In a group with strategy `weighted`: its share of the calls. Default 1. */
  weight?: number
}

interface ProcessFields {
  /** The program; `${VAR}`, `${VAR:-default}` and `${file:PATH}` work here and in every text below. */
  command: string
  args?: (string | number)[]
  /** Added to a short list of inherited variables (PATH, HOME, proxies and the like); nothing else is passed on. */
  env?: Record<string, string | number | boolean>
  /** A file of NAME=value lines; `env` wins over it. */
  envFile?: string
  /** Relative to the folder of the configuration file, which is also the default. */
  cwd?: string
}

/** A process that speaks MCP on stdin and stdout. */
export interface StdioServer extends Common, ProcessFields {
  transport?: 'stdio'
  url?: never
  /** So many processes of it, 1 to 32, which share its calls and stand in for each other. Default 1. */
  instances?: number
}

/** A process that speaks no MCP (a database, a tunnel): ready as soon as it runs. */
export interface HelperServer extends Common, ProcessFields {
  transport: 'none'
  url?: never
}

/** A process that serves MCP over HTTP at `url`. */
export interface LocalHttpServer extends Common, ProcessFields {
  transport?: 'http' | 'sse'
  url: string
  headers?: Record<string, string>
  /** Where the bearer token comes from. */
  auth?: OutboundAuthConfig
}

/** A server somebody else runs. */
export interface RemoteServer extends Common {
  transport?: 'http' | 'sse'
  url: string
  headers?: Record<string, string>
  /** Where the bearer token comes from. */
  auth?: OutboundAuthConfig
  command?: never
}

export type ServerConfig = StdioServer | HelperServer | LocalHttpServer | RemoteServer

export interface ServerDefaults extends Shared {
  /** Variables for every process; a server's own `env` wins. */
  env?: Record<string, string | number | boolean>
  cwd?: string
}

/** The Prometheus page of the HTTP port. */
export interface MetricsConfig {
  /** Names `mcp_NAME_requests_total` and the like beside the labelled ones. Default false. */
  compat?: boolean
  /** Shown without the token. Default false. */
  public?: boolean
}

/** How clients reach the servers. */
export interface GatewayConfig extends GatewayTrafficConfig {
  /** TCP port where clients reach all servers over HTTP; `false`: none. Default none. */
  port?: number | string | false | null
  /** Address it listens on; one that other machines can reach needs a token. Default 127.0.0.1. */
  host?: string
  /** Bearer token HTTP clients have to send; `${VAR}` and `${file:PATH}` keep it out of the file. */
  token?: string
  /** Host names requests may be addressed to besides those of this machine. */
  allowedHosts?: string[] | string
  /** Web pages requests may come from besides those of this machine, such as `https://app.example`. */
  allowedOrigins?: string[] | string
  /** When a tool's name gets its server's name in front. Default always. */
  prefix?: 'always' | 'on-collision' | 'none'
  /** Stands between server and tool: 1 to 8 letters, digits, `_`, `.` or `-`. Default `__`. */
  separator?: string
  /** Longest name of a tool or prompt, 16 to 128; longer ones are shortened. Default 64. */
  maxNameLength?: number
  /** Serve the older HTTP+SSE transport as well. Default false. */
  sse?: boolean
  /** The longest a list waits for servers that are still starting. Default 5s. */
  listWait?: Duration
  /** The longest a request waits for a server that is starting. Default 30s. */
  startWait?: Duration
  /** Whether clients get the servers' instructions. Default true. */
  instructions?: boolean
  /** What /metrics shows on the port, and to whom. */
  metrics?: MetricsConfig
  /** Who is let in besides who has the token, and for what. */
  auth?: AuthConfig
}

/** A named choice of servers: their names, or those and all that carry one of the tags. */
export type ProfileConfig =
  | string[]
  | string
  | {
      servers?: string[] | string
      tags?: string[] | string
      /** Variables that the processes of its servers get; they win over the servers' own. */
      env?: Record<string, string | number | boolean>
      /** Values for `${NAME}` in the texts of its servers. */
      secrets?: Record<string, string | number | boolean>
      /** A key that lets clients in at this profile only. */
      token?: string
    }

/** The content of `mcp.config.ts` and its JSON and YAML relatives. */
export interface McpctlConfig {
  $schema?: string
  /** Server name to server. Names: letters, digits, `.`, `_`, `-`, at most 63. */
  servers?: Record<string, ServerConfig>
  /** The same as `servers`, under the name other MCP clients use. One of the two. */
  mcpServers?: Record<string, ServerConfig>
  /** Values for every server that does not state its own. */
  defaults?: ServerDefaults
  /** Servers that stand in for each other, by the name clients see: `{ search: ['main', 'backup'] }`. */
  groups?: Record<string, string[] | string | GroupConfig>
  /** How clients reach the servers; one for the whole daemon. */
  gateway?: GatewayConfig
  /** Choices of servers for clients, by name: `mcpctl proxy --profile NAME`. */
  profiles?: Record<string, ProfileConfig>
}

/** What a configuration file that is code may export by default. */
export type McpctlConfigExport = McpctlConfig | Promise<McpctlConfig> | (() => McpctlConfig | Promise<McpctlConfig>)

/** Returns its argument as it is: gives an editor the types of the configuration. */
export function defineConfig<T extends McpctlConfigExport>(config: T): T {
  return config
}
