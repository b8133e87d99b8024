import type { TrafficSpec } from '../../core/index.js'
import type { JsonObject } from '../../mcp/index.js'

const LISTS: ReadonlySet<string> = new Set(['notifications/tools/list_changed', 'notifications/prompts/list_changed', 'notifications/resources/list_changed'])

/** What a server says to have changed with a notification: one resource, or (`uri` null) perhaps everything; null: nothing. */
export function staleBy(method: string, params: JsonObject | undefined): { readonly uri: string | null } | null {
  if (LISTS.has(method)) return { uri: null }
  const uri = method === 'notifications/resources/updated' ? params?.['uri'] : undefined
  return typeof uri === 'string' ? { uri } : null
}

/** Whether a server's traffic is configured in another way than before. */
export function isChanged(before: TrafficSpec | undefined, after: TrafficSpec | undefined): boolean {
  return before !== undefined && before !== after && JSON.stringify(before) !== JSON.stringify(after)
}
