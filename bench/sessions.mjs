// Eight clients with ten real servers each: own copies against one daemon and a thin proxy per client.
//   node bench/sessions.mjs [--sessions 8] [--out FILE]
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { bin, createScratch, option } from './lib/measure.mjs'
import { realServers } from './lib/real-servers.mjs'

const sessions = Number(option('sessions', '8'))
const MARK = `MCPCTL_BENCH=${process.pid}-${Date.now().toString(36)}`
const SETTLE_MS = 4000

const scratch = createScratch({ servers: {} })
const servers = await realServers(scratch.folder)
const [markName, markValue] = MARK.split('=')
fs.writeFileSync(
  path.join(scratch.folder, 'mcp.config.json'),
  JSON.stringify({ servers: Object.fromEntries(servers.map(({ name, command, args, env }) => [name, { command, args, env: { ...env, [markName]: markValue }, stopTimeout: 1 }])) }),
)

/** A client: speaks to one program over its pipes until it has its tools. */
function openClient(command, args, env) {
  const child = spawn(command, args, { cwd: scratch.folder, env: { ...process.env, ...env, MCP_HOME: scratch.home, [markName]: markValue }, stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  child.stdin.on('error', () => undefined)
  let text = ''
  const listed = new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${command} ${args.join(' ')} ended`)))
    child.stdout.on('data', (chunk) => {
      text += chunk
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) {
        if (!line.startsWith('{')) continue
        const { id, result } = JSON.parse(line)
        if (id === 0) {
          send({ method: 'notifications/initialized' })
          send({ id: 1, method: 'tools/list' })
        } else if (id === 1) resolve(result?.tools?.length ?? 0)
      }
    })
  })
  send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } })
  return { listed, close: () => end(child), gone: new Promise((resolve) => child.once('exit', resolve)) }
}

/** Not every server ends with its input. */
function end(child) {
  child.stdin.end()
  const timer = setTimeout(() => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Gone meanwhile.
    }
  }, 2000)
  child.once('exit', () => clearTimeout(timer))
}

/** Every process with our mark, and what they take: shared pages divided among those who share them. */
function measure() {
  let processes = 0
  let pss = 0
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (Number(pid) === process.pid || !fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(MARK)) continue
      pss += Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1])
      processes++
    } catch {
      // It is gone, or not ours to read.
    }
  }
  return { processes, memoryMB: Math.round(pss / 1024) }
}

async function measureClients(open) {
  const clients = open()
  await Promise.all(clients.map(({ listed }) => listed))
  await delay(SETTLE_MS)
  const result = measure()
  for (const client of clients) client.close()
  await Promise.all(clients.map(({ gone }) => gone))
  return result
}

try {
  process.env[markName] = markValue
  await scratch.cli(['start'])
  const shared = await measureClients(() => Array.from({ length: sessions }, () => openClient(process.execPath, [bin, 'proxy'], {})))
  await scratch.cli(['stop'])
  const own = await measureClients(() => Array.from({ length: sessions }, () => servers).flat().map(({ command, args, env }) => openClient(command, args, env)))
  const result = { bench: 'sessions', sessions, servers: servers.length, shared, own, ratio: Number((shared.memoryMB / own.memoryMB).toFixed(3)) }
  console.log(JSON.stringify(result))
  if (option('out', '')) fs.appendFileSync(option('out', ''), `${JSON.stringify({ at: new Date().toISOString(), ...result })}\n`)
} finally {
  await scratch.remove()
}
