// The protocol of both generations, as far as a server with nothing but tools needs it.
import { TOOLS } from './tools.mjs'

const MODERN = '2026-07-28'
const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']
const META = 'io.modelcontextprotocol/'
const capabilities = { tools: {} }

class Failure extends Error {
  constructor(code, message, data) {
    super(message)
    this.object = data === undefined ? { code, message } : { code, message, data }
  }
}

/**
 * `answer(request, { notify, writeHalf })` resolves with the message to send back, or null for none. `era`: `legacy`,
 * `modern`, or `dual`, where each request says for itself which one it is of.
 */
export function createProtocol({ name, era, call }) {
  const info = { name: `soak-${name}`, version: '1.0.0' }

  async function resultOf({ id, method, params = {} }, { notify, writeHalf }) {
    const isModern = checkEra(method, params)
    const complete = isModern ? { resultType: 'complete', _meta: { [`${META}serverInfo`]: info } } : {}
    const cacheable = isModern ? { ...complete, ttlMs: 0, cacheScope: 'private' } : {}
    switch (method) {
      case 'initialize': return { protocolVersion: LEGACY.includes(params.protocolVersion) ? params.protocolVersion : LEGACY[0], capabilities, serverInfo: info }
      case 'ping': return {}
      case 'server/discover': return { ...cacheable, supportedVersions: [MODERN], capabilities }
      case 'tools/list': return { ...cacheable, tools: TOOLS }
      case 'tools/call': {
        const progressToken = params._meta?.progressToken
        const text = await call(params.name, params.arguments ?? {}, {
          notifyProgress: (progress, total, message) => {
            if (progressToken !== undefined) notify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress, total, message } })
          },
          writeHalf: (answer, done) => {
            const line = JSON.stringify({ jsonrpc: '2.0', id, result: { ...complete, content: [{ type: 'text', text: answer }] } })
            writeHalf(line.slice(0, Math.floor(line.length * 0.7)), done)
          },
        })
        if (text === undefined) throw new Failure(-32602, `Unknown tool: ${params.name}`)
        return text === null ? null : { ...complete, content: [{ type: 'text', text }] }
      }
    }
    throw new Failure(-32601, `Method not found: ${method}`)
  }

  function checkEra(method, params) {
    const version = params._meta?.[`${META}protocolVersion`]
    const isModern = era === 'modern' || (era === 'dual' && version !== undefined)
    if (!isModern && method === 'server/discover') throw new Failure(-32601, 'Method not found: server/discover')
    if (isModern && method === 'initialize') throw new Failure(-32022, 'Unsupported protocol version', { supported: [MODERN], requested: params.protocolVersion })
    if (isModern && version !== MODERN) throw new Failure(-32022, 'Unsupported protocol version', { supported: [MODERN], requested: version })
    return isModern
  }

  return async function answer(request, means) {
    try {
      const result = await resultOf(request, means)
      return result === null ? null : { jsonrpc: '2.0', id: request.id, result }
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return { jsonrpc: '2.0', id: request.id, error: error.object }
    }
  }
}
