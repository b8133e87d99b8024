import type { Duplex } from 'node:stream'
import { DEFAULT_GATEWAY, type PrefixMode } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { openHttpLink, openStdioLink, type Link, type LinkHooks } from '../mcp/index.js'
import { Member, type MemberFacts } from './ad-hoc-member.js'
import type { Gateway } from './contract.js'
import { createGateway } from './gateway.js'
import type { AddedServer, ManagedServer, Management } from './management.js'
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
}

const MANAGEMENT_TOOLS = { usual: 'auto', asked: 'on', never: 'off' } as const
/** No server can be called that: names do not begin with a blank. */
const DAEMON_NAME = ' supervised'

/** A gateway over URLs that nobody supervises: connects to them, and again when they were away. Its owner calls `close`. */
export function openAdHocGateway(options: AdHocOptions): Gateway & { close(reason: string): void } {
  const source = new AdHocSource(options)
  const settings = { ...DEFAULT_GATEWAY, prefix: options.prefix ?? DEFAULT_GATEWAY.prefix, separator: options.separator ?? DEFAULT_GATEWAY.separator, management: { tools: MANAGEMENT_TOOLS[options.manages], allowCommands: false } }
  const gateway = createGateway({ source, settings: () => settings, version: options.version, now: () => Date.now(), warn: options.warn, management: source })
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
  #listener: SourceListener | null = null

  constructor({ servers, daemon, version, warn }: AdHocOptions) {
    this.#warn = warn
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
    this.#listener?.changed(name)
    return Promise.resolve()
  }

  async switch(name: string, isOn: boolean): Promise<void> {
    await this.#members.get(name)?.switch(isOn)
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
