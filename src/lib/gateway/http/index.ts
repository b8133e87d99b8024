import type { HttpFront, HttpFrontOptions } from './contract.js'
export type { HttpFront, HttpFrontOptions, SessionStore, StoredSession } from './contract.js'

export async function openHttpFront(_options: HttpFrontOptions): Promise<HttpFront> {
  return { address: null, accept: (socket) => { socket.destroy() }, close: async () => undefined }
}
