import type { Duplex } from 'node:stream'
import { DEFAULT_GATEWAY, DEFAULT_TRAFFIC, type PrefixMode } from '../core/index.js'
import { LinkError, openHttpLink, openStdioLink, type Established, type EraVerdict, type Link, type LinkHooks } from '../mcp/index.js'
import type { Gateway } from './contract.js'
import { createGateway } from './gateway.js'
import type { Presence, ServerSource, SourceListener, SourceServer } from './source.js'

export interface AdHocOptions {
  /** In the order clients are to see them. */
  readonly servers: readonly { readonly name: string; readonly url: string }[]
  /** Opens a stream to supervised servers that are to be seen as well, their names made already; it may be paused. Null: there are none. */
  readonly daemon: (() => Promise<Duplex>) | null
  readonly prefix: PrefixMode | null
  readonly separator: string | null
  readonly version: string
  readonly warn: (text: string) => void
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
const HANDSHAKE_LIMIT_MS = 30_000
/** No server can be called that: names do not begin with a blank. */
const DAEMON_NAME = ' supervised'

/** A gateway over URLs that nobody supervises: connects to them, and again when they were away. Its owner calls `close`. */
export function openAdHocGateway(options: AdHocOptions): Gateway & { close(reason: string): void } {
  const source = new AdHocSource(options)
  const settings = { ...DEFAULT_GATEWAY, prefix: options.prefix ?? DEFAULT_GATEWAY.prefix, separator: options.separator ?? DEFAULT_GATEWAY.separator }
  const gateway = createGateway({ source, settings: () => settings, version: options.version, now: () => Date.now(), warn: options.warn })
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

class AdHocSource implements ServerSource {
  readonly #members = new Map<string, Member>()
  readonly #warn: (text: string) => void
  #listener: SourceListener | null = null

  constructor({ servers, daemon, version, warn }: AdHocOptions) {
    this.#warn = warn
    const client = { name: 'mcpctl', version }
    const add = (name: string, keepsNames: boolean, open: (hooks: LinkHooks) => Promise<Link>): void => {
      this.#members.set(name, new Member(name, keepsNames, open, {
        changed: () => this.#listener?.changed(name),
        onNotification: (method, params, via) => this.#listener?.notified(name, method, params, via),
        onRequest: (request) => this.#listener?.asked(name, request),
        warn,
      }))
    }
    if (daemon !== null) add(DAEMON_NAME, true, async (hooks) => {
      const stream = await daemon()
      const link = openStdioLink({ input: stream, output: stream, client, onNoise: () => undefined, ...hooks })
      stream.resume()
      return link
    })
    for (const { name, url } of servers) {
      add(name, false, (hooks) => openHttpLink({ url, headers: {}, transport: 'http', client, ...hooks }))
    }
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

interface MemberEvents extends Pick<LinkHooks, 'onNotification' | 'onRequest'> {
  readonly changed: () => void
  readonly warn: (text: string) => void
}

/** One URL: its connection, and the next try when there is none. */
class Member {
  readonly #name: string
  readonly #keepsNames: boolean
  readonly #open: (hooks: LinkHooks) => Promise<Link>
  readonly #events: MemberEvents
  #up: { link: Link; established: Established } | null = null
  #link: Link | null = null
  #remembered: EraVerdict | null = null
  #reason = 'connecting'
  #failures = 0
  #retryAt: number | null = null
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(name: string, keepsNames: boolean, open: (hooks: LinkHooks) => Promise<Link>, events: MemberEvents) {
    this.#name = name
    this.#keepsNames = keepsNames
    this.#open = open
    this.#events = events
  }

  async connect(): Promise<void> {
    this.#timer = null
    this.#retryAt = null
    try {
      const link = await this.#open({
        onNotification: (...heard) => this.#events.onNotification?.(...heard),
        onRequest: (request) => this.#events.onRequest?.(request),
        onClosed: (reason) => { if (this.#up?.link === link) this.#lost(reason) },
      })
      this.#link = link
      if (this.#closed) return link.close()
      const established = await link.establish({ era: 'auto', remembered: this.#remembered, now: Date.now, signal: AbortSignal.timeout(HANDSHAKE_LIMIT_MS) })
      this.#remembered = established.remember
      this.#failures = 0
      this.#up = { link, established }
      this.#events.changed()
    } catch (error) {
      this.#lost(error instanceof LinkError && error.hint !== undefined ? `${error.message}. ${error.hint}` : error instanceof Error ? error.message : String(error))
    }
  }

  describe(): SourceServer {
    const up = this.#up === null || this.#up.link.closed ? null : this.#up
    return {
      name: this.#name, up, reason: up === null ? this.#reason : '',
      presence: up === null ? ('coming' satisfies Presence) : 'up',
      retryAfterMs: this.#retryAt === null ? null : Math.max(0, this.#retryAt - Date.now()),
      isolation: 'shared', idleStopMs: null, roots: null, tags: [], traffic: DEFAULT_TRAFFIC, keepsNames: this.#keepsNames,
    }
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#link?.close()
  }

  #lost(reason: string): void {
    this.#link?.close()
    this.#link = null
    this.#up = null
    if (this.#closed) return
    this.#reason = reason
    if (this.#failures === 0) this.#events.warn(`${this.#name}: ${reason}`)
    const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++)
    this.#retryAt = Date.now() + delayMs
    this.#timer = setTimeout(() => void this.connect(), delayMs)
    this.#events.changed()
  }
}
