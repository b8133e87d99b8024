import type { RequestContext, TraceParams } from '../control/index.js'
import type { Fleet, FleetEntry, TraceEvent } from '../core/index.js'
import type { Link } from '../mcp/index.js'
import type { Instance } from './instance.js'
import { createMask } from '../base/index.js'
import { secretsOf } from './server-secrets.js'
import type { Supervisor } from './supervisor.js'
import { TraceCalls } from './trace-calls.js'
import { TraceClient } from './trace-client.js'
import { TraceQueue } from './trace-queue.js'
import { TraceSource, type Capture, type Captured } from './trace-source.js'

/** Of a message whose text nobody asked for, so much is looked at to say what it is. */
const LEAST_COPIED_BYTES = 64 * 1024

/** Shows what goes over the servers' links to those who ask. Costs nothing while nobody does. */
export interface Tracer {
  /** Resolves when the client is gone, or, when it does not follow, has got what is remembered. */
  serve(params: TraceParams, context: RequestContext): Promise<Record<string, never>>
}

/** `now`: epoch milliseconds. */
export function createTracer(supervisor: Supervisor, now: () => number): Tracer {
  const hub = new TraceHub(supervisor, now)
  return {
    serve: (params, context) => new Promise((resolve) => {
      const client = new TraceClient(params, context)
      hub.replay(client)
      if (!params.follow) {
        client.finish()
        return resolve({})
      }
      hub.join(client)
      context.onGone(() => {
        hub.leave(client)
        resolve({})
      })
    }),
  }
}

class TraceHub implements Capture {
  limit = LEAST_COPIED_BYTES
  readonly #supervisor: Supervisor
  readonly #now: () => number
  readonly #clients = new Set<TraceClient>()
  /** By link: an instance that is being replaced has its own. Empty while nobody looks on. */
  readonly #sources = new Map<Link, TraceSource>()
  readonly #queue = new TraceQueue()
  #stopListening: (() => void) | null = null
  #isClosing = false

  constructor(supervisor: Supervisor, now: () => number) {
    this.#supervisor = supervisor
    this.#now = now
  }

  /** From here on the client hears of everything. */
  join(client: TraceClient): void {
    this.#clients.add(client)
    this.#fit()
    if (this.#stopListening !== null) return
    for (const [name, instance, link] of this.#links()) this.#watch(name, instance, link)
    this.#supervisor.onLink((name, instance, link) => this.#watch(name, instance, link))
    this.#stopListening = this.#supervisor.onChange((name, before) => this.#changed(name, before))
  }

  leave(client: TraceClient): void {
    client.close()
    this.#clients.delete(client)
    this.#fit()
    if (this.#clients.size > 0) return
    this.#supervisor.onLink(null)
    this.#stopListening?.()
    this.#stopListening = null
    for (const source of this.#sources.values()) source.detach()
    this.#sources.clear()
    this.#queue.clear()
  }

  /** What the links of its servers remember, in one order. */
  replay(client: TraceClient): void {
    const { last } = client.params
    const found = this.#links().filter(([name]) => last > 0 && client.concerns(name)).flatMap(([name, instance, link]) => {
      const source = this.#sourceOf(name, instance, link)
      const calls = new TraceCalls()
      return source.remembered().flatMap((captured) => source.decode(captured, calls).map((message) => ({ message, captured }))).slice(-last)
    })
    for (const { message, captured } of found.sort((a, b) => a.captured.at - b.captured.at)) client.message(message, captured)
  }

  get hasRoom(): boolean {
    return this.#queue.hasRoom
  }

  take(captured: Captured): void {
    const { head, tail } = captured.text
    this.#queue.add(head.length + (tail?.length ?? 0), () => {
      for (const message of captured.source.decode(captured)) for (const client of this.#clients) client.message(message, captured)
    })
  }

  lost(source: TraceSource): void {
    for (const client of this.#clients) client.missed(source)
  }

  /** Copies as much as the one who wants most. */
  #fit(): void {
    this.limit = Math.max(LEAST_COPIED_BYTES, ...[...this.#clients].map(({ params }) => params.textBytes))
  }

  /** Every open link, proven or not, under the name of its server. */
  #links(): [string, Instance, Link][] {
    return [...this.#supervisor.fleet.servers].flatMap(([name, entry]): [string, Instance, Link][] => {
      const instance = this.#supervisor.instance(name)
      const link = instance?.remains.link ?? null
      return instance === undefined || link === null || link.closed ? [] : [[ownerOf(name, entry), instance, link]]
    })
  }

  #sourceOf(server: string, { generation, spec }: Instance, link: Link): TraceSource {
    return new TraceSource({ server, generation, link, mask: createMask(secretsOf(spec)) }, this)
  }

  #watch(server: string, instance: Instance, link: Link): void {
    for (const [old, { isOver }] of this.#sources) if (isOver) this.#sources.delete(old)
    const source = this.#sourceOf(server, instance, link)
    this.#sources.set(link, source)
    source.attach()
  }

  #changed(name: string, before: Fleet): void {
    const { fleet } = this.#supervisor
    const [entry, old] = [fleet.servers.get(name), before.servers.get(name)]
    if (fleet.closing && !this.#isClosing) {
      this.#isClosing = true
      this.#tell({ type: 'closing', time: this.#now() }, null)
    }
    const known = entry ?? old
    if (known === undefined || (entry !== undefined && entry.state.phase === old?.state.phase && entry.state.generation === old.state.generation)) return
    const { generation, phase, reason } = known.state
    const server = ownerOf(name, known)
    const said = entry === undefined ? 'gone from the configuration' : `${roleOf(known)}${reason}`
    this.#tell({ type: 'phase', time: this.#now(), server, generation, phase, reason: said }, server)
  }

  /** In its place among the messages that were copied before. */
  #tell(event: TraceEvent, server: string | null): void {
    this.#queue.add(0, () => {
      for (const client of this.#clients) if (server === null || client.concerns(server)) client.tell(event)
    })
  }
}

function ownerOf(name: string, { standIn }: FleetEntry): string {
  return standIn?.for ?? name
}

function roleOf({ standIn }: FleetEntry): string {
  return standIn === null ? '' : standIn.role === 'next' ? 'its replacement: ' : 'the one it replaced: '
}
