import net from 'node:net'
import { readFrontSignal, SUCCESSOR, writeFrontHello, type FrontHello } from '../control/index.js'
import { asMcpctlError, McpctlError } from '../errors/index.js'

/** The daemon lets clients in when it knows its configuration; reading that may take a while. */
const READY_LIMIT_MS = 30_000
const MAX_SIGNAL_BYTES = 64 * 1024
const LF = 0x0a

/** How an attempt to become a client of the daemon went. `rest`: what it had to say already after letting us in. */
export type FrontAttempt =
  | { readonly type: 'open'; readonly socket: net.Socket; readonly rest: Buffer }
  /** Nobody listens, or who did left before it answered. */
  | { readonly type: 'absent' }
  /** The daemon is there and being stopped. */
  | { readonly type: 'stopping' }

/**
 * Connects to the gateway's socket and introduces itself. The socket is paused when it comes; its owner destroys it.
 * Rejects with the daemon's own error when it refuses (an unknown server, another version), or with DAEMON_UNREACHABLE.
 */
export function connectFront(address: string, hello: FrontHello): Promise<FrontAttempt> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(address)
    let head: Buffer[] = []
    const timer = setTimeout(() => fail(unreachable(address, `it does not answer within ${READY_LIMIT_MS / 1000} s`)), READY_LIMIT_MS)
    const release = (): void => {
      clearTimeout(timer)
      // One after the other: without a name, Node sets a paused stream flowing again, and what comes next is lost.
      for (const event of socket.eventNames()) socket.removeAllListeners(event)
      socket.on('error', () => undefined)
    }
    const settle = (attempt: FrontAttempt): void => {
      release()
      if (attempt.type !== 'open') socket.destroy()
      resolve(attempt)
    }
    const fail = (error: McpctlError): void => {
      release()
      socket.destroy()
      reject(error)
    }
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isAbsence(error.code)) settle({ type: 'absent' })
      else fail(unreachable(address, error.message, error))
    })
    socket.on('close', () => settle({ type: 'absent' }))
    socket.on('connect', () => socket.write(writeFrontHello(hello)))
    socket.on('data', (chunk) => {
      const at = chunk.indexOf(LF)
      if (at < 0) {
        head.push(chunk)
        if (head.reduce((sum, piece) => sum + piece.length, 0) > MAX_SIGNAL_BYTES) fail(unreachable(address, 'what answers is no daemon of mcpctl'))
        return
      }
      socket.pause()
      try {
        const signal = readFrontSignal(Buffer.concat([...head, chunk.subarray(0, at)]).toString('utf8'))
        head = []
        if (signal.type === 'refused') fail(signal.error)
        else if (signal.type === 'ready') settle({ type: 'open', socket, rest: chunk.subarray(at + 1) })
        else settle({ type: signal.why === SUCCESSOR ? 'absent' : 'stopping' })
      } catch (error) {
        fail(asMcpctlError(error))
      }
    })
  })
}

/** A starting daemon's full backlog answers EAGAIN; one that is killed while it greets, a reset or a broken pipe. */
function isAbsence(code: string | undefined): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'EAGAIN', 'ENOTDIR', 'ENOTSOCK', 'ECONNRESET', 'EPIPE'].includes(code ?? '')
}

function unreachable(address: string, why: string, cause?: unknown): McpctlError {
  return new McpctlError('DAEMON_UNREACHABLE', `cannot use the gateway at ${address}: ${why}`, {
    hint: 'See mcpctl daemon status; mcpctl stop and mcpctl start begin anew.',
    details: { socket: address },
    ...(cause === undefined ? {} : { cause }),
  })
}
