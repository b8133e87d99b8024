// A client of the gateway's HTTP address: with a session, or without one as the newer protocol has it.
import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { INITIALIZE, LEGACY, MODERN, callOf, shorten } from './message.mjs'

const OPEN_LIMIT_MS = 30_000
const AFTER_REFUSAL_MS = 150
const UNKNOWN_SESSION = 404

/** Opens a session if it is to have one; rejects when that is not possible in time. */
export async function openHttpClient(name, { port, referee, isModern }) {
  const client = new HttpClient(name, { port, referee, isModern })
  if (!isModern) await client.initialize()
  return client
}

class HttpClient {
  #name
  #port
  #referee
  #isModern
  #agent = new http.Agent({ keepAlive: true })
  #session = null
  #opening = null
  #nextId = 1
  isOpen = true

  constructor(name, { port, referee, isModern }) {
    this.#name = name
    this.#port = port
    this.#referee = referee
    this.#isModern = isModern
  }

  /** All that wait for a session wait for the same one. */
  initialize() {
    this.#opening ??= this.#initialize().finally(() => (this.#opening = null))
    return this.#opening
  }

  async #initialize() {
    for (const deadline = performance.now() + OPEN_LIMIT_MS; ; await delay(AFTER_REFUSAL_MS)) {
      try {
        const { status, headers, text } = await this.#post({ jsonrpc: '2.0', id: 0, method: 'initialize', params: INITIALIZE }, {})
        if (status !== 200) throw new Error(`initialize was answered with ${status} ${shorten(text)}`)
        this.#session = headers['mcp-session-id']
        await this.#post({ jsonrpc: '2.0', method: 'notifications/initialized' }, this.#sessionHeaders())
        return
      } catch (error) {
        if (performance.now() > deadline) throw error
      }
    }
  }

  async call(task) {
    const id = this.#nextId++
    const message = callOf(id, task, { isModern: this.#isModern, progressToken: task.wantsProgress ? id : undefined })
    const headers = this.#isModern ? { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': message.params.name } : this.#sessionHeaders()
    const ticket = this.#referee.open(this.#name, task)
    const settled = this.#post(message, headers).then((response) => this.#judge(ticket, id, response)).catch((error) => {
      ticket.lost(`connection: ${error.code ?? error.message}`)
      // Nobody listens until a proxy has brought the daemon back.
      return delay(AFTER_REFUSAL_MS)
    })
    await Promise.race([settled, ticket.overdue])
  }

  /** Connections that are kept for later would be counted as the daemon's own. */
  rest() {
    this.#agent.destroy()
  }

  async close() {
    this.isOpen = false
    this.#agent.destroy()
  }

  #judge(ticket, id, { status, text, isStream }) {
    for (const message of this.#read(text, isStream)) {
      if (message.method === 'notifications/progress' && message.params.progressToken === id) ticket.progressed(message.params)
      else if (message.method !== undefined) continue
      else if (message.id === id || (message.id == null && message.error !== undefined)) ticket.answer(message)
      else this.#referee.stray(this.#name, `an answer to another request: ${JSON.stringify(message).slice(0, 200)}`)
    }
    if (ticket.isOpen) ticket.lost(`HTTP ${status} without an answer`)
    if (status === UNKNOWN_SESSION && !this.#isModern) void this.initialize().catch(() => undefined)
  }

  #read(text, isStream) {
    try {
      return isStream ? readEvents(text) : text === '' ? [] : [JSON.parse(text)]
    } catch {
      this.#referee.stray(this.#name, `a body that is no message: ${shorten(text)}`)
      return []
    }
  }

  #sessionHeaders() {
    return { 'mcp-session-id': this.#session, 'mcp-protocol-version': LEGACY }
  }

  #post(message, headers) {
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.#port, path: '/mcp', method: 'POST', agent: this.#agent, headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...headers } })
      request.once('error', reject)
      request.once('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.once('error', reject)
        response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, text, isStream: response.headers['content-type']?.startsWith('text/event-stream') ?? false }))
      })
      request.end(JSON.stringify(message))
    })
  }
}

function readEvents(text) {
  return text.split('\n\n').slice(0, -1).flatMap((block) => {
    const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n')
    return data === '' ? [] : [JSON.parse(data)]
  })
}
