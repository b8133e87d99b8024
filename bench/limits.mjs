// What the limits do on this machine, for each backend that works here, and what watching them costs.
//   node bench/limits.mjs [--backends cgroup2,systemd,cgroup1,rlimit,poll] [--seconds 10] [--servers 200] [--lib DIR] [--json]
// Needs a build; root, where other things run meanwhile. Exit 1 when a figure is outside of its budget.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { waitQuiet } from './lib/measure.mjs'

const { values } = parseArgs({
  options: {
    backends: { type: 'string' }, seconds: { type: 'string', default: '10' }, servers: { type: 'string', default: '200' },
    lib: { type: 'string', default: path.join(import.meta.dirname, '../dist/lib') }, json: { type: 'boolean', default: false },
  },
})
const { openLimits, spawnChild, createSweeper, sampleTrees } = await import(pathToFileURL(path.join(values.lib, 'process/index.js')).href)

const MIB = 1024 ** 2
const SECONDS = Number(values.seconds)
const SERVERS = Number(values.servers)
const mark = `bench${process.pid}`
const sweeper = createSweeper()
const env = { PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: os.tmpdir() }
let count = 0

/** Budgets: what the kernel holds, and what is held by looking. */
const BUDGET = { breachMs: [250, 1500], cpuOff: [3, 8], bombMs: [2000, 2000], watchPercent: [1, 1.5] }

const node = (code) => [process.execPath, '-e', code]
/** Says how much it has every 5 ms; Buffers do not count as heap. */
const leak = (mibPerStep) => `const a = []; setInterval(() => { a.push(Buffer.alloc(${mibPerStep} * 1048576, 1)); process.stdout.write(process.pid + '\\n') }, 5)`

async function start(backend, limits, [file, ...args]) {
  const id = `b${++count}`
  const group = backend.open(id, limits)
  const child = await spawnChild({ launch: group.wrap({ file, args, cwd: '/', env, note: null }), marker: `${mark}:${id}` })
  const run = { child, group, breaches: [], saidAt: 0, lines: [], exit: new Promise((resolve) => child.onExit((exit) => resolve({ ...exit, at: performance.now() }))) }
  child.stdout.on('data', (chunk) => {
    run.saidAt = performance.now()
    run.lines.push(...chunk.toString().trim().split('\n'))
  })
  child.stderr.resume()
  group.started(child)
  group.onBreach((breach) => run.breaches.push({ ...breach, at: performance.now() }))
  return run
}

async function end({ child, group }) {
  group.kill()
  await sweeper.end({ prefix: `${mark}:` })
  await child.release()
  await group.release()
}

async function until(condition, limitMs = 60_000) {
  for (const stop = performance.now() + limitMs; performance.now() < stop; await delay(2)) {
    const answer = await condition()
    if (answer) return answer
  }
  throw new Error(`waited in vain for ${condition}`)
}

