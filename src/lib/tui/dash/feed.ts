import type { ControlClient, ControlEvent } from '../../control/index.js'
import { asMcpctlError } from '../../errors/index.js'
import { FiguresReader, withFigures, type Figures, type FiguresWanted } from './figures.js'
import { createData, seeServer, type DashData, type SeenServer } from './model.js'
import type { DashServices } from './services.js'

const RETRY_MS = 1000
/** What follows from a change of state (alerts, tools, counts) is asked for this long after it. */
const AFTER_CHANGE_MS = 400

export interface FeedWanted extends FiguresWanted {
  readonly intervalMs: number
  readonly paused: boolean
}

export interface FeedEvents {
  /** Something that may be seen has changed. */
  readonly onChange: () => void
  /** New figures came. */
  readonly onFigures: () => void
  readonly onServer: (name: string) => void
}

/**
 * What the dashboard knows, kept current: changes of state as the daemon tells them, figures at the interval, and when the
 * daemon goes away the next one as soon as there is one. `close` ends it all.
 */
export class Feed {
  readonly #services: DashServices
  readonly #events: FeedEvents
  #data: DashData
  #wanted: FeedWanted
  #client: ControlClient | null = null
  #reader: FiguresReader | null = null
  #timer: NodeJS.Timeout | undefined
  #wake: () => void = () => undefined
  #reading = false
  /** Servers an event told of since the last reading began. */
  readonly #touched = new Set<string>()
  #dueAt = Infinity
  #again = false
  #closed = false

  constructor(services: DashServices, wanted: FeedWanted, events: FeedEvents) {
    this.#services = services
    this.#wanted = wanted
    this.#events = events
    this.#data = createData(services.now())
    void this.#run()
  }

  get data(): DashData {
    return this.#data
  }

  /** Null while no daemon answers. */
  get client(): ControlClient | null {
    return this.#client
  }

  /** Tells what is on the screen; what is newly wanted is asked for at once. */
  want(wanted: FeedWanted): void {
    const before = this.#wanted
    this.#wanted = wanted
    const isNew = wanted.open !== before.open || !wanted.visible.every((name) => before.visible.includes(name))
    if (wanted.open !== before.open) this.#data = { ...this.#data, open: null }
    if (isNew) this.refresh()
    else if (wanted.intervalMs !== before.intervalMs || wanted.paused !== before.paused) this.#schedule()
  }

  /** Figures now; and where no daemon answered, another try. */
  refresh(): void {
    this.#wake()
    clearTimeout(this.#timer)
    void this.#read()
  }

  setLog(name: string, lines: NonNullable<DashData['log']>['lines']): void {
    this.#change({ log: { name, lines } })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#wake()
    this.#client?.close()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const client = await this.#connect()
      if (this.#closed) return client?.close()
      if (client !== null) await this.#serve(client)
      if (this.#closed) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RETRY_MS)
        this.#wake = () => (clearTimeout(timer), resolve())
      })
    }
  }

