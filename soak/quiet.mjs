// The quiet moments: everybody stops, the fleet heals, and then it is looked at.
import { setTimeout as delay } from 'node:timers/promises'
import { SERVERS } from './fleet.mjs'
import { until } from './gate.mjs'
import { listMarked } from './processes.mjs'

/** Long enough for what the daemon closes when nobody uses it for a while. */
const PAUSE_MS = 3000
const HEALED_MS = 30_000
/** After that somebody who looks after it would start what is missing: the soak goes on then, with the violation noted. */
const MENDED_MS = 30_000
const LOOK_EVERY_MS = 250
const STATUS_MS = 30_000

/**
 * Resolves when all requests are settled, all steps of chaos over and all servers as the configuration has them, and the
 * figures of a pause after that are taken. What does not heal in time is a violation.
 */
export async function beQuiet({ scratch, fleet, callers, chaos, referee, sampling, gate, log, violation, orphans }) {
  gate.close()
  await until(() => referee.inFlight === 0, Infinity)
  await chaos.settled()
  await until(() => referee.inFlight === 0, Infinity)
  callers.rest()
  let why = []
  const startedAt = performance.now()
  const isHealed = await until(async () => (why = await findUnhealed(scratch, fleet)).length === 0, HEALED_MS, LOOK_EVERY_MS)
  if (!isHealed) {
    violation(`not healed within ${HEALED_MS / 1000} s: ${why.join('; ')}`)
    await scratch.run(['start'], MENDED_MS)
  }
  log(`all well after ${Math.round(performance.now() - startedAt)} ms`)
  const found = orphans.add(findOrphans(scratch))
  if (found.length > 0) violation(`orphans at a quiet moment: ${found.map(({ pid, marker, words }) => `${pid} ${marker} ${words[0]}`).join(', ')}`)
  const figures = []
  for (const end = performance.now() + PAUSE_MS; performance.now() < end; await delay(LOOK_EVERY_MS)) figures.push(sampling.take())
  sampling.noteQuiet(figures.filter(Boolean), leadersOf(scratch).length)
}

/** What is not yet as configured, one line each: every server ready in a process with the arguments of now, and no other process. */
async function findUnhealed(scratch, fleet) {
  const { code, stdout } = await scratch.run(['status', '--json'], STATUS_MS)
  const servers = parse(stdout)?.servers
  if (servers === undefined) return [`status ended with ${code}`]
  const missing = SERVERS.filter((name) => servers.every((server) => server.name !== name)).map((name) => `${name} is not known`)
  const unready = servers.filter(({ ready }) => !ready).map(({ name, phase, reason }) => `${name} is ${phase}: ${reason}`)
  const leaders = leadersOf(scratch)
  const stale = servers.flatMap(({ name, pid }) => {
    const own = leaders.find((leader) => leader.pid === pid)
    if (own === undefined) return [`${name} should be process ${pid}, which is not there`]
    return fleet.wordsOf(name).every((word) => own.words.includes(word)) ? [] : [`${name} runs as ${own.words.slice(2).join(' ')}, not with ${fleet.wordsOf(name).join(' ')}`]
  })
  const extra = leaders.filter(({ pid }) => servers.every((server) => server.pid !== pid)).map(({ pid, marker }) => `nobody knows process ${pid} ${marker}`)
  return [...missing, ...unready, ...stale, ...extra]
}

function leadersOf(scratch) {
  const daemon = scratch.daemon()
  return listMarked(scratch.mark).filter(({ parent }) => parent === daemon?.pid)
}

/** Processes whose marker is not that of a server that runs. */
function findOrphans(scratch) {
  const alive = new Set(leadersOf(scratch).map(({ marker }) => marker))
  return listMarked(scratch.mark).filter(({ marker }) => !alive.has(marker))
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
