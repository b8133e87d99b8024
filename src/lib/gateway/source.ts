import type { GatewaySettings, Isolation, RootSpec, SessionClient, TrafficSpec } from '../core/index.js'
import type { FailureClass } from './call-contract.js'
import type { Catalogue, Established, JsonObject, Link, ServerRequest } from '../mcp/index.js'

/**
 * Whether a server takes requests: `up` now; `coming` in a moment (starting, being restarted); `resting` until somebody
 * asks for it; `down` until somebody does something about it.
 */
export type Presence = 'up' | 'coming' | 'resting' | 'down'

/** One server as the gateway has to know it, at one moment. */
export interface SourceServer {
  readonly name: string
  readonly presence: Presence
  /** Why it is not up, for people; empty when it is. */
  readonly reason: string
  /** When to try again; null when nobody can say. */
  readonly retryAfterMs: number | null
  /** Set when it is up. Another object for every instance. */
  readonly up: { readonly link: Link; readonly established: Established } | null
  readonly isolation: Isolation
  /** Null: it is not started and stopped by its traffic. */
  readonly idleStopMs: number | null
  readonly roots: readonly RootSpec[] | null
  readonly tags: readonly string[]
  readonly traffic: TrafficSpec
  /** Its tools and prompts have the names clients are to see. */
  readonly keepsNames?: boolean
}

/** What is known of a server that is not up. */
export interface Remembered {
  readonly catalogue: Catalogue
  readonly instructions: string | null
}

/**
 * What a server said of its own accord. `via`: the passed request it came with, where the wire tells. `link`: through which
 * link; without it nobody can tell an instance from the one that replaces it.
 */
export type Heard = [method: string, params: JsonObject | undefined, via: number | null, link?: Link | null]

/** What a source tells the gateway. Called synchronously; must not throw. `name` may be that of a session's own process. */
export interface SourceListener {
  /** Something about the server changed, or it is gone. */
  changed(name: string): void
  notified(name: string, ...heard: Heard): void
  asked(name: string, request: ServerRequest, link?: Link | null): Promise<JsonObject> | undefined
}

/** Who runs the servers the gateway offers: the supervisor of the daemon, or a proxy that was given plain URLs. */
export interface ServerSource {
  /** The names clients may see, in configuration order; no processes of single sessions. */
  names(): readonly string[]
  get(name: string): SourceServer | null
  remembered(name: string): Remembered | null
  remember(name: string, what: Remembered): void
  /** Its calls fail although it seems to be up: it is to prove itself anew. `failure` says how they fail. */
  suspect?(name: string, failure: FailureClass, reason: string): void
  /** Starts a server that rests. */
  wake(name: string): void
  /** Stops a server that nobody uses; it will be woken again. */
  rest(name: string): void
  /** Starts a process of this server for one client session and returns its name; null when there can be none. */
  openOwn(name: string, client: SessionClient): string | null
  closeOwn(name: string): void
  /** A line for the log of that server. */
  note(name: string, text: string): void
  /** One listener at a time. */
  listen(listener: SourceListener): void
}

/** The same for the same servers in sight, in the same order, of which the same is to be shown. */
export function choiceKey(source: ServerSource, { prefix, separator, maxNameLength, management, profiles }: GatewaySettings, isPending: (name: string) => boolean): string {
  const servers = source.names().map((name) => {
    const server = source.get(name)
    return server === null ? null : [name, server.presence === 'down', server.tags, server.traffic, isPending(name)]
  })
  return JSON.stringify([prefix, separator, maxNameLength, management.tools, profiles, servers])
}
