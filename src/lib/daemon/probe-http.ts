import type { ClientRequest } from 'node:http'
import type { ProbeEnd } from './probe-kind.js'

/** A GET that is to be answered with a status from 200 to 399; the body is not read. Names the host only: paths can hold keys. */
export function startHttpProbe(url: string, end: ProbeEnd): () => void {
  const { host, protocol } = new URL(url)
  let request: ClientRequest | null = null
  let isOver = false
  const send = async (): Promise<void> => {
    const { get } = await (protocol === 'https:' ? import('node:https') : import('node:http'))
    if (isOver) return
    request = get(url, { agent: false, headers: { accept: '*/*' } }, (response) => {
      const { statusCode = 0 } = response
      response.destroy()
      end(statusCode >= 200 && statusCode < 400 ? null : `${host} answered GET with HTTP ${statusCode}`)
    })
    request.on('error', (error: NodeJS.ErrnoException) => end(`GET from ${host} failed (${error.code ?? error.message})`))
  }
  send().catch((error: unknown) => end(`GET from ${host} failed (${String(error)})`))
  return () => {
    isOver = true
    request?.destroy()
  }
}
