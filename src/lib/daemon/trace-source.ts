import type { Mask } from '../base/index.js'
import { HEAD_BYTES, type Frame, type FrameTap, type Link } from '../mcp/index.js'
import type { TracedMessage } from '../core/index.js'
import { TraceCalls, type AnsweredRequest } from './trace-calls.js'
import { copyPieces, copyText } from './trace-copy.js'
import { decodeText, type CopiedText } from './trace-decode.js'
import { NOTHING, toSummary, type DecodedMessage } from './trace-message.js'

/** Something that went over a link, copied and not yet looked at. */
export interface Captured {
  readonly source: TraceSource
  /** Epoch milliseconds and parts of them. */
  readonly at: number
  readonly direction: 'in' | 'out'
  /** Of the whole message. */
  readonly bytes: number
  readonly text: CopiedText
  readonly isProbe: boolean
  readonly isRemembered: boolean
  /** Set when it is no message: request `id` was given up. */
  readonly gaveUp: { readonly id: number; readonly why: string } | null
}

export interface SourceParts {
  /** As it is shown. */
  readonly server: string
  readonly generation: number
  readonly link: Link
  readonly mask: Mask
}

/** Where what was captured goes; called on the message path. */
export interface Capture {
  /** Bytes of each message that are copied. */
  readonly limit: number
  /** False: there is no room, and the next one need not be copied. */
  readonly hasRoom: boolean
  take(captured: Captured): void
  lost(source: TraceSource): void
}

const NO_TEXT: CopiedText = { head: Buffer.alloc(0), tail: null }

/** One link: copies what goes over it on the message path, and makes events of the copies later. */
export class TraceSource implements FrameTap {
  readonly server: string
  readonly generation: number
  readonly #link: Link
  readonly #mask: Mask
  readonly #capture: Capture
  readonly #calls = new TraceCalls()

  constructor({ server, generation, link, mask }: SourceParts, capture: Capture) {
    this.server = server
    this.generation = generation
    this.#link = link
    this.#mask = mask
    this.#capture = capture
  }

  /** From now on everything is copied. What the link remembers tells which answers belong to which requests. */
  attach(): void {
    for (const captured of this.remembered()) this.decode(captured)
    this.#link.tap = this
  }

  detach(): void {
    if (this.#link.tap === this) this.#link.tap = null
  }

  get isOver(): boolean {
    return this.#link.closed
  }

  sent(pieces: readonly (Buffer | string)[], bytes: number, isProbe: boolean): void {
    if (!this.#capture.hasRoom) return this.#capture.lost(this)
    this.#capture.take(this.#captured('out', bytes, copyPieces(pieces, bytes, this.#capture.limit), isProbe))
  }

  received(text: Buffer, bytes: number, isProbe: boolean): void {
    if (!this.#capture.hasRoom) return this.#capture.lost(this)
    this.#capture.take(this.#captured('in', bytes, copyText(text, bytes, this.#capture.limit), isProbe))
  }

  gaveUp(id: number, why: string, isProbe: boolean): void {
    if (!this.#capture.hasRoom) return this.#capture.lost(this)
    this.#capture.take({ ...this.#captured('out', 0, NO_TEXT, isProbe), gaveUp: { id, why } })
  }

  /** What its link remembers, oldest first. */
  remembered(): Captured[] {
    return this.#link.lastFrames().map((frame) => ({ source: this, at: frame.at, direction: frame.direction, bytes: frame.bytes, text: textOf(frame), isProbe: false, isRemembered: true, gaveUp: null }))
  }

  #captured(direction: 'in' | 'out', bytes: number, text: CopiedText, isProbe: boolean): Captured {
    return { source: this, at: performance.timeOrigin + performance.now(), direction, bytes, text, isProbe, isRemembered: false, gaveUp: null }
  }

  /**
   * What one capture tells, with secrets masked; a batch tells several. To be called in the order of the captures: an
   * answer is known by its request. `calls`: those of this source, unless others are given.
   */
  decode(captured: Captured, calls = this.#calls): TracedMessage[] {
    const { gaveUp, at, direction } = captured
    if (gaveUp !== null) {
      return [this.#event(captured, { ...NOTHING, kind: 'given-up', id: gaveUp.id, failed: true, said: gaveUp.why }, calls.peek(gaveUp.id, at))]
    }
    return decodeText(captured.text).map((message) => {
      if (message.kind === 'request') calls.request(direction, message, at)
      const isAnswer = message.kind === 'result' || message.kind === 'error'
      return this.#event(captured, message, isAnswer ? calls.answer(direction, message.id, at) : { method: message.method, target: message.target, durationMs: null })
    })
  }

  /** Its JSON, at most this many bytes of it, with secrets masked. */
  textOf({ text: { head, tail } }: Captured, most: number): { readonly text: string; readonly cut: boolean } {
    const cut = tail !== null || head.length > most
    const text = head.toString('utf8', 0, Math.min(head.length, most))
    // What is left of a character that was cut in two is not shown.
    return { text: this.#mask(cut ? text.replace(/\uFFFD$/, '') : text, cut), cut }
  }

  #event({ at, direction, bytes, isProbe, isRemembered }: Captured, message: DecodedMessage, { method, target, durationMs }: AnsweredRequest): TracedMessage {
    const { kind, id, failed, code, said, isCut } = message
    const mask = (text: string | null): string | null => (text === null ? null : this.#mask(text))
    return {
      type: 'message', time: Math.round(at), server: this.server, generation: this.generation, direction, kind,
      id: typeof id === 'string' ? this.#mask(id) : id, method: mask(method), target: mask(target),
      durationMs, bytes, failed, code, summary: toSummary(this.#mask(said, isCut)), remembered: isRemembered, probe: isProbe,
    }
  }
}

/** What is remembered of a long message has no end; the id that stands there is remembered apart. */
function textOf({ bytes, head, answers }: Frame): CopiedText {
  const buffer = Buffer.from(head)
  if (bytes <= HEAD_BYTES && buffer.length >= bytes) return { head: buffer, tail: null }
  return { head: buffer, tail: Buffer.from(answers === undefined ? '' : `,"id":${answers}}`) }
}
