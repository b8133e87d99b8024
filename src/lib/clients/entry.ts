import { CLIENTS, type ClientId } from './client.js'
import type { Place } from './place.js'
import type { TomlValue } from './edit-toml.js'

/** How a client reaches mcpctl. */
export type Reach =
  | { readonly type: 'program'; readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
  | { readonly type: 'address'; readonly url: string; readonly token: string | null }

/** The entry of a client's file, in the words of that client. `siblings`: the other entries, whose habits are followed. */
export function clientEntry(client: ClientId, reach: Reach, siblings: readonly unknown[] = []): Record<string, TomlValue> {
  const { urlKey, headersKey, namesType } = CLIENTS[client]
  if (reach.type === 'address') {
    return {
      ...(namesType ? { type: 'http' } : {}),
      [urlKey ?? 'url']: reach.url,
      ...(reach.token === null ? {} : { [headersKey]: { Authorization: `Bearer ${reach.token}` } }),
    }
  }
  // Some versions of Zed take an entry only with this word.
  const isMarked = client === 'zed' && siblings.some((each) => typeof each === 'object' && each !== null && 'source' in each && each.source === 'custom')
  return {
    ...(namesType ? { type: 'stdio' } : {}),
    ...(isMarked ? { source: 'custom' } : {}),
    command: reach.command,
    args: reach.args,
    ...(Object.keys(reach.env).length === 0 ? {} : { env: reach.env }),
  }
}

/** The entry as text, for people who put it in themselves. */
export function describeEntry(place: Pick<Place, 'path'>, name: string, entry: Record<string, TomlValue>): string {
  return JSON.stringify(place.path.toReversed().reduce<unknown>((inner, key) => ({ [key]: inner }), { [name]: entry }), null, 2)
}
