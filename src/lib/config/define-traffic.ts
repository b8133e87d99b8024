import type { Duration, Size } from './define.js'

/*
 * What a configuration file can say about the traffic of servers, as its author sees it. Types only: nothing is loaded.
 */

/** How calls are shared out among the servers of a group. */
export type StrategyConfig = 'priority' | 'round-robin' | 'least-pending' | 'weighted' | 'random' | 'latency'

/** Servers that stand in for each other, seen by clients under the group's name. */
export interface GroupConfig {
  /** The most wanted first. May be left out when servers name the group as their `namespace`. */
  members?: string[] | string
  /** `priority`: the first that takes calls gets all of them. `latency`: whoever answers fastest. Default priority. */
  strategy?: StrategyConfig
  /** `session`: a client session stays with one member as long as that one takes calls. Default none. */
  sticky?: 'none' | 'session'
  /** With strategy `weighted`: shares of the calls, by server. Default 1 each. */
  weights?: Record<string, number>
}

/** When a server that fails its calls is left alone, and how it is tried again. */
export interface BreakerConfig {
  /** So many failed calls in a row open it. Default 5. */
  failures?: number
  /** Such a share of failed calls inside the window opens it too; `false`: only failures in a row count. Default 50%. */
  errorRate?: `${number}%` | number | false
  /** Calls there must be in the window before the share counts. Default 20. */
  minCalls?: number
  /** Default 30s. */
  window?: Duration
  /** Time until the first trial call; doubled with each one that fails. Default 1s. */
  recovery?: Duration
  /** The longest time until a trial call. Default 60s. */
  maxRecovery?: Duration
  /** Trial calls that must go well, one after the other, to close it. Default 3. */
  trials?: number
}

/** Requests a minute, how many at once (default: what ten seconds bring), or no limit. */
export type RateConfig = number | { perMinute: number; burst?: number } | false

/** Calls under way at once and how many more may wait for their turn (default 100, for 5s), or no limit. */
export type ConcurrencyConfig = number | { max: number; queue?: number; queueTimeout?: Duration } | false

/** Which answers of a server are kept: none, those of tools that only read (for a time), or as said. */
export type CacheConfig =
  | boolean
  | Duration
  | {
      /** How long an answer is kept that does not say so itself. Default 60s. */
      ttl?: Duration
      /** By the names the server uses; `*` stands for any text. Default: tools that say they only read. */
      tools?: string[] | string
      /** Keep resources that were read. Default false. */
      resources?: boolean
      /** Keep prompts. Default false. */
      prompts?: boolean
      /** `caller`: kept for who asked. `public`: for everybody. Default caller. */
      scope?: 'caller' | 'public'
    }

/** What callers may ask for, what is kept and what else is served: the same for all servers. */
export interface GatewayTrafficConfig {
  /** Requests a minute from one caller, and from all together. Default: no limit. */
  rate?: { caller?: RateConfig; total?: RateConfig }
  /** Calls under way at once, for all servers together. Default: no limit. */
  concurrency?: ConcurrencyConfig
  /** What answers that are kept may take together. Default 64M. */
  cache?: { maxSize?: Size }
  /**
   * Whether clients see the tools `manage`, `proxy_status` and `proxy_health`. `auto`: those of `mcpctl proxy` and those
   * whose key says so. `allowCommands`: `manage` may add servers that are commands. Default auto, without commands.
   */
  management?: boolean | { tools?: 'auto' | 'on' | 'off'; allowCommands?: boolean }
  /** Serve `/tools`, `/servers` and `/openapi.json` on the port. Default true. */
  /** Tools for agent sessions and workflows. Default false. */
  workflows?: boolean
  rest?: boolean
  /** Write every call to the audit log. Default false. */
  audit?: boolean
}
