// Runs inside the guest, as root, in a unit of systemd. Writes a line of JSON a case to /guest/results.
import fs from 'node:fs'
import { clockCases } from './cases-clock.mjs'
import { rootCases } from './cases-root.mjs'
import { treeCases } from './cases-tree.mjs'
import { userCases } from './cases-user.mjs'
import { endAll } from './daemon.mjs'
import { seconds } from './lab.mjs'

const CASE_LIMIT_MS = 180_000
const { only } = JSON.parse(fs.readFileSync('/guest/plan.json', 'utf8'))
const results = fs.openSync('/guest/results', 'a')

function write(value) {
  fs.writeSync(results, `${JSON.stringify(value)}\n`)
  fs.fsyncSync(results)
}

/** Resolves with the figures of a case, rejects when it takes too long. */
function limited(work) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds(CASE_LIMIT_MS)}`)), CASE_LIMIT_MS)
  })
  return Promise.race([work(), late]).finally(() => clearTimeout(timer))
}

async function runCase(name, work) {
  const startedAt = performance.now()
  let outcome
  try {
    outcome = { ok: true, figures: (await limited(work)) ?? '' }
  } catch (error) {
    outcome = { ok: false, error: String(error?.stack ?? error).split('\n').filter((line) => !/node:internal|main\.mjs/.test(line)).join('\n') }
  }
  write({ name, ...outcome, ms: Math.round(performance.now() - startedAt) })
  console.log(`## ${outcome.ok ? 'PASS' : 'FAIL'}  ${name}${outcome.figures ? `: ${outcome.figures}` : ''}${outcome.ok ? '' : `\n## ${outcome.error.replaceAll('\n', '\n## ')}`}`)
}

console.log(`## guest is up after ${seconds(Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000)}, node ${process.version}, kernel ${fs.readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`)
try {
  for (const { open, cases } of [rootCases, treeCases, userCases, clockCases].flat()) {
    const wanted = Object.entries(cases).filter(([name]) => name.includes(only))
    if (wanted.length === 0) continue
    let place = null
    const opening = open ?? (() => null)
    try {
      place = await opening()
    } catch (error) {
      for (const [name] of wanted) await runCase(name, () => Promise.reject(error))
      await endAll()
      continue
    }
    for (const [name, work] of wanted) await runCase(name, () => work(place))
    await endAll()
  }
  write({ done: true })
} catch (error) {
  console.log(`## ${error?.stack ?? error}`)
}
fs.closeSync(results)
