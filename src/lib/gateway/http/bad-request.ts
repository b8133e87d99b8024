import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { failureText, INVALID_REQUEST } from '../failure.js'
import type { Outgoing } from './exchange.js'

const last = new WeakMap<Duplex, Outgoing>()

/** Notes that a connection has a response to write; nothing else may be written in between. */
export function noteResponse(socket: Duplex, res: Outgoing): void {
  last.set(socket, res)
}

/** Answers what is no HTTP request (or came too slowly) and closes its connection; listener of the server's `clientError`. */
export function answerBadRequest(error: Error & { code?: string }, socket: Duplex): void {
  const open = last.get(socket)
  // It can only be said in the place of an answer to the very request that is broken.
  const isBusy = open !== undefined && !open.writableFinished && (open.headersSent || open.req.complete || open.socket !== socket)
  if (!socket.writable || isBusy) {
    // A refusal that is written already should still arrive.
    if (open?.headersSent === true && !open.req.complete && socket instanceof Socket) socket.destroySoon()
    else socket.destroy()
    return
  }
  const [status, message] = explain(error.code ?? '')
  const body = failureText(null, { code: INVALID_REQUEST, message, data: { reason: 'http' } })
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\nConnection: close\r\n\r\n${body.toString()}`)
}

function explain(code: string): readonly [string, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': return ['431 Request Header Fields Too Large', 'the headers are longer than 64 KiB']
    case 'ERR_HTTP_REQUEST_TIMEOUT': return ['408 Request Timeout', 'the request did not arrive in time']
    default: return ['400 Bad Request', 'this is not an HTTP/1.1 request']
  }
}
