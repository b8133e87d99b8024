// The messages of clients of both generations.
export const LEGACY = '2025-11-25'
export const MODERN = '2026-07-28'
const META = 'io.modelcontextprotocol/'
const clientInfo = { name: 'soak', version: '1' }

export const INITIALIZE = { protocolVersion: LEGACY, capabilities: {}, clientInfo }

/** What is sent for a task. */
export function callOf(id, task, { isModern, progressToken }) {
  const progress = progressToken === undefined ? {} : { progressToken }
  const modern = isModern ? { [`${META}protocolVersion`]: MODERN, [`${META}clientCapabilities`]: {}, [`${META}clientInfo`]: clientInfo } : {}
  const meta = { ...progress, ...modern }
  const params = { name: `${task.server}__${task.tool}`, arguments: task.arguments, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) }
  return { jsonrpc: '2.0', id, method: 'tools/call', params }
}

/** The line without what carries the answer's text, which may be long. */
export function shorten(line) {
  return line.length > 300 ? `${line.slice(0, 200)} ... ${line.slice(-80)}` : line
}
