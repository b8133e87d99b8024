import type { Era, GatewaySettings } from '../core/index.js'
import type { View } from './contract.js'
import { MANAGEMENT, showsManagement } from './local-source.js'
import { mergeCatalogues, type Member, type Merged } from './merge.js'
import { holdBack } from './pins.js'
import type { ServerSource } from './source.js'
import type { Upstream } from './upstream.js'
import { createLimitFilter, type LimitFilter } from './view-limits.js'

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates'

export interface ViewParts {
  readonly view: View
  readonly source: ServerSource
  readonly settings: () => GatewaySettings
  /** The process that serves this view's clients: the shared one, or the session's own. */
  readonly upstreamOf: (server: string) => Upstream
  /** Changes whenever any list or the choice of servers may have changed. */
  readonly revision: () => number
  readonly warn: (text: string) => void
}

interface Built {
  readonly revision: number
  readonly merged: Merged
  /** Texts of list results by kind and era, made when first asked for. */
  readonly texts: Map<string, Buffer>
}

export const LIST_KINDS: readonly ListKind[] = ['tools', 'prompts', 'resources', 'resourceTemplates']
const MAX_INSTRUCTIONS = 64 * 1024
const MAX_INSTRUCTIONS_EACH = 16 * 1024
/** Under this key of a list's `_meta` stand the servers whose entries are still missing. */
const PENDING_KEY = 'mcpctl/pending'

/** What the clients of one view see: the merged catalogue and ready answers, built anew only when something changed. */
export class ViewCatalogue {
  readonly #parts: ViewParts
  readonly #limits: LimitFilter | null
  #built: Built | null = null
  #announced: ReadonlyMap<ListKind, string> | null = null

  constructor(parts: ViewParts) {
    this.#parts = parts
    this.#limits = parts.view.only == null ? null : createLimitFilter(parts.view.only)
  }

  /** The servers in view, in configuration order; those that are down for good are left out. */
  servers(): string[] {
    const { view, source, settings } = this.#parts
    return source.names().filter((name) => {
      if (name === MANAGEMENT) return showsManagement(view, settings().management)
      const server = source.get(name)
      if (server === null || server.presence === 'down' || this.#limits?.admitsServer(name) === false) return false
      return view.servers === null || view.servers.includes(name) || server.tags.some((tag) => view.tags.includes(tag))
    })
  }

  /** Servers that have not been listed yet but will be. */
  pending(): string[] {
    return this.servers().filter((name) => this.#parts.upstreamOf(name).isPending)
  }

  merged(): Merged {
    return this.#build().merged
  }

  /** The text of a list's result. */
  list(kind: ListKind, era: Era): Buffer {
    const built = this.#build()
    const key = `${kind} ${era}`
    const known = built.texts.get(key)
    if (known !== undefined) return known
    const pending = this.pending()
    const text = Buffer.from(JSON.stringify({
      ...(era === 'modern' ? { resultType: 'complete' } : {}),
      [kind]: built.merged[kind],
      ...(era === 'modern' ? { ttlMs: 0, cacheScope: 'private' } : {}),
      ...(pending.length === 0 ? {} : { _meta: { [PENDING_KEY]: pending } }),
    }))
    built.texts.set(key, text)
    return text
  }

  /** The lists that differ from what was announced last; the first call only takes note. */
  takeChanges(): ListKind[] {
    const { merged } = this.#build()
    const now = new Map(LIST_KINDS.map((kind) => [kind, JSON.stringify(merged[kind])]))
    const before = this.#announced
    this.#announced = now
    return before === null ? [] : LIST_KINDS.filter((kind) => before.get(kind) !== now.get(kind))
  }

  /** The servers' own instructions, each under its name; null when none has any. */
  instructions(): string | null {
    const parts = this.servers().flatMap((name) => {
      const text = this.#parts.upstreamOf(name).instructions?.trim()
      return text === undefined || text === '' ? [] : [{ name, text }]
    })
    const [only] = parts
    if (only === undefined) return null
    if (parts.length === 1) return only.text.slice(0, MAX_INSTRUCTIONS)
    return parts.map(({ name, text }) => `## ${name}\n\n${text.slice(0, MAX_INSTRUCTIONS_EACH)}`).join('\n\n').slice(0, MAX_INSTRUCTIONS)
  }

  #build(): Built {
    const revision = this.#parts.revision()
    if (this.#built?.revision === revision) return this.#built
    const { view, source, settings, upstreamOf, warn } = this.#parts
    const { prefix, separator, maxNameLength } = settings()
    const members = this.servers().flatMap((name): Member[] => {
      const server = source.get(name)
      const { catalogue } = upstreamOf(name)
      return server === null || catalogue === null ? [] : [{ server: name, traffic: server.traffic, ...holdBack(catalogue, server.traffic.pins), keepsNames: server.keepsNames === true }]
    })
    const all = mergeCatalogues(members, { prefix: view.prefix ?? prefix, separator: view.separator ?? separator, maxNameLength })
    for (const warning of all.warnings) warn(warning)
    const merged = this.#limits?.apply(all, view.separator ?? separator) ?? all
    this.#built = { revision, merged, texts: new Map() }
    return this.#built
  }
}
