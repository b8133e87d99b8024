import type { Era, GatewaySettings } from '../core/index.js'
import type { View } from './contract.js'
import { allOffersOf, offersOf, type Offer } from './group/offer.js'
import { isLocal, MANAGEMENT, showsManagement, showsWorkflows, WORKFLOWS } from './local-source.js'
import { mergeCatalogues, type Member, type Merged } from './merge.js'
import { holdBack } from './pins.js'
import type { ServerSource } from './source.js'
import type { Upstream } from './upstream.js'
import { viewNow } from './views.js'
import { createLimitFilter, type LimitFilter, type ToolNames } from './view-limits.js'

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates'

export interface ViewParts {
  readonly view: View
  readonly source: ServerSource
  readonly settings: () => GatewaySettings
  /** The process that serves this view's clients: the shared one, or the session's own. `hasOthers`: others stand in for it, so none has to be started. */
  readonly upstreamOf: (server: string, hasOthers: boolean) => Upstream
  /** Changes whenever any list or the choice of servers may have changed. */
  readonly revision: () => number
  readonly warn: (text: string) => void
}

interface Whole {
  readonly revision: number
  readonly merged: Merged
}

interface Built {
  readonly revision: number
  readonly merged: Merged
  /** By the name clients see. */
  readonly offers: ReadonlyMap<string, Offer>
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
  #whole: Whole | null = null
  #announced: ReadonlyMap<ListKind, string> | null = null

  constructor(parts: ViewParts) {
    this.#parts = parts
    this.#limits = parts.view.only == null ? null : createLimitFilter(parts.view.only)
  }

  /** What is in view, by the names clients see, in configuration order; what is down for good is left out. */
  servers(): string[] {
    return this.#offers().map(({ name }) => name)
  }

  /** The same with what is down for good. */
  everything(): Offer[] {
    return this.#withOwn(allOffersOf(this.#view, this.#parts.source))
  }

  /** The servers behind that, as they are configured; without those that are down for good. */
  sources(): string[] {
    return this.#offers().flatMap((offer) => this.#present(offer))
  }

  /** Those of `servers` that have not been listed yet, or not all of their members, but will be. */
  pending(): string[] {
    return this.#offers().filter((offer) => this.#pendingOf(offer).length > 0).map(({ name }) => name)
  }

  /** The servers behind that. */
  pendingSources(): string[] {
    return this.#offers().flatMap((offer) => this.#pendingOf(offer))
  }

  /** Who serves what clients see under this name, the preferred one first; empty when nothing is. */
  membersOf(name: string): readonly string[] {
    return this.#build().offers.get(name)?.members ?? []
  }

  merged(): Merged {
    return this.#build().merged
  }

  /** What there would be if nothing were down for good, as far as its lists are known. */
  whole(): Merged {
    const revision = this.#parts.revision()
    if (this.#whole?.revision === revision) return this.#whole.merged
    const all = this.everything()
    const isAllThere = all.every((offer) => this.#present(offer).length === offer.members.length)
    const merged = isAllThere ? this.merged() : this.#merge(all, ({ members }) => members).merged
    this.#whole = { revision, merged }
    return merged
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
    const parts = this.#offers().flatMap((offer) => {
      const text = this.#present(offer).map((member) => this.#upstreamOf(member, offer).instructions?.trim() ?? '').find((each) => each !== '')
      return text === undefined ? [] : [{ name: offer.name, text }]
    })
    const [only] = parts
    if (only === undefined) return null
    if (parts.length === 1) return only.text.slice(0, MAX_INSTRUCTIONS)
    return parts.map(({ name, text }) => `## ${name}\n\n${text.slice(0, MAX_INSTRUCTIONS_EACH)}`).join('\n\n').slice(0, MAX_INSTRUCTIONS)
  }

  get #view(): View {
    return viewNow(this.#parts.view, this.#parts.settings())
  }

  #offers(): Offer[] {
    return this.#withOwn(offersOf(this.#view, this.#parts.source))
  }

  /** Those its clients may see. */
  #withOwn(all: readonly Offer[]): Offer[] {
    const { view, source, settings } = this.#parts
    const limits = this.#limits
    const offers = all.filter(({ name }) => !isLocal(name) && (limits === null || limits.admitsServer(name)))
    // The gateway's own tools are seen by who may see them, whatever servers there are.
    const own = [...(showsManagement(view, settings().management) ? [MANAGEMENT] : []), ...(showsWorkflows(view) ? [WORKFLOWS] : [])]
    return [...offers, ...own.flatMap((name) => (source.get(name) === null ? [] : [{ name, members: [name] }]))]
  }

  #present({ members }: Offer): string[] {
    return members.filter((member) => this.#parts.source.get(member)?.presence !== 'down')
  }

  #pendingOf(offer: Offer): string[] {
    return this.#present(offer).filter((member) => this.#upstreamOf(member, offer).isPending)
  }

  #upstreamOf(member: string, { members }: Offer): Upstream {
    return this.#parts.upstreamOf(member, members.length > 1)
  }

  #build(): Built {
    const revision = this.#parts.revision()
    if (this.#built?.revision === revision) return this.#built
    const offers = this.#offers()
    const { merged, warnings } = this.#merge(offers, (offer) => this.#present(offer))
    for (const warning of warnings) this.#parts.warn(warning)
    this.#built = { revision, merged, offers: new Map(offers.map((offer) => [offer.name, offer])), texts: new Map() }
    return this.#built
  }

  #merge(offers: readonly Offer[], choose: (offer: Offer) => readonly string[]): { readonly merged: Merged; readonly warnings: readonly string[] } {
    const { view, source, settings, upstreamOf } = this.#parts
    const { prefix, separator, maxNameLength } = settings()
    const members = offers.flatMap((offer) => choose(offer).flatMap((name): Member[] => {
      const server = source.get(name)
      // Nothing is started for a client only to see what one that is down had.
      const { catalogue } = server?.presence === 'down' ? upstreamOf(name, true) : this.#upstreamOf(name, offer)
      return server === null || catalogue === null ? [] : [{ server: offer.name, from: name, traffic: server.traffic, ...holdBack(catalogue, server.traffic.pins), keepsNames: server.keepsNames === true }]
    }))
    const all = mergeCatalogues(members, { prefix: view.prefix ?? prefix, separator: view.separator ?? separator, maxNameLength })
    const byName = new Map(offers.map((offer) => [offer.name, offer]))
    return { merged: this.#limits?.apply(all, view.separator ?? separator, (route) => toolNames(route, source, byName)) ?? all, warnings: all.warnings }
  }
}

/** Whatever this view calls a tool: a limit of a caller holds at every place he can ask at. */
function toolNames({ server, from, name }: Parameters<Parameters<LimitFilter['apply']>[2]>[0], source: ServerSource, offers: ReadonlyMap<string, Offer>): ToolNames {
  const traffic = source.get(from)?.traffic
  const visible = traffic !== undefined && Object.hasOwn(traffic.tools, name) ? traffic.tools[name]?.name : undefined
  const group = traffic?.membership?.group
  return { own: visible === undefined ? [name] : [name, visible], servers: group === undefined ? [server] : [server, group], members: offers.get(server)?.members ?? [] }
}
