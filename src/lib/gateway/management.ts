import type { HealthDocument, HealthStatus } from '../core/index.js'

/** `proxy_error`: the gateway itself holds its calls back. */
export type ManagedHealth = 'unknown' | 'healthy' | 'unhealthy' | 'error' | 'proxy_error'

/** A server as `manage` and its like show it. */
export interface ManagedServer {
  readonly name: string
  /** Null: it is a command. */
  readonly url: string | null
  readonly enabled: boolean
  /** It was added at run time, so it can be removed the same way. */
  readonly isAdded: boolean
  readonly health: ManagedHealth
  /** Epoch ms at which that was found out; null: never. */
  readonly lastCheck: number | null
  readonly toolCount: number
  readonly errorCount: number
  readonly lastError: string | null
}

/** Some servers, as one who sees no others. */
export interface ManagedFleet {
  /** Of all of them together. */
  readonly status: HealthStatus
  readonly servers: readonly HealthDocument[]
}

/** A server to be added: exactly one of `url` and `command` is set. */
export interface AddedServer {
  readonly name: string
  readonly url?: string
  readonly command?: string
  readonly args?: readonly string[]
}

/** Whoever runs the servers, as far as clients may change what runs. All of them reject with an McpctlError when it cannot be done. */
export interface Management {
  servers(): readonly ManagedServer[]
  /** Resolves when it has come up, or shortly after it was begun. */
  add(server: AddedServer): Promise<void>
  remove(name: string): Promise<void>
  switch(name: string, isOn: boolean): Promise<void>
  /** How these servers are, by their configured names; those that do not exist are left out. */
  health(names: ReadonlySet<string>): Promise<ManagedFleet>
}
