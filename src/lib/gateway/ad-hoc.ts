import type { Duplex } from 'node:stream'
import { DEFAULT_GATEWAY, type BreakerSnapshot, type PrefixMode, type TrafficFigures } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { openHttpLink, openStdioLink, type Link, type LinkHooks } from '../mcp/index.js'
import { Member, type MemberFacts } from './ad-hoc-member.js'
import type { CallObserver } from './call-observer.js'
import type { Gateway } from './contract.js'
import { statusOfAll, toHealthDocument } from './ad-hoc-health.js'
import { createGateway } from './gateway.js'
import type { AddedServer, ManagedFleet, ManagedServer, Management } from './management.js'
import type { ServerSource, SourceListener, SourceServer } from './source.js'

export interface AdHocOptions {
  /** In the order clients are to see them. */
  readonly servers: readonly { readonly name: string; readonly url: string }[]
  /** Opens a stream to supervised servers that are to be seen as well, their names made already; it may be paused. Null: there are none. */
  readonly daemon: (() => Promise<Duplex>) | null
  readonly prefix: PrefixMode | null
  readonly separator: string | null
  readonly version: string
  readonly warn: (text: string) => void
  /**
   * Whether clients may look after the servers: add others for as long as this gateway lives, switch them on and off.
   * `usual`: local ones and no others; `asked`: all; `never`: none.
   */
  readonly manages: 'usual' | 'asked' | 'never'
  /** Counts the calls, and knows what was counted; absent: nobody does. */
  readonly figures?: { readonly observer: CallObserver; readonly trafficOf: (server: string) => TrafficFigures; readonly forget: (server: string) => void }
}

const MANAGEMENT_TOOLS = { usual: 'auto', asked: 'on', never: 'off' } as const
/** No server can be called that: names do not begin with a blank. */
const DAEMON_NAME = ' supervised'

/** A gateway over URLs that nobody supervises: connects to them, and again when they were away. Its owner calls `close`. */
export function openAdHocGateway(options: AdHocOptions): Gateway & { close(reason: string): void } {
  const source = new AdHocSource(options)
  const settings = { ...DEFAULT_GATEWAY, prefix: options.prefix ?? DEFAULT_GATEWAY.prefix, separator: options.separator ?? DEFAULT_GATEWAY.separator, management: { tools: MANAGEMENT_TOOLS[options.manages], allowCommands: false } }
  const gateway = createGateway({ source, settings: () => settings, version: options.version, now: () => Date.now(), warn: options.warn, management: source, ...(options.figures && { observer: options.figures.observer }) })
  source.judged = { breakerOf: (name) => gateway.breaker(name), sessions: () => gateway.sessions().length }
  source.start()
  return {
    openSession: (session) => gateway.openSession(session),
    viewOfServer: (name) => gateway.viewOfServer(name),
    viewOfProfile: (name) => gateway.viewOfProfile(name),
    close: (reason) => {
      source.close()
      gateway.close(reason)
    },
  }
}

class AdHocSource implements ServerSource, Management {
  readonly #members = new Map<string, Member>()
  readonly #warn: (text: string) => void
  readonly #client: { readonly name: string; readonly version: string }
  readonly #figures: AdHocOptions['figures']
  #listener: SourceListener | null = null
  /** What the gateway knows of them; set once there is one. */
  judged: { readonly breakerOf: (name: string) => BreakerSnapshot | null; readonly sessions: () => number } = { breakerOf: () => null, sessions: () => 0 }

  constructor({ servers, daemon, version, warn, figures }: AdHocOptions) {
    this.#warn = warn
    this.#figures = figures
    this.#client = { name: 'mcpctl', version }
    if (daemon !== null) this.#put({ name: DAEMON_NAME, url: null, isAdded: false, keepsNames: true }, async (hooks) => {
      const stream = await daemon()
      const link = openStdioLink({ input: stream, output: stream, client: this.#client, onNoise: () => undefined, ...hooks })
      stream.resume()
      return link
    })
    for (const { name, url } of servers) this.#putUrl(name, url, false)
  }

  // For clients that look after the servers.

  servers(): ManagedServer[] {
    return [...this.#members.values()].filter(({ name }) => name !== DAEMON_NAME).map((member) => member.report())
  }

  async add({ name, url }: AddedServer): Promise<void> {
    if (url === undefined) throw new McpctlError('USAGE', 'this proxy serves URLs only', { hint: 'Servers that are commands run under the daemon: mcpctl add NAME -- COMMAND.' })
    await this.#putUrl(name, url, true).connect()
  }

  remove(name: string): Promise<void> {
    this.#members.get(name)?.close()
    this.#members.delete(name)
    this.#figures?.forget(name)
    this.#listener?.changed(name)
    return Promise.resolve()
  }

  async switch(name: string, isOn: boolean): Promise<void> {
    await this.#members.get(name)?.switch(isOn)
  }

  health(names: ReadonlySet<string>): Promise<ManagedFleet> {
    const now = Date.now()
    const members = [...this.#members.values()].filter(({ name }) => name !== DAEMON_NAME && names.has(name))
    const servers = members.map((member) => toHealthDocument({ ...member.vitals(), traffic: this.#figures?.trafficOf(member.name) ?? null, breaker: this.judged.breakerOf(member.name)?.state ?? 'closed', sessions: this.judged.sessions(), now }))
    return Promise.resolve({ status: statusOfAll(servers), servers })
  }

  #putUrl(name: string, url: string, isAdded: boolean): Member {
    return this.#put({ name, url, isAdded, keepsNames: false }, (hooks) => openHttpLink({ url, headers: {}, transport: 'http', client: this.#client, ...hooks }))
  }

  #put(facts: MemberFacts, open: (hooks: LinkHooks) => Promise<Link>): Member {
    const { name } = facts
    const member = new Member(facts, open, {
      changed: () => this.#listener?.changed(name),
      onNotification: (method, params, via) => this.#listener?.notified(name, method, params, via),
      onRequest: (request) => this.#listener?.asked(name, request),
      warn: this.#warn,
    })
    this.#members.set(name, member)
    return member
  }

  start(): void {
    for (const member of this.#members.values()) void member.connect()
  }

  close(): void {
    for (const member of this.#members.values()) member.close()
  }

  names(): readonly string[] {
    return [...this.#members.keys()]
  }

  get(name: string): SourceServer | null {
    return this.#members.get(name)?.describe() ?? null
  }

  remembered(): null {
    return null
  }

  remember(): void {
    // It lives no longer than its client.
  }

  wake(): void {
    // Nothing rests here.
  }

  rest(): void {
    // Nothing is stopped here.
  }

  openOwn(): null {
    return null
  }

  closeOwn(): void {
    // There are none.
  }

  note(name: string, text: string): void {
    this.#warn(`${name}: ${text}`)
  }

  listen(listener: SourceListener): void {
    this.#listener = listener
  }
}
