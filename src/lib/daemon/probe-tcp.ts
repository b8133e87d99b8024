import { connect } from 'node:net'
import type { ProbeEnd } from './probe-kind.js'

/** A connection that is to be accepted; it is ended at once. */
export function startTcpProbe({ host, port }: { readonly host: string; readonly port: number }, end: ProbeEnd): () => void {
  const socket = connect({ host, port })
  socket.once('connect', () => {
    socket.destroy()
    end(null)
  })
  socket.on('error', (error: NodeJS.ErrnoException) => end(`no connection to ${host.includes(':') ? `[${host}]` : host}:${port} (${error.code ?? error.message})`))
  return () => void socket.destroy()
}
