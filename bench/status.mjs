// What a look costs: wall time of `mcpctl status` with ten servers against an empty Node program.
//   node bench/status.mjs [--k 20] [--out FILE]
import fs from 'node:fs'
import path from 'node:path'
import { root } from '../scripts/install.mjs'
import { createScratch, describe, option, ratio, time, waitQuiet } from './lib/measure.mjs'

const rounds = Number(option('k', '20'))
const LIMIT = 1.8

const fixture = path.join(root, 'test', 'fixtures', 'servers', 'bad-server.mjs')
const names = Array.from({ length: 10 }, (_, index) => `s${index}`)
const scratch = createScratch({ servers: Object.fromEntries(names.map((name) => [name, { command: process.execPath, args: [fixture] }])) })

const times = { node: [], status: [], json: [] }
let noisy = 0
try {
  await scratch.cli(['start'])
  await scratch.cli(['status'])
  for (let round = 0; round < rounds; round++) {
    if (!(await waitQuiet())) noisy += 1
    times.node.push((await time(process.execPath, ['-e', '0'])).elapsedMs)
    times.status.push((await scratch.cli(['status'])).elapsedMs)
    times.json.push((await scratch.cli(['status', '--json'])).elapsedMs)
  }
} finally {
  await scratch.remove()
}

const result = {
  bench: 'status',
  servers: names.length,
  rounds,
  node: describe(times.node),
  status: describe(times.status),
  statusJson: describe(times.json),
  ratio: ratio(times.status, times.node),
  ratioJson: ratio(times.json, times.node),
  limit: LIMIT,
  measuredWhileBusy: noisy,
}
console.log(JSON.stringify(result))
if (option('out', '')) fs.appendFileSync(option('out', ''), `${JSON.stringify({ at: new Date().toISOString(), ...result })}\n`)
if (result.ratio > LIMIT) {
  console.error(`mcpctl status is more than ${LIMIT} times an empty Node program`)
  process.exitCode = 1
}