  async #connect(): Promise<ControlClient | null> {
    try {
      const client = await this.#services.connect()
      if (client === null) this.#unlink(null)
      return client
    } catch (error) {
      this.#unlink(error)
      return null
    }
  }

  async #serve(client: ControlClient): Promise<void> {
    this.#client = client
    this.#reader = new FiguresReader(client)
    const ended = client.subscribe((event) => this.#take(event))
    // Figures of another daemon are none of this one.
    void ended.catch((error: unknown) => this.#unlink(error, true))
    await ended.catch(() => undefined)
    client.close()
    this.#client = null
    this.#reader = null
    clearTimeout(this.#timer)
    if (!this.#closed && this.#data.link.state === 'live') this.#unlink(null)
  }

  #unlink(error: unknown, isRefused = false): void {
    if (this.#closed) return
    const { link, servers } = this.#data
    const known = error === null ? null : asMcpctlError(error)
    const refused = known !== null && (known.code === 'DAEMON_INCOMPATIBLE' || (!isRefused && servers.size === 0))
    const state = refused ? 'refused' : servers.size > 0 ? 'lost' : 'absent'
    const text = known === null ? null : [known.message, known.hint].filter(Boolean).join(' ')
    if (link.state === state && link.error === text) return
    this.#change({ link: { state, since: link.state === 'live' || link.state === 'connecting' ? this.#services.now() : link.since, error: text } })
  }

  #change(change: Partial<DashData>): void {
    this.#data = { ...this.#data, ...change }
    if (!this.#closed) this.#events.onChange()
  }

  #take(event: ControlEvent): void {
    const now = this.#services.now()
    switch (event.type) {
      case 'snapshot':
        this.#change({
          link: { state: 'live', since: now, error: null }, daemon: event.snapshot.daemon, servers: this.#see(event.snapshot.servers, now),
          ...(this.#data.daemon?.pid === event.snapshot.daemon.pid ? {} : { metrics: null, metricsOf: new Map(), histories: new Map(), totals: null, figuresAt: null, open: null }),
        })
        void this.#read()
        return
      case 'server': {
        const { server } = event
        const servers = new Map(this.#data.servers)
        servers.set(server.name, seeServer(server, now, servers.get(server.name)))
        this.#touched.add(server.name)
        this.#change({ servers })
        if (event.previous !== server.phase) this.#soon()
        return this.#events.onServer(server.name)
      }
      case 'removed': {
        const servers = new Map(this.#data.servers)
        servers.delete(event.name)
        this.#touched.add(event.name)
        return this.#change({ servers })
      }
      // The server's own event follows.
      case 'breaker':
        return this.#soon()
      case 'closing':
        return
    }
  }

  #see(servers: readonly SeenServer['server'][], now: number): ReadonlyMap<string, SeenServer> {
    return new Map(servers.map((server) => [server.name, seeServer(server, now, this.#data.servers.get(server.name))]))
  }

  async #read(): Promise<void> {
    const reader = this.#reader
    if (reader === null || this.#closed) return
    if (this.#reading) return void (this.#again = true)
    this.#reading = true
    this.#touched.clear()
    try {
      const visible = this.#wanted.visible.filter((name) => this.#data.servers.has(name))
      const open = this.#wanted.open !== null && this.#data.servers.has(this.#wanted.open) ? this.#wanted.open : null
      const figures = await reader.read({ visible, open }, this.#data, this.#services.now())
      if (reader === this.#reader && !this.#closed) this.#merge(figures)
    } catch {
      // The connection's end is told where it is served; a single refusal is not worth losing the screen.
    } finally {
      this.#reading = false
      if (this.#again) {
        this.#again = false
        void this.#read()
      } else this.#schedule()
    }
  }

  #merge(figures: Figures): void {
    const now = this.#services.now()
    const { snapshot, open } = figures
    const data = withFigures(this.#data, open?.name === this.#wanted.open ? figures : { ...figures, open: null }, now)
    this.#data = snapshot === null ? data : { ...data, daemon: snapshot.daemon, servers: this.#withNewer(this.#see(snapshot.servers, now)) }
    this.#events.onFigures()
    this.#events.onChange()
  }

  /** What an event told while the snapshot was on its way is newer than it. */
  #withNewer(seen: ReadonlyMap<string, SeenServer>): ReadonlyMap<string, SeenServer> {
    if (this.#touched.size === 0) return seen
    const servers = new Map(seen)
    for (const name of this.#touched) {
      const newer = this.#data.servers.get(name)
      if (newer === undefined) servers.delete(name)
      else servers.set(name, newer)
    }
    return servers
  }

  /** Never later than it is due anyhow: changes without end must not put the figures off. */
  #soon(): void {
    if (!this.#reading && this.#dueAt - performance.now() > AFTER_CHANGE_MS) this.#schedule(AFTER_CHANGE_MS)
  }

  #schedule(delayMs = this.#wanted.intervalMs): void {
    clearTimeout(this.#timer)
    if (this.#closed || this.#reader === null || this.#wanted.paused) return
    this.#dueAt = performance.now() + delayMs
    this.#timer = setTimeout(() => void this.#read(), delayMs)
  }
}
