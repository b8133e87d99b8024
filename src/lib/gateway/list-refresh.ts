import { setTimeout as delay } from 'node:timers/promises'
import { readList, type Catalogue, type Link } from '../mcp/index.js'

const TIMEOUT_MS = 30_000
const PAUSE_MS = 250
const LISTS: Readonly<Record<string, readonly (keyof Catalogue)[]>> = {
  'notifications/tools/list_changed': ['tools'],
  'notifications/prompts/list_changed': ['prompts'],
  'notifications/resources/list_changed': ['resources', 'resourceTemplates'],
}

/** The lists a notification says to have changed; undefined when it is another notification. */
export function changedLists(method: string): readonly (keyof Catalogue)[] | undefined {
  return LISTS[method]
}

export interface ListRefreshEvents {
  readonly onRead: (kind: keyof Catalogue, list: readonly unknown[]) => void
  /** A sentence for the log. */
  readonly onFailure: (text: string) => void
}

/** Reads the lists of one instance again when it tells of a change. Its owner calls `stop`. */
export class ListRefresh {
  readonly link: Link
  readonly #events: ListRefreshEvents
  readonly #reading = new Set<keyof Catalogue>()
  readonly #again = new Set<keyof Catalogue>()
  #isOver = false

  constructor(link: Link, events: ListRefreshEvents) {
    this.link = link
    this.#events = events
  }

  changed(kinds: readonly (keyof Catalogue)[]): void {
    for (const kind of kinds) void this.#read(kind)
  }

  /** What is still being read is of no use any more. */
  stop(): void {
    this.#isOver = true
  }

  /** One read at a time for each list; what changes meanwhile is read again. */
  async #read(kind: keyof Catalogue): Promise<void> {
    if (this.#isOver) return
    if (this.#reading.has(kind)) return void this.#again.add(kind)
    this.#reading.add(kind)
    try {
      const list = await readList(this.link, kind, { timeoutMs: TIMEOUT_MS })
      if (!this.#isOver) this.#events.onRead(kind, list)
    } catch (error) {
      if (!this.#isOver) this.#events.onFailure(`its list of ${kind} changed and could not be read again: ${error instanceof Error ? error.message : String(error)}`)
    }
    // A server that tells of a change whenever it is read must not be read all the time.
    await delay(PAUSE_MS, undefined, { ref: false })
    this.#reading.delete(kind)
    if (this.#again.delete(kind)) void this.#read(kind)
  }
}