function isAlive(pid) {
  try {
    return !/\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

const percentiles = (list) => {
  const sorted = [...list].sort((a, b) => a - b)
  return [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
}

/** From the last that the server said to its exit, named as what it was. */
async function leakOfLeader(backend) {
  const took = []
  let reason = ''
  for (let round = 0; round < 5; round++) {
    const run = await start(backend, { memoryBytes: 200 * MIB }, node(leak(1)))
    const { at, ...exit } = await run.exit
    took.push(at - run.saidAt)
    const verdict = run.group.verdict(exit, [])
    reason = verdict === null ? 'not recognised' : `${verdict.cause}: ${verdict.reason}`
    await end(run)
  }
  return { ms: percentiles(took), reason }
}

/** From the grandchild's end, or from the crossing where nobody but us kills, to an empty tree. */
async function leakOfGrandchild(backend) {
  const took = []
  let reason = ''
  for (let round = 0; round < 3; round++) {
    const [program, ...words] = node(leak(1))
    const run = await start(backend, { memoryBytes: 200 * MIB }, ['/bin/sh', '-c', '"$@" & wait; sleep 600', 'wrapper', program, ...words])
    const leaker = await until(() => run.lines[0])
    let from = 0
    await until(async () => {
      if (backend.abilities.memory === 'tree') return !isAlive(leaker) && (from = performance.now())
      const used = (await sampleTrees(new Map([['x', run.child.pid]]))).get('x')?.memoryBytes ?? 0
      if (from === 0 || used < 200 * MIB) from = performance.now()
      return run.child.exited
    })
    await run.exit
    await until(async () => (await sweeper.find({ prefix: `${mark}:` })).length === 0)
    took.push(performance.now() - from)
    reason = run.breaches[0]?.cause ?? 'not told'
    await end(run)
  }
  return { ms: percentiles(took), reason }
}

async function cpuMsOf({ group, child }) {
  return group.usage()?.cpuMs ?? (await sampleTrees(new Map([['x', child.pid]]))).get('x')?.cpuMs ?? 0
}

/** Whatever else runs on this machine: the tree gets what it may have. Needs root; without, the figure is that of a quiet machine only. */
function prefer(pid) {
  const path = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]
  try {
    if (path !== undefined && path !== '/') for (const folder of [path, path.slice(0, path.lastIndexOf('/'))]) fs.writeFileSync(`/sys/fs/cgroup/cpu${folder}/cpu.shares`, '200000')
    // Its session may be one group to the scheduler as well.
    if (fs.existsSync(`/proc/${pid}/autogroup`)) fs.writeFileSync(`/proc/${pid}/autogroup`, '-19')
    for (const one of [pid, ...fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)]) os.setPriority(one, -19)
  } catch (error) {
    console.error(`not preferred: ${error.message}`)
  }
}

async function quota(backend) {
  const run = await start(backend, { cpuPercent: 80 }, ['/bin/sh', '-c', '(while :; do :; done) & while :; do :; done'])
  await until(async () => (await sampleTrees(new Map([['x', run.child.pid]]))).get('x')?.processes === 2)
  prefer(run.child.pid)
  if (backend.abilities.cpu === 'duty') await until(() => run.group.isThrottled())
  else await delay(300)
  const [from, at] = [await cpuMsOf(run), performance.now()]
  await delay(SECONDS * 1000)
  const percent = ((await cpuMsOf(run)) - from) / ((performance.now() - at) / 100)
  await end(run)
  return percent
}

async function forkBomb(backend) {
  const bomb = `const { spawn } = require('node:child_process')
    setInterval(() => { for (let i = 0; i < 8; i++) spawn('/bin/sleep', ['600'], { stdio: 'ignore' }).on('error', () => process.stdout.write('refused\\n')) }, 5)`
  const run = await start(backend, { pids: 64 }, node(bomb))
  let [most, from] = [0, 0]
  await until(async () => {
    const now = (await sampleTrees(new Map([['x', run.child.pid]]))).get('x')?.processes ?? 0
    most = Math.max(most, now)
    if (from === 0 && (run.lines.includes('refused') || now > 64)) from = performance.now()
    return run.child.exited
  })
  const ms = performance.now() - (from || performance.now())
  const cause = run.breaches[0]?.cause ?? 'not told'
  await end(run)
  return { most, ms, cause }
}

async function escapee(backend) {
  const run = await start(backend, { pids: 64 }, ['/bin/sh', '-c', 'setsid env -i /bin/sleep 4242 & sleep 600'])
  const find = () => fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1') === '/bin/sleep\x004242\x00'
    } catch {
      return false
    }
  })
  const pid = await until(find)
  // Sampling knows only what it has seen once.
  if (backend.abilities.kill === 'group') await delay(1300)
  const from = performance.now()
  run.group.kill()
  await until(() => !isAlive(pid))
  const ms = performance.now() - from
  await end(run)
  return ms
}

