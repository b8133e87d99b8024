// Ten real servers: `mcpctl start` until all are ready, against a bare parallel spawn + handshake of the same ten.
//   node bench/real-servers.mjs [--k 5] [--sequential 1] [--out FILE]
import fs from 'node:fs'
import path from 'node:path'
import { timeBare } from './lib/bare.mjs'
import { createScratch, describe, option, ratio, waitQuiet } from './lib/measure.mjs'
import { realServers } from './lib/real-servers.mjs'

const rounds = Number(option('k', '5'))
const sequentialRounds = Number(option('sequential', '1'))
/** What the command may cost over the bare spawn. */
const LIMIT = 1.25

const scratch = createScratch({ servers: {} })
const servers = await realServers(scratch.folder)
const entries = servers.map(({ name, command, args, env }) => [name, { command, args, env, stopTimeout: 1 }])
fs.writeFileSync(path.join(scratch.folder, 'mcp.config.json'), JSON.stringify({ servers: Object.fromEntries(entries) }, null, 2))

const times = { bare: [], first: [], again: [], sequential: [] }
const startAll = async (env) => {
  const { elapsedMs } = await scratch.cli(['start'], env)
  await scratch.cli(['stop'])
  return elapsedMs
}
let noisy = 0
const measure = async (kind, action) => {
  if (!(await waitQuiet())) noisy += 1
  times[kind].push(await action())
}

try {
  await timeBare(servers, scratch.folder)
  for (let round = 0; round < rounds; round++) {
    await measure('bare', () => timeBare(servers, scratch.folder))
    scratch.freshHome()
    await measure('first', startAll)
    await measure('again', startAll)
    if (round < sequentialRounds) await measure('sequential', () => startAll({ MCP_PARALLEL_STARTUP: 'false' }))
  }
} finally {
  await scratch.remove()
}

const result = {
  bench: 'real-servers',
  servers: servers.length,
  rounds,
  bare: describe(times.bare),
  mcpctlFreshHome: describe(times.first),
  mcpctlKnownHome: describe(times.again),
  ratioFreshHome: ratio(times.first, times.bare),
  ratioKnownHome: ratio(times.again, times.bare),
  ...(times.sequential.length > 0 ? { mcpctlSequential: describe(times.sequential), ratioSequential: ratio(times.sequential, times.bare) } : {}),
  limit: LIMIT,
  measuredWhileBusy: noisy,
}
console.log(JSON.stringify(result))
if (option('out', '')) fs.appendFileSync(option('out', ''), `${JSON.stringify({ at: new Date().toISOString(), ...result })}\n`)
if (result.ratioFreshHome > LIMIT || result.ratioKnownHome > LIMIT) {
  console.error(`mcpctl start is more than ${LIMIT} times the bare spawn`)
  process.exitCode = 1
}
