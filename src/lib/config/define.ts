/*
 * The configuration file as its author sees it. This file imports nothing: user configurations load it,
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

/** What can be said for one server and, under `defaults`, for all of them. */
interface Shared {
  /** `false` keeps the server in the file without starting it. Default true. */
  enabled?: boolean
  /** Generation of the protocol; `auto` finds out. Default auto. */
  era?: 'auto' | 'legacy' | 'modern'
  /** Default on-failure, or never with MCP_AUTO_RESTART=false. */
  restart?: 'always' | 'on-failure' | 'never' | RestartConfig
  limits?: { memory?: Size; cpu?: Cpu; pids?: number }
  /** Time a server may take until it is ready. Default 60s. */
  startTimeout?: Duration
  /** Time a server may take to end by itself before it is ended by force. Default 5s. */
  stopTimeout?: Duration
  /** Default: every 2s, an answer within 5s. */
  health?: { interval?: Duration; timeout?: Duration }
  /** Labels to choose servers by. */
  tags?: string[] | string
  /** Size at which a log file is rotated and how many old ones are kept. Default 10M and 5. */
  logs?: { maxSize?: Size; keep?: number }
}

interface Common extends Shared {
  /** Servers that must be ready before this one starts. */
  dependsOn?: string[] | string
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
}

/** A server somebody else runs. */
export interface RemoteServer extends Common {
  transport?: 'http' | 'sse'
  url: string
  headers?: Record<string, string>
  command?: never
}

export type ServerConfig = StdioServer | HelperServer | LocalHttpServer | RemoteServer

export interface ServerDefaults extends Shared {
  /** Variables for every process; a server's own `env` wins. */
  env?: Record<string, string | number | boolean>
  cwd?: string
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
}

/** What a configuration file that is code may export by default. */
export type McpctlConfigExport = McpctlConfig | Promise<McpctlConfig> | (() => McpctlConfig | Promise<McpctlConfig>)

/** Returns its argument as it is: gives an editor the types of the configuration. */
export function defineConfig<T extends McpctlConfigExport>(config: T): T {
  return config
}
