import type { Socket } from 'node:net'
import type { AuthSettings, GatewaySettings } from '../../core/index.js'
import type { KeySource } from '../auth/index.js'
import type { Gateway, SessionState, View } from '../contract.js'

export interface HttpFrontOptions {
  readonly gateway: Gateway
  readonly settings: Pick<GatewaySettings, 'host' | 'port' | 'token' | 'allowedHosts' | 'allowedOrigins' | 'sse'> & Partial<Pick<GatewaySettings, 'metrics' | 'auth' | 'rest'>>
  /** Answers `/metrics` and `/health`; absent: there is nothing at these paths. */
  readonly monitor?: Monitor
  /** The view for requests to `/mcp` itself. */
  readonly view: View
  /** Keeps what legacy sessions need to survive a restart of the daemon; null: sessions end with the process. */
  readonly store: SessionStore | null
  /** Keys that come and go while it is open. */
  readonly keys?: KeySource
  /** Epoch ms; default: the system's clock. */
  readonly now?: () => number
  /** How often sessions are looked at: those not used for thirty times as long are ended. Default a minute. */
  readonly sweepMs?: number
  /** Hears of every request that is turned away before any session sees it. Must not throw. */
  readonly onRefused?: (refused: RefusedRequest) => void
  readonly log: (level: 'info' | 'warn', message: string) => void
}

/** A request somebody was not let in with. Holds nothing of what was shown. */
export interface RefusedRequest {
  /** Null: it is not known. */
  readonly caller: string | null
  readonly address: string
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly status: number
  readonly reason: string
}

/** What a monitoring system gets to read. */
export interface MonitorPage {
  readonly status: number
  readonly contentType: string
  readonly body: readonly Buffer[]
}

/** Knows how the servers are. Must let others have their turn while it works. */
export interface Monitor {
  /** Figures in the form the client's `Accept` header asks for. */
  metrics(accept: string | undefined): Promise<MonitorPage>
  /** Whether all is well with one server, by its name, or with all of them (null). Holds nothing secret. */
  health(server: string | null): Promise<MonitorPage>
}

/** Called on the message path: must be quick and must not throw. */
export interface SessionStore {
  load(id: string): StoredSession | null
  save(id: string, session: StoredSession): void
  remove(id: string): void
}

export interface StoredSession {
  /** Where the session is served; a session of one place is unknown at every other. */
  readonly path: string
  /** Whose it is, as its `Access` names him; absent: written before callers were told apart. */
  readonly caller?: string
  readonly state: SessionState
}

/** The HTTP face of the gateway. */
export interface HttpFront {
  /** Where it listens; null: nowhere, connections only come in through `accept`. */
  readonly address: { readonly host: string; readonly port: number } | null
  /**
   * Serves an HTTP/1.1 connection that came over a private socket: no token is asked for, `/mcp` means `view`. What was
   * read from it already has to be unshifted before. The front closes it in the end.
   */
  accept(socket: Socket, view: View): void
  /** The configuration has other keys now. What is open for those that are gone ends at the next look. */
  takeKeys(keys: AuthSettings['keys']): void
  /** Ends streams, answers what is open with 503, closes all sessions (the store keeps them) and connections. Idempotent. */
  close(): Promise<void>
}
