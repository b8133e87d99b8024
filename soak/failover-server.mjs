// A server of the failover soak:   node failover-server.mjs NAME FOLDER [--port N]
// Over stdio, where SIGUSR2 lets calls of tools hang, or with --port over HTTP, where POST /mode/ok, /mode/hang and
// /mode/500 say how they end. It leaves its pid in FOLDER/NAME.pid and notes in FOLDER/NAME.journal what it wrote.
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { createInterface } from 'node:readline'

const [name, folder] = process.argv.slice(2)
const port = process.argv.includes('--port') ? Number(process.argv[process.argv.indexOf('--port') + 1]) : null
const journal = fs.openSync(path.join(folder, `${name}.journal`), 'a')
const TOOLS = [
  { name: 'look', description: 'Echoes.', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'write', description: 'Notes and echoes.', inputSchema: { type: 'object' } },
]
let mode = 'ok'

fs.writeFileSync(path.join(folder, `${name}.pid`), String(process.pid))
if (port === null) serveStdio()
else serveHttp()

function answer({ id, method, params }) {
  const reply = (result) => ({ jsonrpc: '2.0', id, result })
  switch (method) {
    case 'initialize': return reply({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name, version: '1' } })
    case 'ping': return reply({})
    case 'tools/list': return reply({ tools: TOOLS })
    case 'tools/call': {
      const { nonce } = params.arguments
      if (params.name === 'write') fs.writeSync(journal, `${nonce}\n`)
      return reply({ content: [{ type: 'text', text: `${name} ${nonce}` }] })
    }
    default: return { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }
  }
}

/** A server that fails its calls often answers everything else: nothing but the calls tells that it is ill. */
function hangs({ method }) {
  return method === 'tools/call' && mode === 'hang'
}

function serveStdio() {
  process.on('SIGUSR2', () => { mode = 'hang' })
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const message = JSON.parse(line)
    if (message.id === undefined || message.method === undefined || hangs(message)) return
    process.stdout.write(`${JSON.stringify(answer(message))}\n`)
  })
  lines.on('close', () => process.exit(0))
}

function serveHttp() {
  http.createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end()
    if (request.url.startsWith('/mode/')) {
      mode = request.url.slice('/mode/'.length)
      return response.writeHead(204).end()
    }
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const message = JSON.parse(body)
    if (message.id === undefined || message.method === undefined) return response.writeHead(202).end()
    if (hangs(message)) return
    if (message.method === 'tools/call' && mode === '500') return response.writeHead(500).end()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer(message)))
  }).listen(port, '127.0.0.1')
}
