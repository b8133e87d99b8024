// A server of the soak:   node main.mjs NAME --era legacy|modern|dual [--port N] [--revision N]
// Over stdio, or with --port over HTTP. The revision only changes its command line. SOAK_JOURNAL is the folder where it
// notes what it carries out.
import http from 'node:http'
import { createInterface } from 'node:readline'
import { createProtocol } from './protocol.mjs'
import { createTools } from './tools.mjs'

const [name] = process.argv.slice(2)
const option = (flag) => (process.argv.includes(`--${flag}`) ? process.argv[process.argv.indexOf(`--${flag}`) + 1] : undefined)
const answer = createProtocol({ name, era: option('era'), call: createTools(name, process.env.SOAK_JOURNAL) })
const port = option('port')

if (port === undefined) serveStdio()
else serveHttp(Number(port))

function serveStdio() {
  const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
  const writeHalf = (text, done) => process.stdout.write(text, done)
  const lines = createInterface({ input: process.stdin })
  const cancelled = new Set()
  lines.on('line', async (line) => {
    const message = JSON.parse(line)
    // What was taken back is never answered, as the protocol asks for.
    if (message.method === 'notifications/cancelled') cancelled.add(message.params.requestId)
    if (message.id === undefined || message.method === undefined) return
    const reply = await answer(message, { notify: write, writeHalf })
    if (reply !== null && !cancelled.delete(message.id)) write(reply)
  })
  lines.on('close', () => process.exit(0))
}

/** Streamable HTTP without sessions: an answer is JSON until the first notification makes a stream of it. */
function serveHttp(listenPort) {
  const server = http.createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end()
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const message = JSON.parse(body)
    if (message.id === undefined || message.method === undefined) return response.writeHead(202).end()
    const begin = (type) => response.headersSent || response.writeHead(200, { 'content-type': type })
    const event = (each) => `event: message\ndata: ${JSON.stringify(each)}\n\n`
    const reply = await answer(message, {
      notify: (each) => {
        begin('text/event-stream')
        response.write(event(each))
      },
      writeHalf: (text, done) => {
        begin('application/json')
        response.write(text, done)
      },
    })
    if (reply === null) return
    if (response.headersSent) return response.end(event(reply))
    begin('application/json')
    response.end(JSON.stringify(reply))
  })
  // Connections nobody uses are soon gone: at quiet moments none of them is among the daemon's descriptors.
  server.keepAliveTimeout = 1000
  server.listen(listenPort, '127.0.0.1')
  process.once('SIGTERM', () => process.exit(0))
}
