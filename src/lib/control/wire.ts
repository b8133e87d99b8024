import type { BreakerSnapshot, FleetSettings, HeldDefinition, MetricsSnapshot, Phase, ServerSnapshot, ServerSpec, Snapshot, TraceEvent } from '../core/index.js'
import type { ErrorDocument } from '../errors/index.js'

/**
 * The control protocol: one JSON object a line over the control socket. Raised only when an old client or daemon
 * would misunderstand; `hello` and `shutdown` never change, so that any client can end any daemon.
 */
export const PROTOCOL = 1

/** A line longer than this is not ours. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024

/** How a configuration was loaded: all that is needed to load it again. */
export interface ConfigOrigin {
  /** Absolute. */
  readonly cwd: string
  /** As it was given with `--config`; null: it was found by search. */
  readonly configPath: string | null
  /** The whole environment of the command: references in the configuration mean its variables. */
  readonly env: Readonly<Record<string, string>>
  /** Absolute paths of every file that went into it. */
  readonly files: readonly string[]
  /** Those of them that were not there. */
  readonly absent?: readonly string[]
  /** Whether a change of these files is to be noticed. */
  readonly watch: boolean
  /** Epoch milliseconds before the first of them was read: what changed since may not have been seen. */
  readonly loadedAt: number
}

export interface ApplyParams {
  readonly source: string
  /** Every file its servers may come from, such as the user's own; absent: `source` alone. */
  readonly sources?: readonly string[]
  readonly settings: FleetSettings
  readonly servers: readonly ServerSpec[]
  readonly origin?: ConfigOrigin
}

export interface ApplyResult {
  readonly added: readonly string[]
  /** Running with an older configuration; the new one waits for their restart. */
  readonly changed: readonly string[]
  /** Running though no longer configured. */
  readonly removed: readonly string[]
}

/** An apply whose changes take effect now, with as few restarts as possible. */
export interface ReloadParams extends ApplyParams {
  /** The servers that may change; null: all of this configuration. */
  readonly names: readonly string[] | null
  /** Change nothing, only say what would. */
  readonly dryRun: boolean
}

/**
 * What a reload does about one server. `replace`: a new instance beside the old one; `restart`: the old one goes first;
 * `update`: only what takes effect without a new process.
 */
export interface ReloadChange {
  readonly name: string
  readonly action: 'start' | 'stop' | 'replace' | 'restart' | 'update' | 'none'
  /** Names of the configuration fields that differ; never their values. */
  readonly fields: readonly string[]
}

export interface ReloadResult {
  /** In configuration order, those that are gone last. */
  readonly changes: readonly ReloadChange[]
}

/** A changed configuration that could not be loaded: everything stays as it was. */
export interface ConfigFailedParams {
  readonly source: string
  readonly error: ErrorDocument
  /** What was looked into until it failed, besides what is watched already. */
  readonly files: readonly string[]
}

export interface ShutdownParams {
  /** Another daemon takes over: what is wanted of the servers stays on disk for it. */
  readonly successor?: boolean
}

/** `names: null` means every server. */
export interface NamesParams {
  readonly names: readonly string[] | null
}

export interface NamesResult {
  /** The servers concerned, in configuration order. */
  readonly names: readonly string[]
}

export interface SnapshotParams {
  readonly names: readonly string[] | null
  readonly detail: boolean
}

/** `names: null` means every server. */
export interface MetricsParams {
  readonly names: readonly string[] | null
  /** With the recent past of each server and of all together; a step is added every ten seconds, so asking for it more often shows nothing new. */
  readonly history: boolean
  /** With the figures of each tool. */
  readonly tools: boolean
}

/** What servers list, as they list it. */
export interface DefinitionsResult {
  /** In configuration order. */
  readonly servers: readonly ListedServer[]
}

export interface ListedServer {
  readonly name: string
  readonly source: string
  readonly phase: Phase
  /** The lock knows it. */
  readonly isPinned: boolean
  /** Null: it was never listed. `isRemembered`: by an instance that does not run any more. */
  readonly listed: { readonly tools: readonly unknown[]; readonly prompts: readonly unknown[]; readonly isRemembered: boolean } | null
  readonly held: readonly HeldDefinition[]
}

export interface BreakerEvent {
  readonly name: string
  readonly from: BreakerSnapshot['state']
  readonly to: BreakerSnapshot['state']
  readonly reason: string
}

/** Pushed to subscribers. The first event is always the snapshot. */
export type ControlEvent =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'server'; readonly time: number; readonly previous: Phase | null; readonly server: ServerSnapshot }
  | { readonly type: 'removed'; readonly time: number; readonly name: string }
  /** Calls are let through to a server again, or no more, because of how they end. The server's event follows. */
  | ({ readonly type: 'breaker'; readonly time: number } & BreakerEvent)
  | { readonly type: 'closing'; readonly time: number }

/** What goes over the servers' links is streamed to whoever asks for it. */
export interface TraceParams {
  /** `null`: every server, also those that come later. With a server come the processes of it that belong to single sessions. */
  readonly names: readonly string[] | null
  /** Remembered messages of each server that are sent first, the newest. */
  readonly last: number
  /** Go on with new ones; otherwise the stream ends after the remembered ones. */
  readonly follow: boolean
  /** How much of each message's text is wanted, in bytes; 0: none. */
  readonly textBytes: number
  /** Health probes too. */
  readonly probes: boolean
}

/** What a stream may send. */
export type StreamEvent = ControlEvent | TraceEvent

/** Every request: what goes in and what comes back. */
export interface Methods {
  snapshot: { params: SnapshotParams; result: Snapshot }
  metrics: { params: MetricsParams; result: MetricsSnapshot }
  apply: { params: ApplyParams; result: ApplyResult }
  /** Makes a changed configuration take effect; answers at once. */
  reload: { params: ReloadParams; result: ReloadResult }
  /** Definitions of tools and prompts, what is kept from clients too. */
  definitions: { params: NamesParams; result: DefinitionsResult }
  'config-failed': { params: ConfigFailedParams; result: Record<string, never> }
  /** Wants servers up, with all they depend on; answers at once. */
  start: { params: NamesParams; result: NamesResult }
  /** Answers when the servers are down. */
  stop: { params: NamesParams; result: NamesResult }
  /** Stops servers until the connection ends: then those that were wanted up are started again. Answers only with an error. */
  away: { params: NamesParams; result: Record<string, never> }
  restart: { params: NamesParams; result: NamesResult }
  /** Tries at once what waits for its next try; null: all that are not ready or whose breaker is not closed. Answers with those concerned. */
  reconnect: { params: NamesParams; result: NamesResult }
  /** Answers when every server is down; then the daemon ends. */
  shutdown: { params: ShutdownParams; result: NamesResult }
  /** Streams events until cancelled or until the connection ends. */
  subscribe: { params: Record<string, never>; result: Record<string, never> }
  /** Streams messages until cancelled, until the remembered ones are through, or until the connection ends. */
  trace: { params: TraceParams; result: Record<string, never> }
}

export type Method = keyof Methods

export type ClientMessage =
  | { readonly type: 'hello'; readonly protocol: number; readonly version: string }
  | { readonly type: 'request'; readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly type: 'cancel'; readonly id: number }

export type DaemonMessage =
  | { readonly type: 'hello'; readonly protocol: number; readonly version: string; readonly pid: number }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorDocument }
  | { readonly type: 'event'; readonly id: number; readonly event: StreamEvent }
