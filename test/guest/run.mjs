// Runs mcpctl's limits in a virtual machine with systemd and control groups of version 2, which the machine at hand may
// not have: Debian 12 under QEMU, emulated in software.
//   node test/guest/run.mjs [--only WORD] [--json] [--keep]
//     --only WORD  only cases whose name holds WORD
//     --json       one JSON document on stdout instead of lines
//     --keep       leave the folder of the run (console log, disk) for inspection
// Ends with 0 when every case passed or the machine cannot run it (said on stderr), with 1 otherwise. See README.md.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBase } from './base.mjs'
import { boot, readResults } from './machine.mjs'
import { makePayload } from './payload.mjs'
import { whyNot } from './tools.mjs'

const { values: options } = parseArgs({ options: { only: { type: 'string', default: '' }, json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } } })

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

function line({ name, ok, figures = '', error = '', ms }) {
  return `${ok ? 'PASS' : 'FAIL'}  ${name}${figures === '' ? '' : `: ${figures}`}  (${seconds(ms)})${ok ? '' : `\n      ${error.replaceAll('\n', '\n      ')}`}`
}

async function main() {
  const missing = whyNot()
  if (missing !== null) {
    console.error(`skipped: ${missing}`)
    if (options.json) console.log(JSON.stringify({ skipped: missing }))
    return true
  }
  const startedAt = performance.now()
  const say = (text) => console.error(`${seconds(performance.now() - startedAt).padStart(8)}  ${text}`)
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-guest-'))
  let ok = false
  const clear = () => fs.rmSync(scratch, { recursive: true, force: true })
  process.once('exit', clear)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
  try {
    const base = await ensureBase(say)
    const payload = await makePayload(scratch, { only: options.only }, say)
    const bootedAt = performance.now()
    say('booting the guest')
    const why = await boot({ base, payload, scratch, onLine: say })
    const { cases, done } = readResults(payload)
    ok = done && cases.length > 0 && cases.every((one) => one.ok)
    report({ cases, done, why, guestMs: performance.now() - bootedAt, totalMs: performance.now() - startedAt, console: path.join(scratch, 'console.log') })
  } finally {
    if (options.keep || !ok) {
      process.off('exit', clear)
      say(`left for inspection: ${scratch}`)
    }
  }
  return ok
}

function report({ cases, done, why, guestMs, totalMs, console: log }) {
  const failed = cases.filter((one) => !one.ok)
  if (options.json) return console.log(JSON.stringify({ cases, done, why, guestMs: Math.round(guestMs), totalMs: Math.round(totalMs) }, null, 2))
  for (const one of cases) console.log(line(one))
  if (!done) console.log(`FAIL  the guest did not come to its end: ${why ?? 'it stopped early'}\n${tail(log, 40)}`)
  if (done && cases.length === 0) console.log(`FAIL  no case has ${JSON.stringify(options.only)} in its name`)
  console.log(`${cases.length - failed.length} passed, ${failed.length} failed; guest ${seconds(guestMs)}, all ${seconds(totalMs)}`)
}

function tail(file, count) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n') : ''
}

try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
