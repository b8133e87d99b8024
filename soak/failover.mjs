// Several servers behind one name, under load, while one of them dies, hangs or fails:
//   node soak/failover.mjs --scenario kill|hang|hang-http|500|replicas|none [--seconds 20] [--rate 2000] [--timeout 2s] [--json]
// Every tenth call writes, the others only read. The rules: every call is answered once, with its own nonce; no call that
// only reads fails; a call that writes is carried out at most once, never when its error says not-delivered; in the end
// the main has its calls back. Exits 1 when one is broken.
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../scripts/free-port.mjs'
import { INITIALIZE } from './message.mjs'
import { createScratch } from './scratch.mjs'

const { values } = parseArgs({ options: { scenario: { type: 'string', default: 'kill' }, seconds: { type: 'string', default: '20' }, rate: { type: 'string', default: '2000' }, timeout: { type: 'string', default: '2s' }, json: { type: 'boolean', default: false } } })
const { scenario } = values
const seconds = Number(values.seconds)
const rate = Number(values.rate)
const SERVER = path.join(import.meta.dirname, 'failover-server.mjs')
const BATCH_MS = 5
const QUIET_MS = 30_000
const REPLICAS = 3

const scratch = createScratch()
const { journal: folder } = scratch
const ports = { main: await freePort(), backup: await freePort() }
const violations = []
const violation = (what) => violations.push(what)

function configuration() {
  // They are killed far more often than a supervisor puts up with.
  const restart = { policy: 'always', backoff: { initial: '50ms', max: '200ms' }, intensity: { restarts: 1000, window: '1m' } }
  const stdio = (name) => ({ command: process.execPath, args: [SERVER, name, folder], restart })
  // What serves over HTTP is started here, so that only the calls tell that it is ill.
  const remote = (name) => ({ url: `http://127.0.0.1:${ports[name]}/mcp`, timeouts: { total: values.timeout } })
  if (scenario === 'hang') return { servers: { main: { ...stdio('main'), timeouts: { total: values.timeout } }, backup: stdio('backup') }, groups: { search: ['main', 'backup'] } }
  if (scenario === 'replicas') return { servers: { search: { command: '/bin/sh', args: ['-c', `exec ${JSON.stringify(process.execPath)} ${JSON.stringify(SERVER)} r$$ ${JSON.stringify(folder)}`], instances: REPLICAS, restart } } }
  const make = scenario === 'kill' ? stdio : remote
  return { servers: { main: make('main'), backup: make('backup') }, groups: { search: ['main', 'backup'] } }
}

/** What was asked, and what came back. */
const book = { asked: 0, ok: 0, errors: new Map(), by: new Map(), readFailures: 0, slowestMs: 0 }
const open = new Map()
const carriedOut = new Set()
const undelivered = new Set()
let lastMember = null

function settle(message) {
  const call = open.get(message.id)
  if (call === undefined) return violation(`a second answer, or one to nothing: ${JSON.stringify(message).slice(0, 200)}`)
  open.delete(message.id)
  book.slowestMs = Math.max(book.slowestMs, performance.now() - call.at)
  if (message.error !== undefined) return judgeError(call, message.error)
  const [member, nonce] = message.result.content[0].text.split(' ')
  if (nonce !== call.nonce) return violation(`the answer to another call: ${nonce} instead of ${call.nonce}`)
  book.ok++
  const group = scenario === 'replicas' ? 'replicas' : member
  book.by.set(group, (book.by.get(group) ?? 0) + 1)
  lastMember = member
  if (call.tool === 'write') carriedOut.add(nonce)
}

function judgeError(call, error) {
  const { reason, outcome } = error.data ?? {}
  const key = `${call.tool}: ${reason ?? error.code} (${outcome ?? 'no outcome'})`
  book.errors.set(key, (book.errors.get(key) ?? 0) + 1)
  if (call.tool === 'look') {
    book.readFailures++
    violation(`a call that only reads failed: ${JSON.stringify(error).slice(0, 300)}`)
  }
  if (outcome !== 'unknown' && outcome !== 'not-delivered') violation(`an error that does not say what became of the call: ${JSON.stringify(error).slice(0, 300)}`)
  if (outcome === 'not-delivered') undelivered.add(call.nonce)
}

function audit() {
  const seen = new Set()
  for (const file of fs.readdirSync(folder).filter((each) => each.endsWith('.journal'))) {
    for (const nonce of fs.readFileSync(path.join(folder, file), 'utf8').split('\n').filter((line) => line !== '')) {
      if (seen.has(nonce)) violation(`carried out twice: ${nonce}`)
      if (undelivered.has(nonce)) violation(`said to be not delivered, but carried out: ${nonce}`)
      seen.add(nonce)
    }
  }
  for (const nonce of carriedOut) if (!seen.has(nonce)) violation(`answered, but not carried out: ${nonce}`)
}

