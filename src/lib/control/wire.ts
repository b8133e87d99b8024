import type { FleetSettings, Phase, ServerSnapshot, ServerSpec, Snapshot } from '../core/index.js'
import type { ErrorDocument } from '../errors/index.js'

/**
 * The control protocol: one JSON object a line over the control socket. Raised only when an old client or daemon
 * would misunderstand; `hello` and `shutdown` never change, so that any client can end any daemon.
 */
export const PROTOCOL = 1

/** A line longer than this is not ours. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024

export interface ApplyParams {
  readonly source: string
  readonly settings: FleetSettings
  readonly servers: readonly ServerSpec[]
}

export interface ApplyResult {
  readonly added: readonly string[]
  /** Running with an older configuration; the new one waits for their restart. */
  readonly changed: readonly string[]
  /** Running though no longer configured. */
  readonly removed: readonly string[]
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

/** Pushed to subscribers. The first event is always the snapshot. */
export type ControlEvent =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'server'; readonly time: number; readonly previous: Phase | null; readonly server: ServerSnapshot }
  | { readonly type: 'removed'; readonly time: number; readonly name: string }
  | { readonly type: 'closing'; readonly time: number }

/** Every request: what goes in and what comes back. */
export interface Methods {
  snapshot: { params: SnapshotParams; result: Snapshot }
  apply: { params: ApplyParams; result: ApplyResult }
  /** Wants servers up, with all they depend on; answers at once. */
  start: { params: NamesParams; result: NamesResult }
  /** Answers when the servers are down. */
  stop: { params: NamesParams; result: NamesResult }
  restart: { params: NamesParams; result: NamesResult }
  /** Answers when every server is down; then the daemon ends. */
  shutdown: { params: Record<string, never>; result: NamesResult }
  /** Streams events until cancelled or until the connection ends. */
  subscribe: { params: Record<string, never>; result: Record<string, never> }
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
  | { readonly type: 'event'; readonly id: number; readonly event: ControlEvent }
