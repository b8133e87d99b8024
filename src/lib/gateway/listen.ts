import { isJsonObject, type JsonObject } from '../mcp/index.js'
import { idText, type ClientId } from './client-id.js'
import type { Reply, Underway } from './contract.js'
import { readWatchedUris, type ResourceListener } from './interest.js'
import { META } from './request-text.js'
import type { Upstream } from './upstream.js'
import type { ListKind } from './view-catalogue.js'

const CHANGED: Readonly<Record<ListKind, { flag: string; method: string }>> = {
  tools: { flag: 'toolsListChanged', method: 'notifications/tools/list_changed' },
  prompts: { flag: 'promptsListChanged', method: 'notifications/prompts/list_changed' },
  resources: { flag: 'resourcesListChanged', method: 'notifications/resources/list_changed' },
  resourceTemplates: { flag: 'resourcesListChanged', method: 'notifications/resources/list_changed' },
}

/** The methods that tell of changes in these lists, each once. */
export function changeMethods(kinds: readonly ListKind[]): string[] {
  return [...new Set(kinds.map((kind) => CHANGED[kind].method))]
}

/** One open `subscriptions/listen` of a modern client: it hears what its filter names, stamped with its id, until either side ends it. */
export class Listen implements Underway, ResourceListener {
  readonly #id: ClientId
  readonly #reply: Reply
  readonly #filter: JsonObject
  readonly #watched: readonly { readonly uri: string; upstream: Upstream }[]
  readonly #ownerOf: (uri: string) => Upstream | null
  readonly #isSeen: (upstream: Upstream) => boolean
  readonly #onOver: (listen: Listen) => void
  #over = false

  /** `ownerOf`: the server of a resource, or null; a resource without one is not honoured. `isSeen`: whether the client may hear of a server. */
  constructor(parts: { id: ClientId; params: JsonObject | undefined; reply: Reply; ownerOf: (uri: string) => Upstream | null; isSeen: (upstream: Upstream) => boolean; onOver: (listen: Listen) => void }) {
    this.#id = parts.id
    this.#reply = parts.reply
    this.#onOver = parts.onOver
    this.#ownerOf = parts.ownerOf
    this.#isSeen = parts.isSeen
    this.#filter = isJsonObject(parts.params?.['notifications']) ? parts.params['notifications'] : {}
    this.#watched = readWatchedUris(this.#filter).flatMap((uri) => {
      const upstream = parts.ownerOf(uri)
      return upstream === null ? [] : [{ uri, upstream }]
    })
    for (const { uri, upstream } of this.#watched) upstream.interest.add(uri, this).catch(() => undefined)
    this.#tell('notifications/subscriptions/acknowledged', { notifications: this.#honoured() })
  }

  changed(kinds: readonly ListKind[]): void {
    for (const method of changeMethods(kinds.filter((kind) => this.#filter[CHANGED[kind].flag] === true))) this.#tell(method, {})
  }

  /** Looks again at who has each of its resources. */
  follow(): void {
    for (const watched of this.#watched) {
      const now = this.#ownerOf(watched.uri)
      if (now === null || now === watched.upstream) continue
      watched.upstream.interest.remove(watched.uri, this)
      watched.upstream = now
      now.interest.add(watched.uri, this).catch(() => undefined)
    }
  }

  resourceUpdated(params: JsonObject, by: Upstream): void {
    if (this.#isSeen(by)) this.#tell('notifications/resources/updated', params)
  }

  abort(): void {
    this.#end()
  }

  /** The gateway ends it: the client is told with the answer. */
  finish(): void {
    if (this.#over) return
    this.#end()
    this.#reply.answer([Buffer.from(`{"jsonrpc":"2.0","id":${idText(this.#id)},"result":{"resultType":"complete","_meta":${this.#stamped({})}}}`)], 200)
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    for (const { uri, upstream } of this.#watched) upstream.interest.remove(uri, this)
    this.#onOver(this)
  }

  #honoured(): JsonObject {
    const flags = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'].filter((flag) => this.#filter[flag] === true)
    return {
      ...Object.fromEntries(flags.map((flag) => [flag, true])),
      ...(Array.isArray(this.#filter['resourceSubscriptions']) ? { resourceSubscriptions: this.#watched.map(({ uri }) => uri) } : {}),
    }
  }

  #tell(method: string, params: JsonObject): void {
    if (this.#over) return
    const { _meta, ...rest } = params
    this.#reply.send(`{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":{${members(rest)}"_meta":${this.#stamped(isJsonObject(_meta) ? _meta : {})}}}`)
  }

  /** The text of `_meta` with the id of this subscription in it. */
  #stamped(meta: JsonObject): string {
    const { [META.subscription]: _other, ...rest } = meta
    return `{${members(rest)}${JSON.stringify(META.subscription)}:${idText(this.#id)}}`
  }
}

/** The text of an object's members, for more to follow. */
function members(object: JsonObject): string {
  const text = JSON.stringify(object).slice(1, -1)
  return text === '' ? '' : `${text},`
}
