// What many idle servers cost: start, stop, and what the daemon uses meanwhile while it probes all of them.
//   node bench/health.mjs [--n 10,100,1000] [--seconds 20] [--settle 90] [--interval 2s] [--k 1] [--out FILE]
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../scripts/install.mjs'
import { createScratch, median, option, waitQuiet } from './lib/measure.mjs'

const counts = option('n', '10,100,200,1000').split(',').map(Number)
const seconds = Number(option('seconds', '20'))
/** By then what happens a hundred times a second is compiled and the memory of the start is collected: from here on it costs what it costs for ever. */
const settleSeconds = Number(option('settle', '90'))
const interval = option('interval', '')
const rounds = Number(option('k', '1'))
/** The bounds of a daemon with two hundred servers: percent of a core, and memory as a multiple of one with none. */
const LIMIT = { servers: 200, cpuPercent: 1, memoryRatio: 1.5 }
const MS_PER_TICK = 10

function compile(folder) {
  const output = path.join(folder, 'tiny-server')
  execFileSync('cc', ['-O2', '-o', output, path.join(root, 'bench', 'native', 'tiny-server.c')], { stdio: ['ignore', 2, 2] })
  return output
}

const cpuMs = (pid) => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}
const residentMb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

/** Percent of one core over a while in which nobody does anything. */
async function idle(pid) {
  const [before, startedAt] = [cpuMs(pid), performance.now()]
  await delay(seconds * 1000)
  return ((cpuMs(pid) - before) / (performance.now() - startedAt)) * 100
}

async function measure(n, binary) {
  const health = interval === '' ? {} : { health: { interval } }
  const servers = Object.fromEntries(Array.from({ length: n }, (_, index) => [`s${index}`, { command: binary, era: 'legacy', ...health }]))
  const scratch = createScratch({ servers: { ...servers, off: { command: binary, enabled: false } } })
  try {
    const busy = !(await waitQuiet())
    const start = await scratch.cli(n === 0 ? ['start', '--no-wait'] : ['start'])
    const { pid } = JSON.parse(fs.readFileSync(path.join(scratch.home, 'run', 'daemon.json'), 'utf8'))
    await delay(settleSeconds * 1000)
    const cpuPercent = await idle(pid)
    // Whoever asks keeps the sampling of usage going for a minute.
    const { servers: states } = JSON.parse((await scratch.cli(['status', '--json'])).stdout)
    const ready = states.filter((server) => server.ready && server.generation === 1).length
    if (ready !== n) throw new Error(`${ready} of ${n} servers are ready in their first generation`)
    await delay(1000)
    const sampledPercent = await idle(pid)
    const memoryMb = residentMb(pid)
    const stop = await scratch.cli(['stop'])
    return { n, startMs: start.elapsedMs, stopMs: stop.elapsedMs, cpuPercent, sampledPercent, memoryMb, busy }
  } finally {
    await scratch.remove()
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-b-'))
try {
  const binary = compile(folder)
  const table = []
  for (const n of [0, ...counts]) {
    const samples = []
    for (let round = 0; round < rounds; round++) samples.push(await measure(n, binary))
    const of = (key, digits) => Number(median(samples.map((sample) => sample[key])).toFixed(digits))
    table.push({
      servers: n, startMs: of('startMs', 0), stopMs: of('stopMs', 0), cpuPercent: of('cpuPercent', 2), cpuPercentSampled: of('sampledPercent', 2), memoryMb: of('memoryMb', 1),
      memoryRatio: Number((of('memoryMb', 1) / (table[0]?.memoryMb ?? of('memoryMb', 1))).toFixed(2)), measuredWhileBusy: samples.filter(({ busy }) => busy).length,
    })
    console.log(JSON.stringify({ bench: 'health', ...table.at(-1) }))
  }
  console.log(`\n| servers | start | stop | CPU idle | CPU idle, usage sampled | memory of the daemon | against none |\n|---|---|---|---|---|---|---|`)
  for (const row of table) {
    console.log(`| ${row.servers} | ${row.startMs} ms | ${row.stopMs} ms | ${row.cpuPercent.toFixed(2)} % | ${row.cpuPercentSampled.toFixed(2)} % | ${row.memoryMb.toFixed(0)} MB | ${row.memoryRatio.toFixed(2)} |`)
  }
  if (option('out', '')) fs.appendFileSync(option('out', ''), table.map((row) => `${JSON.stringify({ at: new Date().toISOString(), bench: 'health', seconds, ...row })}\n`).join(''))
  const judged = table.find(({ servers }) => servers === LIMIT.servers)
  if (judged && (judged.cpuPercentSampled > LIMIT.cpuPercent || judged.memoryRatio > LIMIT.memoryRatio)) {
    console.error(`${LIMIT.servers} idle servers cost more than ${LIMIT.cpuPercent} % of a core or ${LIMIT.memoryRatio} times the memory of a daemon with none`)
    process.exitCode = 1
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
