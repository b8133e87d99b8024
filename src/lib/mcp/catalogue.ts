import { describeRpcError } from './era.js'
import { isJsonObject, METHOD_NOT_FOUND, type ErrorObject, type JsonObject } from './json-rpc.js'
import type { Catalogue } from './link.js'

type ListKind = keyof Catalogue

interface ListSource {
  readonly kind: ListKind
  readonly method: string
  readonly capability: string
}

const SOURCES: readonly ListSource[] = [
  { kind: 'tools', method: 'tools/list', capability: 'tools' },
  { kind: 'prompts', method: 'prompts/list', capability: 'prompts' },
  { kind: 'resources', method: 'resources/list', capability: 'resources' },
  { kind: 'resourceTemplates', method: 'resources/templates/list', capability: 'resources' },
]

const MAX_PAGES = 1000
const MAX_ENTRIES = 100_000

/** How far one list has been read. */
export interface ListProgress {
  readonly kind: ListKind
  readonly method: string
  readonly pages: readonly (readonly unknown[])[]
  readonly cursors: readonly string[]
}

export type PageOutcome =
  | { readonly type: 'more'; readonly progress: ListProgress; readonly cursor: string }
  | { readonly type: 'end'; readonly progress: ListProgress; readonly warning: string | null }
  | { readonly type: 'unusable'; readonly why: string }

/** The lists a server with these capabilities has; with null (it did not say) all of them. */
export function listsFor(capabilities: Readonly<JsonObject> | null): ListProgress[] {
  return SOURCES.filter(({ capability }) => capabilities === null || isJsonObject(capabilities[capability]))
    .map(({ kind, method }) => ({ kind, method, pages: [], cursors: [] }))
}

/**
 * Adds one page. Pages, entries and repeated cursors are bounded: a server that pages for ever stays usable with
 * what was read, and a warning says so.
 */
export function takePage(progress: ListProgress, result: unknown): PageOutcome {
  const entries = isJsonObject(result) ? result[progress.kind] : undefined
  if (!Array.isArray(entries)) return { type: 'unusable', why: `its answer to ${progress.method} holds no list named "${progress.kind}"` }
  const read: ListProgress = { ...progress, pages: [...progress.pages, entries] }
  const cursor = isJsonObject(result) ? result['nextCursor'] : undefined
  if (typeof cursor !== 'string' || cursor === '') return { type: 'end', progress: read, warning: null }
  if (read.cursors.includes(cursor)) {
    return { type: 'end', progress: read, warning: `${read.method} repeats its cursor after page ${read.pages.length}; the rest was not read` }
  }
  if (read.pages.length >= MAX_PAGES || countEntries(read) >= MAX_ENTRIES) {
    return { type: 'end', progress: read, warning: `${read.method} has more than ${countEntries(read)} entries on ${read.pages.length} pages; the rest was not read` }
  }
  return { type: 'more', progress: { ...read, cursors: [...read.cursors, cursor] }, cursor }
}

/** An error instead of a page: a list the server does not implement is empty, anything else means it cannot be used. */
export function takePageError(progress: ListProgress, error: ErrorObject): PageOutcome {
  if (error.code === METHOD_NOT_FOUND) return { type: 'end', progress, warning: null }
  return { type: 'unusable', why: `it answered ${progress.method} with ${describeRpcError(error)}` }
}

export function toCatalogue(lists: readonly ListProgress[]): Catalogue {
  const entriesOf = (kind: ListKind): unknown[] => lists.find((list) => list.kind === kind)?.pages.flat(1) ?? []
  return {
    tools: entriesOf('tools'), prompts: entriesOf('prompts'), resources: entriesOf('resources'), resourceTemplates: entriesOf('resourceTemplates'),
  }
}

function countEntries(progress: ListProgress): number {
  return progress.pages.reduce((sum, page) => sum + page.length, 0)
}
