import { extname } from 'node:path'
import { McpctlError } from '../errors/index.js'
import type { ReadOptions, SourceDocument } from './document.js'
import { findIn, foldersUpwards, SEARCH_PLACES, type FindOptions } from './find.js'
import { readDocument } from './read-document.js'

/**
 * Finds and reads the project's configuration: folder by folder upwards, ending at the home folder or the root.
 * Null: there is none. Throws what reading throws.
 */
export async function searchDocument(options: FindOptions, read: ReadOptions): Promise<SourceDocument | null> {
  const { cosmiconfig } = await import('cosmiconfig')
  const load = (file: string): Promise<SourceDocument> => readDocument(file, read)
  const explorer = cosmiconfig('mcp', {
    searchPlaces: [...SEARCH_PLACES],
    searchStrategy: 'none',
    cache: false,
    ignoreEmptySearchPlaces: false,
    loaders: Object.fromEntries(SEARCH_PLACES.map((place) => [extname(place), load])),
  })
  for (const folder of foldersUpwards(options)) {
    const found = await explorer.search(folder)
    const present = findIn(folder, SEARCH_PLACES)
    // Empty files are reported without being loaded and unreadable ones passed over: reading them says what is wrong.
    if (present !== null && (found?.filepath !== present || found.isEmpty === true)) return load(present)
    if (found) return found.config as SourceDocument
  }
  return null
}

export function configNotFound(options: FindOptions): McpctlError {
  const folders = foldersUpwards(options)
  return new McpctlError('CONFIG_NOT_FOUND', `no configuration found in ${options.cwd} or any folder above it`, {
    hint: 'Create mcp.config.json with { "servers": { "NAME": { "command": "..." } } }, keep a .mcp.json, or point to one with --config FILE.',
    details: { cwd: options.cwd, folders, places: [...SEARCH_PLACES] },
  })
}
