import net from 'node:net'
import { findPortHolder } from '../process/index.js'

/** Who already listens where a local HTTP server is about to: it would be mistaken for the server. */
export async function describePortHolder(url: string): Promise<string | null> {
  const { hostname, port, protocol } = new URL(url)
  const number = Number(port || (protocol === 'https:' ? 443 : 80))
  if (!(await isListening(hostname.replace(/^\[|\]$/g, ''), number))) return null
  const holder = await findPortHolder(number)
  const who = holder?.pid == null ? 'another process' : `pid ${holder.pid} (${holder.command ?? 'unknown command'})`
  return `port ${number} is already in use by ${who}`
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    const done = (listening: boolean): void => {
      socket.destroy()
      resolve(listening)
    }
    socket.setTimeout(500, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}
