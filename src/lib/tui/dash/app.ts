import { asMcpctlError, McpctlError } from '../../errors/index.js'
import type { Key } from '../term/keys.js'
import { Screen } from '../term/screen.js'
import type { FullScreen, TerminalEvents } from '../term/terminal.js'
import type { Tones } from '../term/tone.js'
import type { Command } from './command.js'
import { Feed } from './feed.js'
import { LogWatch } from './log-watch.js'
import type { Look } from './look.js'
import type { DashServices } from './services.js'
import { createUi, reorder, type Notice, type UiOptions, type UiState } from './ui.js'
import { update } from './update.js'
import { measure, settleInput, untilNextChange, view } from './view.js'
import type { ViewInput } from './view-input.js'

/** What happens within this time is drawn together. */
const FRAME_MS = 30
/** Rows do not change places under somebody's hands. */
const IDLE_MS = 3000
const NOTICE_MS = 5000
/** More than any strip shows. */
const STRIP_LINES = 60

export interface AppOptions {
  readonly services: DashServices
  readonly openScreen: (events: TerminalEvents) => FullScreen
  readonly tones: Tones
  readonly look: Look
  readonly ui: UiOptions
  /** Aborted: the dashboard ends. */
  readonly signal: AbortSignal
}

/** Why the dashboard ended: `key` (somebody left), `abort`, `gone` (the terminal is), or the signal that asked for it. */
export type AppEnd = 'key' | 'abort' | 'gone' | NodeJS.Signals

/** Runs the dashboard until somebody leaves it. The terminal is given back before the promise settles, whatever happens. */
export async function runApp(options: AppOptions): Promise<AppEnd> {
  const app = new App(options)
  try {
    return await app.ended
  } finally {
    app.close()
  }
}

class App {
  readonly ended: Promise<AppEnd>
  readonly #options: AppOptions
  readonly #feed: Feed
  readonly #logs: LogWatch
  readonly #painter: Screen
  readonly #screen: FullScreen
  readonly #onAbort = (): void => this.#end('abort')
  #end: (how: AppEnd) => void = () => undefined
  #ui: UiState
  #lastKeyAt = -Infinity
  #frame: NodeJS.Timeout | undefined
  #tick: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: AppOptions) {
    this.#options = options
    const { services, signal } = options
    this.#ui = createUi(options.ui)
    this.#painter = new Screen(options.tones)
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#screen = options.openScreen({ onKey: (key) => this.#press(key), onDraw: (lost) => this.#redraw(lost), onEnd: (why) => this.#end(why ?? 'gone') })
    this.#logs = new LogWatch(services, (name, lines) => this.#feed.setLog(name, lines))
    this.#feed = new Feed(services, { visible: [], open: null, intervalMs: this.#ui.intervalMs, paused: false }, {
      onChange: () => this.#draw(),
      onFigures: () => this.#takeFigures(),
      onServer: (name) => this.#takeServer(name),
    })
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
    this.#draw()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#frame)
    clearTimeout(this.#tick)
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#logs.close()
    this.#feed.close()
    this.#screen.close()
  }

  #takeFigures(): void {
    if (this.#options.services.now() - this.#lastKeyAt >= IDLE_MS) this.#ui = reorder(this.#ui, this.#feed.data)
    this.#logs.refresh()
  }

  /** Its page and its log have changed with it. */
  #takeServer(name: string): void {
    if (this.#ui.page?.name === name) this.#feed.refresh()
    if (this.#ui.selected === name) this.#logs.refresh()
  }

  /** What there is and what is chosen, brought together for this screen. */
  #settled(): ViewInput {
    const { services, look } = this.#options
    const input = settleInput({ data: this.#feed.data, ui: this.#ui, look, now: services.now(), ...this.#screen.size })
    this.#ui = input.ui
    return input
  }

  #press(key: Key): void {
    const input = this.#settled()
    this.#lastKeyAt = input.now
    const { ui, command } = update(this.#ui, key, { ...measure(input), data: input.data, names: input.names, now: input.now })
    this.#ui = ui
    if (command !== undefined) this.#perform(command)
    this.#draw()
  }

  #perform(command: Command): void {
    switch (command.type) {
      case 'quit':
        return this.#end('key')
      case 'suspend':
        return this.#screen.suspend()
      case 'repaint':
        return this.#redraw(true)
      case 'refresh':
        return this.#feed.refresh()
      case 'act':
        return void this.#act(command)
    }
  }

  async #act({ action, names }: Extract<Command, { type: 'act' }>): Promise<void> {
    const { services } = this.#options
    const what = names === null ? (action === 'reload' ? 'the configuration' : 'the servers configured here') : names.length <= 3 ? names.join(', ') : `${names.length} servers`
    this.#notice({ text: `${ACTING[action].now} ${what}`, tone: 'plain', until: null })
    try {
      const { client } = this.#feed
      let told = `${ACTING[action].done} ${what}`
      if (action === 'start' && names === null) await services.launch()
      else if (client === null) throw new McpctlError('DAEMON_UNREACHABLE', 'no daemon answers now')
      else if (action === 'reload') told = await services.reload(client, names)
      else await client.request(action, { names })
      this.#notice({ text: told, tone: 'green', until: services.now() + NOTICE_MS })
      this.#feed.refresh()
    } catch (error) {
      const { message, hint } = asMcpctlError(error)
      this.#notice({ text: [message.split('\n')[0], hint].filter(Boolean).join('; '), tone: 'red', until: null })
    }
  }

  #notice(notice: Notice): void {
    this.#ui = { ...this.#ui, notice }
    this.#draw()
  }

  #redraw(lost: boolean): void {
    if (lost) this.#painter.reset()
    this.#draw()
  }

  /** Soon, together with whatever else changes until then. */
  #draw(): void {
    if (!this.#closed) this.#frame ??= setTimeout(() => this.#paint(), FRAME_MS)
  }

  #paint(): void {
    this.#frame = undefined
    // The frame after this one shows all of it: nothing queues up.
    if (this.#closed || this.#screen.isBlocked) return
    const { now } = this.#options.services
    if (this.#ui.notice?.until != null && this.#ui.notice.until <= now()) this.#ui = { ...this.#ui, notice: null }
    const input = this.#settled()
    this.#wantData(input)
    const bytes = this.#painter.paint(view(input))
    if (bytes !== '') this.#screen.write(bytes)
    clearTimeout(this.#tick)
    const wait = untilNextChange(input)
    if (wait !== Infinity) this.#tick = setTimeout(() => this.#draw(), wait)
  }

  #wantData(input: ViewInput): void {
    const { ui, names, data } = input
    const { page, selected, intervalMs, paused } = ui
    const visible = page === null ? names.slice(ui.top, ui.top + measure(input).tableRows) : [page.name]
    this.#feed.want({ visible, open: page?.name ?? null, intervalMs, paused })
    const name = page?.name ?? selected
    const directory = data.daemon?.logDirectory ?? this.#options.services.logDirectory
    this.#logs.want(name === null ? null : { name, directory, follow: page?.tab === 'logs', tail: STRIP_LINES })
  }
}

const ACTING = {
  start: { now: 'starting', done: 'starting' },
  stop: { now: 'stopping', done: 'stopped' },
  restart: { now: 'restarting', done: 'restarting' },
  reload: { now: 'reloading', done: 'reloaded' },
} as const

