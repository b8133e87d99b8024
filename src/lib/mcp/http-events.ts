import type { IncomingMessage } from 'node:http'
import { SseParser, type StreamPosition } from './sse-parser.js'
import type { WireEvents } from './wire.js'

export interface EventReader {
  readonly maxBytes: number
  readonly onData: (data: Buffer) => void
  readonly onOversize: () => void
  /** Called once, when the stream ended for whatever reason. */
  readonly onEnd: (position: StreamPosition) => void
}

export function isEventStream(response: IncomingMessage): boolean {
  return response.statusCode === 200 && (response.headers['content-type'] ?? '').toLowerCase().startsWith('text/event-stream')
}

/** Reports signs of life: the response itself and every part of it. Its reader must follow in the same turn. */
export function hear(response: IncomingMessage, events: WireEvents): void {
  events.heard()
  response.on('data', () => { events.heard() })
}

/** Reads a response as an event stream, to its end. */
export function readEvents(response: IncomingMessage, { maxBytes, onData, onOversize, onEnd }: EventReader): void {
  const parser = new SseParser({ maxEventBytes: maxBytes, onEvent: ({ data }) => { onData(data) }, onOversize })
  response.on('data', (chunk: Buffer) => { parser.push(chunk) })
  response.on('error', () => { response.destroy() })
  response.once('close', () => { onEnd(parser.position) })
}
