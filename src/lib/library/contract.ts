import type { McpctlConfig, PrefixMode, ServerConfig, ServerSnapshot } from './types.js'

/** What servers to run, and where what belongs to them is kept. */
export interface SupervisorOptions {
  /** A configuration file (its path, from the working folder), as `mcpctl --config` takes it. One of `config` and `servers`. */
  readonly config?: string
  /** The servers themselves, as they stand under `servers` of a configuration file. Relative paths are seen from the working folder. */
  readonly servers?: Readonly<Record<string, ServerConfig>>
  /** Values for every server that does not state its own. Only together with `servers`. */
  readonly defaults?: McpctlConfig['defaults']
  /** What `${NAME}` in the configuration means, and what servers inherit from. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Folder for logs, state and sockets; default: a temporary one that is removed by `close`. `MCP_HOME=DIR mcpctl status` shows the servers as long as they run. */
  readonly home?: string
}

export interface WaitOptions {
  /** Milliseconds after which the promise rejects with TIMEOUT; default: as long as the servers' own limits take. */
  readonly timeoutMs?: number
}

/** What a server is at one moment. */
export type ServerStatus = ServerSnapshot

/** Something about a server changed; `status` is null when it is gone. */
export type ChangeListener = (name: string, status: ServerStatus | null) => void

/**
 * Runs servers in this process: starts them, keeps them up, restarts what ends, replaces what hangs. Errors are `McpctlError`s
 * with `code`, `message` and `hint`. Nothing happens before the first call of a method. If this process dies, however it
 * dies, its servers end too.
 */
export interface Supervisor {
  /**
   * Starts these servers, or all that start by themselves, and resolves with them when each is ready. Rejects with SERVER_FAILED
   * when one is not going to be; the others run on.
   */
  start(names?: readonly string[], options?: WaitOptions): Promise<ServerStatus[]>
  /** Stops these servers, or all; resolves when they are down. */
  stop(names?: readonly string[]): Promise<void>
  /** Every configured server, in configuration order. */
  status(): Promise<ServerStatus[]>
  /** Returns the function that ends the subscription. The listener is called synchronously; what it throws is lost. */
  on(event: 'change', listener: ChangeListener): () => void
  /** Calls a tool of one server by its own name and resolves with the result as the server gave it. Rejects with CALL_FAILED. */
  call(server: string, tool: string, args?: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<ToolResult>
  /** Stops everything and gives everything back. Idempotent. */
  close(): Promise<void>
}

export interface CallOptions {
  /** Aborting it tells the server that nobody waits any more. */
  readonly signal?: AbortSignal
}

/** A tool's result, unknown members included. */
export interface ToolResult {
  readonly content?: readonly Readonly<Record<string, unknown>>[]
  readonly structuredContent?: unknown
  readonly isError?: boolean
  readonly [member: string]: unknown
}

/** A tool as clients see it. */
export interface Tool {
  readonly name: string
  readonly description?: string
  readonly inputSchema?: unknown
  readonly [member: string]: unknown
}

export interface GatewayOptions {
  /** The servers clients see; default: all. */
  readonly servers?: readonly string[]
  /** When a tool gets its server's name in front. Default: `always`. */
  readonly prefix?: PrefixMode
  /** Stands between server and tool. Default: `__`. */
  readonly separator?: string
}

export interface ListenOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Default: 127.0.0.1. Any address that other machines reach needs a `token`. */
  readonly host?: string
  /** What clients have to send as bearer token. */
  readonly token?: string
  /** Host names a request may name besides loopback ones. */
  readonly allowedHosts?: readonly string[]
  /** Origins a request may come from besides loopback ones. */
  readonly allowedOrigins?: readonly string[]
}

/** The servers of a supervisor as one MCP server. */
export interface Gateway {
  tools(): Promise<Tool[]>
  /** Calls a tool by the name `tools` gives it. Rejects with CALL_FAILED. */
  call(name: string, args?: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<ToolResult>
  /** Serves Streamable HTTP (both generations of the protocol) and resolves with the URL for clients. May be called more than once. */
  listen(options?: ListenOptions): Promise<string>
  /** Ends its clients and gives its ports back; the supervisor runs on. Idempotent. */
  close(): Promise<void>
}
