// npm run soak -- [--minutes N | --seconds N] [--seed S] [--without FAULT,...] [--write] [--keep] [--cli FILE]
// Clients call without pause while everything goes wrong; a referee judges every answer. See soak/README.md.
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { build, isBuilt } from '../scripts/build.mjs'
import { freePort } from '../scripts/free-port.mjs'
import { ensureInstalled, root } from '../scripts/install.mjs'
import { openCallers } from './caller.mjs'
import { createChaos } from './chaos.mjs'
import { endAll } from './ending.mjs'
import { GUEST, createFleet } from './fleet.mjs'
import { createGate } from './gate.mjs'
import { readOptions } from './options.mjs'
import { createPlan } from './plan.mjs'
import { beQuiet } from './quiet.mjs'
import { createRandom } from './random.mjs'
import { createOrphans, createRecord } from './record.mjs'
import { createReferee } from './referee.mjs'
import { renderTable, writeTable } from './report.mjs'
import { compareQuiet, startSampling } from './sampling.mjs'
import { createScratch } from './scratch.mjs'

/** Parts of the run in which the daemon is killed and restarted: between them one lives long enough to be measured. */
const EARLY_SHARE = 0.35
const LATE_SHARE = 0.95
const mayEndDaemon = (share) => share < EARLY_SHARE || share >= LATE_SHARE
const WARM_UP_SHARE = 0.2
/** Shorter than this, the daemon's heap is still growing to its size at the end. */
const MEMORY_JUDGED_FROM_MS = 300_000
const START_MS = 60_000

async function soak(options) {
  const { seed, durationMs, isLong } = options
  const scratch = createScratch(options.cli)
  const record = createRecord(path.join(scratch.base, 'events.log'))
  const orphans = createOrphans()
  const { log, violation } = record
  const random = createRandom(seed)
  const interrupt = () => {
    scratch.killAll()
    scratch.remove()
    process.exit(130)
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    const port = await freePort()
    const fleet = createFleet({ project: scratch.project, journal: scratch.journal, memoryFile: scratch.memoryFile, gatewayPort: port, webPort: await freePort() })
    const guest = createGuest()
    const referee = createReferee({ violation, guest })
    const gate = createGate()
    fleet.write()
    const started = await scratch.run(['start'], START_MS)
    if (started.code !== 0) throw new Error(`mcpctl start ended with ${started.code}: ${started.said}`)
    const sampling = startSampling({ scratch, log, violation })
    const callers = await openCallers({ scratch, referee, violation, random, gate, port })
    const chaos = createChaos({ scratch, fleet, callers, random, log, violation, sampling, guest, orphans })
    const quiet = () => beQuiet({ scratch, fleet, callers, chaos, referee, sampling, gate, log, violation, orphans })
    await storm({ options, plan: createPlan(random.fork('plan'), options), callers, chaos, quiet, gate })
    await endAll({ scratch, callers, sampling, violation, log, orphans })
    referee.close()
    const carriedOut = referee.auditJournal(scratch.journal)
    const memory = compareQuiet(sampling.daemons, { warmUpMs: durationMs * WARM_UP_SHARE, judgesMemory: isLong(MEMORY_JUDGED_FROM_MS) })
    memory.problems.forEach(violation)
    if (referee.counts.answers < referee.counts.calls / 2) violation(`only ${referee.counts.answers} of ${referee.counts.calls} calls were answered`)
    return { record, scratch, table: renderTable({ seed, seconds: Math.round(durationMs / 1000), node: process.versions.node, referee, chaos: chaos.counts, memory, orphans, daemons: sampling.daemons.length, carriedOut, violations: record.violations }) }
  } catch (error) {
    violation(`the soak itself broke off: ${error.stack}`)
    return { record, scratch, table: '' }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    scratch.killAll()
  }
}

/** Storm and quiet in turns until there was storm for long enough; it ends with a quiet moment. */
async function storm({ options: { durationMs, everyMs }, plan, callers, chaos, quiet, gate }) {
  let stormedMs = 0
  callers.begin()
  while (stormedMs < durationMs) {
    // The last quiet moment of the long-lived daemon comes before the daemon may be ended again.
    const ends = [stormedMs + everyMs, durationMs, ...(mayEndDaemon(stormedMs / durationMs) ? [] : [durationMs * LATE_SHARE])]
    const end = Math.min(...ends)
    gate.open()
    for (let begunAt = performance.now(); stormedMs < end;) {
      const step = plan.next(mayEndDaemon(stormedMs / durationMs))
      await delay(step.gapMs)
      chaos.begin(step)
      stormedMs += performance.now() - begunAt
      begunAt = performance.now()
    }
    await quiet()
  }
}

/** When the server that comes and goes was in the configuration. */
function createGuest() {
  let away = 0
  let returnedAt = -Infinity
  return {
    name: GUEST,
    leave: () => away++,
    arrive() {
      away--
      returnedAt = performance.now()
    },
    wasAway: (withinMs) => away > 0 || performance.now() - returnedAt < withinMs,
  }
}

try {
  const options = readOptions(process.argv.slice(2))
  await ensureInstalled(root)
  if (options.cli === undefined && !isBuilt()) await build()
  console.error(`soak: ${options.durationMs / 1000} s, seed ${options.seed}`)
  const { table, record, scratch } = await soak(options)
  if (table !== '') console.log(table)
  if (record.violations > 0) {
    const kinds = [...record.kinds].map(([kind, times]) => `${times} x ${kind}`)
    console.error(`\n${record.violations} times against the rules, seed ${options.seed}; kept: ${scratch.base}\n${kinds.join('\n')}\n\nthe last events (all of them: events.log):\n${record.lastLines.join('\n')}`)
    process.exitCode = 1
  } else if (!options.keep) scratch.remove()
  if (options.write && record.violations === 0) writeTable(table)
  else if (options.write) console.error('docs/reliability.md stays as it is')
} catch (error) {
  console.error(error.message)
  process.exitCode = 2
}
