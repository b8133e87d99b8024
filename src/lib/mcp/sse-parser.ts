import { DEFAULT_MAX_LINE_BYTES, LineFramer } from './framer.js'

export interface ServerSentEvent {
  /** `message` when the stream named none. */
  readonly event: string
  readonly data: Buffer
}

export interface SseParserOptions {
  readonly onEvent: (event: ServerSentEvent) => void
  /** An event over the bound was dropped; `bytes` is at least its size so far. */
  readonly onOversize?: (bytes: number) => void
  /** Bound for the data of one event. Default 64 MiB. */
  readonly maxEventBytes?: number
}

const LINE_COST_BYTES = 64
const NEWLINE = Buffer.from('\n')

/** Where a stream can be taken up again, and how long to wait before that. */
export interface StreamPosition {
  /** Null: the stream named no place. */
  readonly lastEventId: string | null
  /** Null: the server leaves it to us. */
  readonly retryMs: number | null
}

const MAX_ID_BYTES = 1024

/** Reads an event stream (WHATWG HTML, server-sent events) from chunks of bytes. Comments are skipped. */
export class SseParser {
  readonly #options: SseParserOptions
  readonly #maxEventBytes: number
  readonly #framer: LineFramer
  #event = ''
  #data: Buffer[] = []
  #bytes = 0
  #dropping = false
  /** Counts from the end of the event it stands in. */
  #id: string | null = null
  #lastEventId: string | null = null
  #retryMs: number | null = null

  constructor(options: SseParserOptions) {
    this.#options = options
    this.#maxEventBytes = options.maxEventBytes ?? DEFAULT_MAX_LINE_BYTES
    this.#framer = new LineFramer({
      endings: 'any',
      keepEmpty: true,
      maxLineBytes: this.#maxEventBytes + 16,
      onLine: (line) => { this.#line(line) },
      onOversize: ({ bytes }) => { this.#drop(bytes) },
    })
  }

  push(chunk: Buffer): void {
    this.#framer.push(chunk)
  }

  get position(): StreamPosition {
    return { lastEventId: this.#lastEventId, retryMs: this.#retryMs }
  }

  #line(line: Buffer): void {
    if (line.length === 0) {
      this.#dispatch()
      return
    }
    const colon = line.indexOf(0x3a)
    const field = line.toString('latin1', 0, colon < 0 ? line.length : Math.min(colon, 16))
    const value = colon < 0 ? line.subarray(line.length) : line.subarray(line[colon + 1] === 0x20 ? colon + 2 : colon + 1)
    if (field === 'event') this.#event = value.toString('utf8', 0, 256)
    else if (field === 'data') this.#takeData(value)
    else if (field === 'id') this.#takeId(value)
    else if (field === 'retry' && value.length <= 9 && /^\d+$/.test(value.toString('latin1'))) this.#retryMs = Number(value.toString('latin1'))
  }

  /** An id that no header could carry back is as good as none. */
  #takeId(value: Buffer): void {
    if (value.length <= MAX_ID_BYTES && /^[\x20-\x7e]*$/.test(value.toString('latin1'))) this.#id = value.toString('latin1')
  }

  #takeData(value: Buffer): void {
    if (this.#dropping) return
    if (this.#data.length > 0) this.#data.push(NEWLINE)
    // Lines may be views of a network chunk; a small one that has to wait must not keep the whole chunk.
    this.#data.push(value.length < 1024 ? Buffer.from(value) : value)
    this.#bytes += value.length
    // A million tiny lines cost more than their bytes, so each counts as a small object too.
    if (this.#bytes + (this.#data.length - 1) * LINE_COST_BYTES > this.#maxEventBytes) this.#drop(this.#bytes)
  }

  #drop(bytes: number): void {
    this.#dropping = true
    this.#data = []
    this.#options.onOversize?.(bytes)
  }

  #dispatch(): void {
    const event = this.#event === '' ? 'message' : this.#event
    const parts = this.#data
    // Without data it says where the stream stands, and is no event.
    const complete = (this.#bytes > 0 || parts.length > 1) && !this.#dropping
    if (this.#id !== null) this.#lastEventId = this.#id === '' ? null : this.#id
    this.#id = null
    this.#event = ''
    this.#data = []
    this.#bytes = 0
    this.#dropping = false
    if (complete) this.#options.onEvent({ event, data: parts.length === 1 ? (parts[0] ?? NEWLINE) : Buffer.concat(parts) })
  }
}
