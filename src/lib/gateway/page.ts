import type { JsonObject } from '../mcp/index.js'
import { wrongArgument } from './local-tool.js'

/** Which part of a list is asked for. */
export interface PageRange {
  readonly offset: number
  readonly limit: number
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 500
/** What a model gets to read at once, in characters of JSON. */
const MAX_PAGE_CHARS = 128 * 1024

export const PAGE_PROPERTIES: JsonObject = {
  limit: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, description: `How many at most. Default ${DEFAULT_LIMIT}.` },
  offset: { type: 'integer', minimum: 0, description: 'How many to leave out at the beginning: next_offset of the answer before.' },
}
export const PAGE_SCHEMA: JsonObject = { total_count: { type: 'integer' }, offset: { type: 'integer' }, next_offset: { type: ['integer', 'null'] } }

/** Throws USAGE when a bound is none. */
export function readPage(args: JsonObject): PageRange {
  return { offset: readWhole(args, 'offset', [0, Number.MAX_SAFE_INTEGER]) ?? 0, limit: readWhole(args, 'limit', [1, MAX_LIMIT]) ?? DEFAULT_LIMIT }
}

/** The part asked for, less where it would be too long to read; at least one entry, so that whoever goes on comes to the end. Entries are made when they are shown. */
export function pageOf<T>(all: readonly (() => T)[], { offset, limit }: PageRange): { readonly items: T[]; readonly facts: JsonObject } {
  const items: T[] = []
  let chars = 0
  for (const make of all.slice(offset, offset + limit)) {
    const item = make()
    chars += JSON.stringify(item).length
    if (items.length > 0 && chars > MAX_PAGE_CHARS) break
    items.push(item)
  }
  const next = offset + items.length
  return { items, facts: { total_count: all.length, offset, next_offset: next < all.length && items.length > 0 ? next : null } }
}

function readWhole(args: JsonObject, name: string, [least, most]: readonly [number, number]): number | null {
  const value = args[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) throw wrongArgument(`"${name}" has to be a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`)
  return value
}
