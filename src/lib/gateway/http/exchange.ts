import { IncomingMessage, ServerResponse } from 'node:http'
import { ANONYMOUS, type Access } from '../access.js'

/** Whoever answers a request; is told when the connection under the response is gone or the response is through. */
export interface Exchange {
  closed(): void
}

/** Where the body of a request goes. */
export interface BodySink {
  data(chunk: Buffer): void
  end(): void
}

/** A request that knows its sink: listeners can be shared by all requests instead of being made for each. */
export class Incoming extends IncomingMessage {
  sink: BodySink | null = null
  /** Who it comes from; known when it is led to its place. */
  access: Access = ANONYMOUS
}

export class Outgoing extends ServerResponse<Incoming> {
  exchange: Exchange | null = null
  /** The web page's origin that may read this response; null: the request named none. */
  origin: string | null = null
}

/** From now on `exchange` hears, once, of the end of this response; whoever did before does not. */
export function watch(res: Outgoing, exchange: Exchange): void {
  const isFirst = res.exchange === null
  res.exchange = exchange
  if (!isFirst) return
  res.on('close', onClose)
  // A response that waits for the one before it on the same connection does not hear of the connection's end.
  if (res.socket === null) res.req.socket.once('close', () => { onClose.call(res) })
}

export function readBody(req: Incoming, sink: BodySink): void {
  req.sink = sink
  req.on('data', onData)
  req.on('end', onEnd)
}

/** Whether nothing written to it arrives any more. */
export function isGone(res: Outgoing): boolean {
  return res.destroyed || res.req.socket.destroyed
}

function onClose(this: Outgoing): void {
  const { exchange } = this
  this.exchange = null
  exchange?.closed()
}

function onData(this: Incoming, chunk: Buffer): void {
  this.sink?.data(chunk)
}

function onEnd(this: Incoming): void {
  this.sink?.end()
}