/** From spawn to the server's first word, with and without limits, a moment apart as starts are. */
async function launches(backend) {
  const [limited, plain] = [[], []]
  for (let round = 0; round < 20; round++) {
    await delay(50)
    let from = performance.now()
    const run = await start(backend, { memoryBytes: 200 * MIB, cpuPercent: 80, pids: 64 }, ['/bin/echo', 'x'])
    await until(() => run.lines.length)
    limited.push(performance.now() - from)
    await run.exit
    await run.group.release()
    from = performance.now()
    const child = spawn('/bin/echo', ['x'], { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    plain.push(performance.now() - from)
  }
  return { limited: percentiles(limited), plain: percentiles(plain) }
}

async function watching(backend) {
  const fds = () => fs.readdirSync('/proc/self/fd').length
  const before = fds()
  const runs = []
  for (let i = 0; i < SERVERS; i++) runs.push(await start(backend, { memoryBytes: 200 * MIB, cpuPercent: 80, pids: 64 }, ['/bin/sleep', '600']))
  await delay(1500)
  const descriptors = (fds() - before) / SERVERS
  const [cpu, at] = [process.cpuUsage(), performance.now()]
  await delay(SECONDS * 1000)
  const { user, system } = process.cpuUsage(cpu)
  const percent = (user + system) / 10 / (performance.now() - at)
  for (const { group } of runs) group.kill()
  await Promise.all(runs.map(({ exit }) => exit))
  const from = performance.now()
  await Promise.all(runs.flatMap(({ child, group }) => [child.release(), group.release()]))
  const releaseMs = performance.now() - from
  const left = fds() - before
  return { percent, descriptors, releaseMs, left }
}

const round = (ms) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)))
const rows = []

function add(backend, what, figure, ok = null) {
  rows.push({ backend: backend.name, what, figure, ok })
  if (!values.json) console.log(`${backend.name.padEnd(9)}${what.padEnd(52)}${figure}${ok === null ? '' : ok ? '  ok' : '  OUTSIDE OF BUDGET'}`)
}

async function measure(backend, openMs) {
  const held = (what) => (backend.abilities[what] === 'tree' || backend.abilities[what] === 'quota' ? 0 : 1)
  add(backend, 'chosen in', `${round(openMs)} ms: ${Object.entries(backend.abilities).map(([key, value]) => `${key} ${value}`).join(', ')}`)
  const leader = await leakOfLeader(backend)
  add(backend, 'leak over 200 MiB: last word to exit, p50, max', `${leader.ms.map(round).join(', ')} ms (${leader.reason})`, leader.ms[1] <= BUDGET.breachMs[held('memory')])
  const grandchild = await leakOfGrandchild(backend)
  add(backend, 'leaking grandchild: to an empty tree, p50, max', `${grandchild.ms.map(round).join(', ')} ms (${grandchild.reason})`, grandchild.ms[1] <= BUDGET.breachMs[held('memory')])
  const percent = await quota(backend)
  add(backend, `two spinners under 80 %, over ${SECONDS} s`, `${percent.toFixed(1)} %`, Math.abs(percent - 80) <= BUDGET.cpuOff[held('cpu')])
  const bomb = await forkBomb(backend)
  add(backend, 'fork bomb under 64: most processes, refusal to end', `${bomb.most}, ${round(bomb.ms)} ms (${bomb.cause})`, bomb.ms <= BUDGET.bombMs[held('pids')] && (held('pids') === 1 || bomb.most <= 64))
  add(backend, 'escaped by setsid, marker dropped: to its end', `${round(await escapee(backend))} ms`)
  const { limited, plain } = await launches(backend)
  add(backend, 'start of a limited /bin/echo, p50, max', `${limited.map(round).join(', ')} ms (without limits ${plain.map(round).join(', ')})`)
  await waitQuiet()
  const cost = await watching(backend)
  add(backend, `watching ${SERVERS} limited servers`, `${cost.percent.toFixed(2)} % of a core, ${cost.descriptors.toFixed(1)} descriptors each`, cost.percent <= BUDGET.watchPercent[held('memory')])
  add(backend, `release of ${SERVERS}`, `${round(cost.releaseMs)} ms, ${cost.left} descriptors left`, cost.left <= 2)
}

const wanted = values.backends?.split(',') ?? [...new Set([(await probe()).name, 'rlimit', 'poll'])]

async function probe() {
  const backend = await openLimits({ mark, env: process.env })
  for (const { name, why } of backend.refused) console.error(`${name}: ${why}`)
  await backend.close()
  return backend
}

for (const name of wanted) {
  const from = performance.now()
  const backend = await openLimits({ mark, env: process.env, forced: name })
  const openMs = performance.now() - from
  try {
    if (backend.name === name) await measure(backend, openMs)
    else console.error(`${name} is not possible here: ${backend.refused[0]?.why}`)
  } finally {
    await sweeper.end({ prefix: `${mark}:` })
    await backend.close()
  }
}
if (values.json) console.log(JSON.stringify({ kernel: os.release(), node: process.version, cores: os.cpus().length, rows }))
process.exitCode = rows.some(({ ok }) => ok === false) ? 1 : 0
