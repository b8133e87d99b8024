/** What a path of the REST face means. `mcp`: the place of MCP that has the same servers in view. */
export type RestTarget =
  | { readonly type: 'tools'; readonly mcp: string }
  | { readonly type: 'call'; readonly mcp: string; readonly tool: string }
  | { readonly type: 'servers'; readonly mcp: string }
  | { readonly type: 'openapi'; readonly mcp: string; readonly base: string }

const PATH = /^((?:\/profiles\/[^/]+)?)\/(tools|servers|openapi\.json)(?:\/([^/]+))?$/

/** Null: it is no path of the REST face. `path` is without its query. */
export function readRestPath(path: string): RestTarget | null {
  const match = PATH.exec(path)
  if (match === null) return null
  const [, base = '', what, name] = match
  const mcp = `${base}/mcp`
  if (name === undefined) return what === 'tools' ? { type: 'tools', mcp } : what === 'servers' ? { type: 'servers', mcp } : { type: 'openapi', mcp, base }
  const tool = what === 'tools' ? decode(name) : null
  return tool === null ? null : { type: 'call', mcp, tool }
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
