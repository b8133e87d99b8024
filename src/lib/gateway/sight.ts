import type { JsonObject } from '../mcp/index.js'

/** What the client of one session sees, for the gateway's own tools: they show it no more than that. */
export interface Sight {
  /** In the order of its list. */
  tools(): readonly SeenTool[]
  /** Also those that are down for good. */
  servers(): readonly SeenServer[]
}

export interface SeenTool {
  /** As its list shows it. */
  readonly definition: JsonObject
  /** The server or group it is a tool of, by the name clients know; null: of the gateway itself. */
  readonly server: string | null
}

/** A server, or several that stand in for each other under one name. */
export interface SeenServer {
  /** As clients know it. */
  readonly name: string
  /** As they are configured. */
  readonly members: readonly string[]
}
