// The least one can do to get answers out of stdio MCP servers: spawn all of them, shake hands, read the tools.
import { spawn } from 'node:child_process'

const DEADLINE_MS = 60_000

/** Starts one server and resolves when its tools are known; `end` kills its process group. */
export function open({ name, command, args, env }, cwd) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('MCP_')))
  const child = spawn(command, args, { cwd, env: { ...inherited, ...env }, detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Gone by itself.
    }
  }
  return { name, end, ready: shakeHands(name, child) }
}

function shakeHands(name, child) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} was not ready within ${DEADLINE_MS} ms`)), DEADLINE_MS)
    const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
    child.stdin.on('error', () => undefined)
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`${name} ended (${signal ?? code}) before it was ready`)))
    readMessages(child.stdout, (message) => {
      if (message.id === 1) {
        if (message.error) reject(new Error(`${name}: ${message.error.message}`))
        send({ method: 'notifications/initialized' })
        send({ id: 2, method: 'tools/list' })
      } else if (message.id === 2) {
        clearTimeout(timer)
        if (message.result) resolve(message.result.tools.length)
        else reject(new Error(`${name}: ${message.error?.message}`))
      }
    })
    send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } })
  })
}

function readMessages(stream, onMessage) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      try {
        onMessage(JSON.parse(line))
      } catch {
        // A banner.
      }
    }
  })
}

/** Milliseconds from the first spawn until every server is ready; everything is killed afterwards. */
export async function timeBare(servers, cwd) {
  const startedAt = performance.now()
  const opened = servers.map((server) => open(server, cwd))
  try {
    await Promise.all(opened.map(({ ready }) => ready))
    return performance.now() - startedAt
  } finally {
    for (const { end, ready } of opened) {
      ready.catch(() => undefined)
      end()
    }
  }
}
