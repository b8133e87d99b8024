// A client of `mcpctl proxy`, over its stdin and stdout.
import { INITIALIZE, callOf, shorten } from './message.mjs'

const OPEN_LIMIT_MS = 30_000
const CLOSE_LIMIT_MS = 10_000

/** How a request ended, in the books. One that was taken back may still be answered once. */
const ENDED = 'ended'
const CANCELLED = 'cancelled'

/** Opens a session; resolves when requests may be sent. Rejects when the proxy does not let it in. */
export async function openLineClient(name, { scratch, referee, violation, isModern }) {
  const client = new LineClient(name, { child: scratch.start(['proxy']), referee, violation, isModern })
  if (!isModern) await client.initialize()
  return client
}

class LineClient {
  #child
  #referee
  #violation
  #isModern
  #name
  #rest = []
  #nextId = 1
  /** Every id ever used: what is under way, or how it ended, since nothing may come a second time. */
  #requests = new Map()
  #ended
  #isEnding = false
  #initialized = null
  #stderr = ''

  constructor(name, { child, referee, violation, isModern }) {
    this.#name = name
    this.#child = child
    this.#referee = referee
    this.#violation = violation
    this.#isModern = isModern
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk) => this.#push(chunk))
    child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr = (this.#stderr + text).slice(-2000)))
    this.#ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(this.#end(code ?? signal))))
  }

  get isOpen() {
    return !this.#isEnding
  }

  get pid() {
    return this.#child.pid
  }

  async initialize() {
    const answer = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.#name}: no answer to initialize within ${OPEN_LIMIT_MS / 1000} s; ${this.#stderr}`)), OPEN_LIMIT_MS)
      this.#initialized = (message) => {
        clearTimeout(timer)
        if (message?.result === undefined) reject(new Error(`${this.#name} was not let in: ${JSON.stringify(message)}`))
        else resolve()
      }
    })
    this.#send({ jsonrpc: '2.0', id: 'hello', method: 'initialize', params: INITIALIZE })
    await answer
    this.#send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }

  /** Resolves when the request is settled, whatever with. `cancelAfterMs`: it is taken back then if it still runs. */
  call(task, cancelAfterMs) {
    // All clients use the same ids, numbers and texts.
    const id = this.#nextId % 2 === 0 ? this.#nextId : `id-${this.#nextId}`
    this.#nextId++
    const key = JSON.stringify(id)
    const ticket = this.#referee.open(this.#name, task)
    const settled = new Promise((resolve) => {
      const done = (how) => {
        this.#requests.set(key, how)
        resolve()
      }
      this.#requests.set(key, { ticket, done })
      this.#send(callOf(id, task, { isModern: this.#isModern, progressToken: task.wantsProgress ? `of ${key}` : undefined }))
      if (cancelAfterMs === undefined) return
      setTimeout(() => {
        if (!ticket.isOpen) return
        this.#send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason: 'changed my mind' } })
        ticket.cancel()
        done(CANCELLED)
      }, cancelAfterMs)
    })
    return Promise.race([settled, ticket.overdue])
  }

  /** As a crash of the client's machine would have it. */
  kill() {
    this.#isEnding = true
    for (const { ticket, done } of this.#underWay()) {
      ticket.abandon()
      done(ENDED)
    }
    this.#child.kill('SIGKILL')
    return this.#ended
  }

  /** Ends its input, as clients do that leave. */
  async close() {
    this.#isEnding = true
    this.#child.stdin.end()
    const timer = setTimeout(() => {
      this.#violation(`the proxy of ${this.#name} did not end within ${CLOSE_LIMIT_MS / 1000} s of its client's leaving`)
      this.#child.kill('SIGKILL')
    }, CLOSE_LIMIT_MS)
    await this.#ended
    clearTimeout(timer)
  }

  #send(message) {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`)
  }

  #end(how) {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#violation(`the proxy of ${this.#name} ended by itself with ${how}: ${this.#stderr}`)
    for (const { ticket, done } of this.#underWay()) {
      ticket.lost('the proxy ended')
      done(ENDED)
    }
    this.#initialized?.(undefined)
  }

  #push(chunk) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#take(Buffer.concat([...this.#rest, chunk.subarray(start, end)]).toString('utf8'))
      this.#rest = []
      start = end + 1
    }
    if (start < chunk.length) this.#rest.push(chunk.subarray(start))
  }

  #take(line) {
    if (this.#isEnding) return
    let message
    try {
      message = JSON.parse(line)
    } catch {
      return this.#referee.stray(this.#name, `a line that is no message: ${shorten(line)}`)
    }
    if (message.method === 'notifications/progress') return this.#takeProgress(message.params, line)
    if (message.method !== undefined) return this.#takeOther(message)
    if (message.id === 'hello') return this.#initialized?.(message)
    const key = JSON.stringify(message.id)
    const request = this.#requests.get(key)
    // It may have crossed the cancellation on its way.
    if (request === CANCELLED) return this.#requests.set(key, ENDED)
    if (request === undefined || request === ENDED) return this.#referee.stray(this.#name, `${request === ENDED ? 'a second answer' : 'an answer to nothing'}: ${shorten(line)}`)
    request.ticket.answer(message)
    request.done(ENDED)
  }

  #takeProgress(params, line) {
    const key = /^of (.+)$/.exec(params?.progressToken)?.[1]
    const request = this.#requests.get(key)
    if (request === CANCELLED) return
    if (request === undefined || request === ENDED) return this.#referee.stray(this.#name, `progress ${request === ENDED ? 'after the end' : 'of nothing'}: ${shorten(line)}`)
    request.ticket.progressed(params)
  }

  #underWay() {
    return [...this.#requests.values()].filter((request) => request !== ENDED && request !== CANCELLED)
  }

  /** Lists that change are told; a question has nobody to answer it here, and no server of the soak asks one. */
  #takeOther(message) {
    if (message.id !== undefined) this.#referee.stray(this.#name, `a question: ${JSON.stringify(message)}`)
  }
}