function openClient() {
  const child = scratch.start(['proxy'])
  let rest = ''
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-2000)))
  const hello = new Promise((resolve, reject) => {
    child.once('close', () => reject(new Error(`the proxy ended: ${said}`)))
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        const message = JSON.parse(line)
        if (message.id === 'hello') resolve()
        else if (message.id !== undefined && message.method === undefined) settle(message)
      }
    })
  })
  const send = (message) => child.stdin.write(`${JSON.stringify(message)}\n`)
  send({ jsonrpc: '2.0', id: 'hello', method: 'initialize', params: INITIALIZE })
  return { child, send, hello }
}

function ask(client) {
  const id = ++book.asked
  const call = { tool: id % 10 === 0 ? 'write' : 'look', nonce: `n${id}`, at: performance.now() }
  open.set(id, call)
  client.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: `search__${call.tool}`, arguments: { nonce: call.nonce } } })
}

/** So many calls a second, in small batches; what a busy machine could not send in time is made up for. */
async function load(client, isOver) {
  const startedAt = performance.now()
  const before = book.asked
  while (!isOver()) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * rate)
    for (let sent = book.asked - before; sent < due; sent++) ask(client)
    await sleep(BATCH_MS)
  }
  return (book.asked - before) / ((performance.now() - startedAt) / 1000)
}

const pidOf = (name) => Number(fs.readFileSync(path.join(folder, `${name}.pid`), 'utf8'))
const setMode = (mode) => fetch(`http://127.0.0.1:${ports.main}/mode/${mode}`, { method: 'POST' })
const faults = []

async function disturb(isOver) {
  if (scenario === 'none') return
  while (!isOver()) {
    await sleep(scenario === 'replicas' ? 1000 : Math.min(2000, seconds * 250))
    if (isOver()) break
    if (scenario === 'kill') signal('main', 'SIGKILL')
    else if (scenario === 'hang') signal('main', 'SIGUSR2')
    else if (scenario === 'replicas') killReplica()
    else {
      faults.push(scenario)
      await setMode(scenario === '500' ? '500' : 'hang')
      await sleep(Math.min(3000, seconds * 250))
      await setMode('ok')
    }
  }
}

function signal(name, which) {
  try {
    process.kill(pidOf(name), which)
    faults.push(`${which} to ${name}`)
  } catch {
    // It is down already, on its way back.
  }
}

function killReplica() {
  const alive = fs.readdirSync(folder).filter((file) => file.endsWith('.pid')).map((file) => file.slice(0, -4)).filter((name) => isAlive(pidOf(name)))
  const name = alive[faults.length % Math.max(1, alive.length)]
  if (name !== undefined) signal(name, 'SIGKILL')
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The main has its calls back: asked one after the other until it answers. */
async function untilMain(client) {
  const startedAt = performance.now()
  while (performance.now() - startedAt < QUIET_MS) {
    ask(client)
    await untilIdle()
    if (lastMember === 'main') return performance.now() - startedAt
    await sleep(100)
  }
  violation(`the main had no call again within ${QUIET_MS / 1000} s`)
  return null
}

async function untilIdle() {
  const startedAt = performance.now()
  while (open.size > 0 && performance.now() - startedAt < QUIET_MS) await sleep(20)
  if (open.size > 0) violation(`${open.size} calls had no answer after ${QUIET_MS / 1000} s`)
}

async function run() {
  fs.writeFileSync(path.join(scratch.project, 'mcp.config.json'), JSON.stringify(configuration()))
  const remotes = ['hang-http', '500', 'none'].includes(scenario) ? await startRemotes() : []
  try {
    const started = await scratch.run(['start'], 60_000)
    if (started.code !== 0) throw new Error(`start failed: ${started.said}`)
    const client = openClient()
    await client.hello
    const until = performance.now() + seconds * 1000
    const isOver = () => performance.now() >= until
    const [callsPerSecond] = await Promise.all([load(client, isOver), disturb(isOver)])
    await untilIdle()
    const backAfterMs = scenario === 'replicas' ? null : await untilMain(client)
    audit()
    client.child.stdin.end()
    return { scenario, seconds, callsPerSecond: Math.round(callsPerSecond), faults: faults.length, calls: book.asked, answered: book.ok, byServer: Object.fromEntries(book.by), errors: Object.fromEntries(book.errors), failedReads: book.readFailures, slowestMs: Math.round(book.slowestMs), backAfterMs: backAfterMs === null ? null : Math.round(backAfterMs), violations: violations.length, firstViolations: violations.slice(0, 5) }
  } finally {
    await scratch.run(['stop'], 60_000)
    for (const remote of remotes) remote.kill('SIGKILL')
    scratch.killAll()
    scratch.remove()
  }
}

async function startRemotes() {
  const { spawn } = await import('node:child_process')
  const children = ['main', 'backup'].map((name) => spawn(process.execPath, [SERVER, name, folder, '--port', String(ports[name])], { stdio: 'inherit' }))
  while (!fs.existsSync(path.join(folder, 'main.pid')) || !fs.existsSync(path.join(folder, 'backup.pid'))) await sleep(20)
  return children
}

const report = await run()
console.log(JSON.stringify(report, null, values.json ? 0 : 2))
process.exitCode = report.violations === 0 ? 0 : 1
