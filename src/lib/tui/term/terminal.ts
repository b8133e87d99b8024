import type { ReadStream, WriteStream } from 'node:tty'
import { KeyParser, type Key } from './keys.js'
import { openOutput, type Output } from './output.js'

const CSI = '\u001B['
/** Alternate screen, no cursor, no line wrap (a sign that is wider than thought must not scroll the screen), marked pastes. */
const ENTER = `${CSI}?1049h${CSI}?25l${CSI}?7l${CSI}?2004h`
/** The end of a synchronized frame first: it may have been cut short. */
const LEAVE = `${CSI}?2026l${CSI}0m${CSI}?2004l${CSI}?7h${CSI}?25h${CSI}?1049l`
/** A lone escape is decided after this long. */
const ESCAPE_MS = 40
/** The rest of a paste has come by then. */
const PASTE_MS = 1000
/** A stop that did not happen: the process group has no shell that could continue it. */
const STOP_MS = 200
const UNKNOWN_SIZE = { columns: 80, rows: 24 }

export interface TerminalEvents {
  readonly onKey: (key: Key) => void
  /** The size changed, the screen was lost, or text is taken again: draw. `lost`: nothing of what was drawn is left. */
  readonly onDraw: (lost: boolean) => void
  /** The terminal is gone, or a signal asks for the end; null: the terminal is gone. */
  readonly onEnd: (signal: NodeJS.Signals | null) => void
}

/** The whole terminal, until `close` gives it back. */
export interface FullScreen {
  readonly size: { readonly columns: number; readonly rows: number }
  readonly isBlocked: boolean
  write(text: string): void
  /** Gives the terminal back, stops this process as Ctrl-Z does, and takes the terminal again when it goes on. */
  suspend(): void
  close(): void
}

export interface TerminalStreams {
  readonly input: ReadStream
  readonly output: WriteStream
}

/**
 * Takes the terminal: alternate screen, raw keys. It is given back on `close`, and whatever else ends the process short of
 * SIGKILL: signals, an uncaught exception, `process.exit`. The caller must call `close`, also after `onEnd`.
 */
export function openFullScreen({ input, output: stream }: TerminalStreams, events: TerminalEvents): FullScreen {
  return new TtyScreen(input, stream, events)
}

const ENDING_SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

class TtyScreen implements FullScreen {
  readonly #input: ReadStream
  readonly #stream: WriteStream
  readonly #events: TerminalEvents
  readonly #output: Output
  readonly #keys = new KeyParser()
  readonly #undo: (() => void)[] = []
  #holdTimer: NodeJS.Timeout | undefined
  #stopTimer: NodeJS.Timeout | undefined
  #taken = false
  #closed = false

  constructor(input: ReadStream, stream: WriteStream, events: TerminalEvents) {
    this.#input = input
    this.#stream = stream
    this.#events = events
    this.#output = openOutput({ stream, onDrain: () => events.onDraw(false), onGone: () => this.#end(null) })
    this.#listen()
    this.#take()
  }

  get size(): { columns: number; rows: number } {
    const { columns, rows } = this.#stream
    return { columns: columns > 0 ? columns : UNKNOWN_SIZE.columns, rows: rows > 0 ? rows : UNKNOWN_SIZE.rows }
  }

  get isBlocked(): boolean {
    return this.#output.isBlocked
  }

  write(text: string): void {
    if (this.#taken) this.#output.write(text)
  }

  suspend(): void {
    if (this.#closed || process.platform === 'win32') return
    this.#giveBack()
    process.removeListener('SIGTSTP', this.#onStop)
    // The group: whatever started us (npx, a script) stops with us, so that the shell notices.
    process.kill(0, 'SIGTSTP')
    process.on('SIGTSTP', this.#onStop)
    this.#stopTimer = setTimeout(this.#onContinue, STOP_MS)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#holdTimer)
    clearTimeout(this.#stopTimer)
    this.#giveBack()
    for (const undo of this.#undo.reverse()) undo()
    this.#input.pause()
    this.#output.close()
  }

  #listen(): void {
    const onData = (chunk: unknown): void => this.#read(Buffer.from(chunk as Uint8Array))
    const onGone = (): void => this.#end(null)
    const onResize = (): void => this.#events.onDraw(true)
    const giveBack = (): void => this.#giveBack()
    this.#on(this.#input, 'data', onData)
    this.#on(this.#input, 'end', onGone)
    this.#on(this.#input, 'error', onGone)
    this.#on(this.#stream, 'resize', onResize)
    this.#on(process, 'SIGTSTP', this.#onStop)
    this.#on(process, 'SIGCONT', this.#onContinue)
    this.#on(process, 'uncaughtExceptionMonitor', giveBack)
    this.#on(process, 'exit', giveBack)
    for (const signal of ENDING_SIGNALS) this.#on(process, signal, () => this.#end(signal))
  }

  #on(emitter: NodeJS.EventEmitter, event: string, listener: (...values: unknown[]) => void): void {
    emitter.on(event, listener)
    this.#undo.push(() => emitter.removeListener(event, listener))
  }

  readonly #onStop = (): void => this.suspend()

  /** Also after a stop nobody announced (SIGSTOP): the shell has set the terminal as it likes it. */
  readonly #onContinue = (): void => {
    clearTimeout(this.#stopTimer)
    if (this.#closed) return
    this.#setRaw(false)
    this.#take()
    this.#events.onDraw(true)
  }

  #take(): void {
    this.#taken = true
    this.#setRaw(true)
    this.#input.resume()
    this.#output.write(ENTER)
  }

  #giveBack(): void {
    if (!this.#taken) return
    this.#taken = false
    this.#output.writeLast(LEAVE)
    this.#setRaw(false)
  }

  /** A terminal that is gone cannot be set. */
  #setRaw(raw: boolean): void {
    try {
      this.#input.setRawMode(raw)
    } catch {
      if (raw) queueMicrotask(() => this.#end(null))
    }
  }

  #end(signal: NodeJS.Signals | null): void {
    if (!this.#closed) this.#events.onEnd(signal)
  }

  #read(chunk: Buffer): void {
    clearTimeout(this.#holdTimer)
    this.#tell(this.#keys.push(chunk))
    if (this.#keys.isHolding && !this.#closed) this.#holdTimer = setTimeout(() => this.#tell(this.#keys.flush()), this.#keys.isPasting ? PASTE_MS : ESCAPE_MS)
  }

  #tell(keys: readonly Key[]): void {
    for (const key of keys) if (!this.#closed) this.#events.onKey(key)
  }
}
