// The gate over real HTTP, in this process, before one server that answers at once:
// how exact a rate is, 500 requests at the same time, and 1,000 sessions that never say goodbye.
//   node --expose-gc bench/traffic.mjs [--seconds 10] [--rate 1000] [--out FILE]       (after npm run build)
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { DEFAULT_GATEWAY, DEFAULT_TRAFFIC } from '../dist/lib/core/index.js'
import { createGateway, EVERYTHING, openHttpFront } from '../dist/lib/gateway/index.js'
import { option } from './lib/measure.mjs'

const SECONDS = Number(option('seconds', '10'))
/** Requests a second that are let through. */
const PER_SECOND = Number(option('rate', '1000'))
const RATE = { perMinute: PER_SECOND * 60, burst: 50 }
const settings = { ...DEFAULT_GATEWAY, host: '127.0.0.1', port: 0 }

/** A link whose server takes `delayMs` for an answer. */
function createLink(delayMs) {
  let ids = 0
  const link = {
    passed: 0, most: 0, under: 0, closed: false, tap: null, counters: { unknownAnswers: 0, noise: 0, oversize: 0, unsent: 0 },
    request: () => Promise.resolve({}), notify() {}, takeBack: () => true, close() {}, learnTools: (usable) => ({ usable, warnings: [] }), probe: () => ++ids,
    pass({ receiver }) {
      const id = ++ids
      link.passed++
      link.most = Math.max(link.most, ++link.under)
      const answer = () => {
        link.under--
        const head = '{"jsonrpc":"2.0","id":'
        receiver.answered(Buffer.from(`${head}${id},"result":{"content":[]}}`), head.length, head.length + String(id).length)
      }
      if (delayMs === 0) setImmediate(answer)
      else setTimeout(answer, delayMs)
      return id
    },
  }
  return link
}

async function open({ traffic = {}, gatewaySettings = {}, delayMs = 0, sweepMs }) {
  const link = createLink(delayMs)
  const catalogue = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }], prompts: [], resources: [], resourceTemplates: [] }
  const established = { verdict: { era: 'legacy', protocolVersion: '2025-11-25', exitsOnProbe: false, decidedAt: 0 }, serverInfo: null, capabilities: { tools: {} }, instructions: null, warnings: [], catalogue }
  const server = { name: 's', presence: 'up', reason: '', retryAfterMs: null, up: { link, established }, isolation: 'shared', idleStopMs: null, roots: null, tags: [], traffic: { ...DEFAULT_TRAFFIC, ...traffic } }
  const gateway = createGateway({
    source: { names: () => ['s'], get: (name) => (name === 's' ? server : null), remembered: () => null, remember() {}, wake() {}, rest() {}, openOwn: () => null, closeOwn() {}, note() {}, listen() {} },
    settings: () => ({ ...settings, ...gatewaySettings }), version: '0', now: () => Date.now(), warn() {},
  })
  const front = await openHttpFront({ gateway, settings, view: EVERYTHING, store: null, log() {}, ...(sweepMs === undefined ? {} : { sweepMs }) })
  return { link, gateway, port: front.address.port, close: async () => { gateway.close('over'); await front.close() } }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 600 })
function ask(port, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port, path: '/mcp', method: 'POST', agent, headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers } }, (res) => {
      res.resume()
      res.on('end', () => resolve(res))
    })
    req.on('error', reject)
    req.end(JSON.stringify(body))
  })
}
const MODERN = '2026-07-28'
const call = (port, id) => ask(port, { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 's__echo', arguments: {}, _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {} } } }, { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 's__echo' })

const descriptors = () => (fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : null)
function measure() {
  globalThis.gc?.()
  return { rssMB: Math.round(process.memoryUsage().rss / 1024 / 1024), heapMB: Math.round(process.memoryUsage().heapUsed / 1024 / 1024), descriptors: descriptors() }
}

/** Requests one after the other on bare connections, several on the way on each: cheap enough to ask far more often than is let through. */
function flood(port, until, count) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 's__echo', arguments: {}, _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {} } } })
  const request = `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: ${MODERN}\r\nmcp-method: tools/call\r\nmcp-name: s__echo\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request.repeat(16)))
    let rest = ''
    socket.on('error', reject)
    socket.on('close', resolve)
    socket.on('data', (chunk) => {
      const text = rest + chunk.toString('latin1')
      const found = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)]
      const last = found.at(-1)
      // What may be the beginning of the next one.
      rest = text.slice(Math.max(last === undefined ? 0 : last.index + last[0].length, text.length - 11))
      for (const [, status] of found) count(status)
      if (performance.now() >= until) socket.destroy()
      else if (found.length > 0) socket.write(request.repeat(found.length))
    })
  })
}

/** Without at least half as much again being asked for, the run says nothing about the rate: a busy machine cannot ask often enough, and what was not asked for in time is lost beyond the burst. */
async function rate() {
  const gate = await open({ gatewaySettings: { rate: { caller: null, total: RATE } } })
  const statuses = {}
  const startedAt = performance.now()
  const until = startedAt + SECONDS * 1000
  await Promise.all(Array.from({ length: 8 }, () => flood(gate.port, until, (status) => { statuses[status] = (statuses[status] ?? 0) + 1 })))
  const seconds = (performance.now() - startedAt) / 1000
  await gate.close()
  const askedPerSecond = Object.values(statuses).reduce((sum, count) => sum + count, 0) / seconds
  const perSecond = gate.link.passed / seconds
  const isEnough = askedPerSecond >= 1.5 * PER_SECOND
  return { perSecond: PER_SECOND, statuses, seconds: Number(seconds.toFixed(2)), askedPerSecond: Math.round(askedPerSecond), passedPerSecond: Number(perSecond.toFixed(1)), isEnough, offPercent: isEnough ? Number(((perSecond / PER_SECOND - 1) * 100).toFixed(2)) : null }
}

async function concurrent() {
  const gate = await open({ delayMs: 20, traffic: { concurrency: { max: 50, queue: 1000, queueTimeoutMs: 10_000 } } })
  const before = measure()
  const startedAt = performance.now()
  const answers = await Promise.all(Array.from({ length: 500 }, (_, id) => call(gate.port, id)))
  const tookMs = Math.round(performance.now() - startedAt)
  await gate.close()
  return { requests: 500, answered: answers.filter(({ statusCode }) => statusCode === 200).length, mostAtTheServer: gate.link.most, tookMs, before, after: measure() }
}

async function sessions() {
  const gate = await open({ sweepMs: 50 })
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } }
  const rounds = []
  for (let round = 0; round < 4; round++) {
    const before = measure()
    for (let at = 0; at < 1000; at += 100) await Promise.all(Array.from({ length: 100 }, () => ask(gate.port, initialize)))
    const opened = gate.gateway.sessions().length
    while (gate.gateway.sessions().length > 0) await delay(50)
    rounds.push({ opened, before, after: measure() })
  }
  await gate.close()
  return rounds
}

const result = { bench: 'traffic', rate: await rate(), concurrent: await concurrent(), sessions: await sessions() }
agent.destroy()
console.log(JSON.stringify(result))
if (option('out', '')) fs.appendFileSync(option('out', ''), `${JSON.stringify({ at: new Date().toISOString(), ...result })}\n`)
