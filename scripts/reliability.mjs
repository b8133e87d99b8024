// Injects every fault of test/faults/rows.ts and writes docs/reliability.md from what came of it.
//   node scripts/reliability.mjs [--full] [--guest FILE]   run, then write (a few minutes; --full: the whole numbers, longer)
//   node scripts/reliability.mjs --write [--guest FILE]    write without a run: texts from the table, results as they stand
//   node scripts/reliability.mjs --check                   exit 1 when the document's rows are not those of the table
// --guest: results of the rows that need a machine of their own: what `node test/guest/run.mjs --json` printed.
// What stands between the soak markers belongs to the soak and is kept.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createJiti } from 'jiti'
import { ensureInstalled, root, run } from './install.mjs'

const FILE = path.join(root, 'docs', 'reliability.md')
const SOAK = ['<!-- soak:begin -->', '<!-- soak:end -->']
const PLACES = { any: 'anywhere', linux: 'Linux', root: 'Linux, root', guest: 'virtual machine' }
const NO_RESULT = 'not run yet'

const INTRODUCTION = `# Reliability

mcpctl is meant to be left alone: it keeps servers running, and keeps running itself, whatever happens to them, to it and to the machine around it. This page lists what can go wrong, what mcpctl promises then, and what came of trying it.

Every row is a test in \`test/faults/\` against the built command, a real daemon and real processes; nothing is simulated. The fault is injected (a signal, a full disk, a flood, a file cut in half, ...), the promise of the row is checked, and after every fault four more things have to hold:

- no process that was started for the test is left,
- no control group of it is left,
- the daemon holds at most two file descriptors more than before,
- the daemon holds less than 35 MiB more memory than before (rows that push far more than that through it say so).

\`npm test\` runs all of it with reduced numbers, \`MCP_FAULTS=full npm test -- test/faults\` with the whole ones. \`node scripts/reliability.mjs\` runs it and writes this page.
`

const SOAK_INTRODUCTION = `## Soak

\`npm run soak -- --minutes N\` kills servers and the daemon at random, reloads, hangs and floods, while thousands of calls go on, each with a text of its own that its answer has to repeat.
`

async function loadTable() {
  const jiti = createJiti(import.meta.url)
  return jiti.import(path.join(root, 'test', 'faults', 'rows.ts'))
}

/** What the document says now: cells by id, the line about the run, the block of the soak. */
function readDocument() {
  if (!fs.existsSync(FILE)) return { rows: new Map(), runLine: '', soak: '' }
  const text = fs.readFileSync(FILE, 'utf8')
  const lines = text.split('\n').filter((line) => /^\| F\d+ \|/.test(line))
  const rows = new Map(lines.map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())).map((cells) => [cells[0], cells]))
  const [from, to] = SOAK.map((marker) => text.indexOf(marker))
  return {
    rows,
    runLine: /^Last run: .*$/m.exec(text)?.[0] ?? '',
    soak: from >= 0 && to > from ? text.slice(from + SOAK[0].length, to).trim() : '',
  }
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const textCells = ({ id, fault, expected, place, elsewhere }) => [id, cell(fault), cell(expected), `${PLACES[place]}${elsewhere === undefined ? '' : ` (${cell(elsewhere)})`}`]

/** The rows that differ, a sentence each. */
function compare({ ROWS }, { rows }) {
  const wrong = ROWS.flatMap((row) => {
    const found = rows.get(row.id)
    if (found === undefined) return [`${row.id} is missing`]
    const [id, fault, expected, result, place] = found
    if (!result) return [`${row.id} has no result`]
    return JSON.stringify([id, fault, expected, place]) === JSON.stringify(textCells(row)) ? [] : [`${row.id} says something else`]
  })
  const extra = [...rows.keys()].filter((id) => !ROWS.some((row) => row.id === id)).map((id) => `${id} is not in the table`)
  return [...wrong, ...extra]
}

/** What came of each row, from a JSON report of vitest. */
function readReport(file) {
  const report = JSON.parse(fs.readFileSync(file, 'utf8'))
  const results = new Map()
  for (const { assertionResults } of report.testResults) {
    for (const { status, title, meta = {}, failureMessages = [] } of assertionResults) {
      const id = meta.fault ?? /^F\d+/.exec(title)?.[0]
      if (id !== undefined) results.set(id, describeResult({ status, meta, failureMessages }))
    }
  }
  return results
}

function describeResult({ status, meta, failureMessages }) {
  if (status === 'passed') return meta.measured === undefined ? 'passed' : `passed: ${meta.measured}`
  if (status === 'failed') return `**failed**: ${(failureMessages[0] ?? '').split('\n')[0].slice(0, 200)}`
  return `not run: ${meta.skipped ?? 'left out'}`
}

/** Cases of the virtual machine tell their row at the beginning of their name; a row is what all of its cases are. */
function readGuest(file) {
  const { cases = [] } = JSON.parse(fs.readFileSync(file, 'utf8'))
  const byRow = groupByRow(cases)
  byRow.delete(undefined)
  return new Map([...byRow].map(([id, all]) => {
    const failed = all.filter(({ ok }) => !ok)
    const figures = all.flatMap((one) => (one.figures ? [one.figures] : []))
    return [id, failed.length > 0 ? `**failed**: ${failed[0].error ?? failed[0].name}` : `passed${figures.length === 0 ? '' : `: ${figures.join('; ')}`}`]
  }))
}

const rowOfCase = ({ name }) => /^F\d+/.exec(name)?.[0]

function groupByRow(cases) {
  const rows = new Map()
  for (const one of cases) rows.set(rowOfCase(one), [...(rows.get(rowOfCase(one)) ?? []), one])
  return rows
}

function describeMachine(isFull) {
  const memory = Math.round(os.totalmem() / 1024 ** 3)
  return `Last run: ${new Date().toISOString().slice(0, 10)}, ${isFull ? 'the whole numbers' : 'reduced numbers'}, Node ${process.versions.node}, ${os.type()} ${os.release()}, ${os.cpus().length} cores, ${memory} GiB.`
}

function render({ ROWS, AREAS }, { results, runLine, soak }) {
  const section = ([area, title]) => {
    const rows = ROWS.filter((row) => row.area === area).map((row) => {
      const [id, fault, expected, place] = textCells(row)
      return `| ${[id, fault, expected, cell(results.get(id) ?? NO_RESULT), place].join(' | ')} |`
    })
    return [`### ${title}`, '', '| id | what goes wrong | what mcpctl promises | result | where |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n')
  }
  const faults = ['## Faults', '', runLine === '' ? 'Not run yet.' : runLine, '', ...Object.entries(AREAS).map(section)].join('\n')
  return [INTRODUCTION, faults, SOAK_INTRODUCTION, SOAK[0], ...(soak === '' ? [] : [soak]), SOAK[1], ''].join('\n')
}

/** Runs the faults; resolves with the results and whether all was well. */
async function inject(isFull) {
  await ensureInstalled(root)
  const { build, isBuilt } = await import('./build.mjs')
  if (!isBuilt()) await build()
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-reliability-'))
  try {
    const report = path.join(scratch, 'report.json')
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
    // The strict bounds of the whole numbers hold where nothing else runs: one file after the other.
    const args = ['run', 'test/faults', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...(isFull ? ['--no-file-parallelism'] : [])]
    const status = await run(process.execPath, [vitest, ...args], { env: { ...process.env, MCP_FAULTS: isFull ? 'full' : '' } })
    return { status, results: readReport(report) }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

async function main(words) {
  const guestAt = words.indexOf('--guest')
  const guest = guestAt < 0 ? new Map() : readGuest(words[guestAt + 1])
  const flags = words.filter((_, index) => guestAt < 0 || (index !== guestAt && index !== guestAt + 1))
  const unknown = flags.filter((word) => !['--full', '--check', '--write'].includes(word))
  if (unknown.length > 0) throw new Error(`reliability knows --full, --check, --write and --guest FILE, not ${unknown.join(' ')}`)
  const table = await loadTable()
  const written = readDocument()
  if (flags.includes('--check')) {
    const wrong = compare(table, written)
    if (wrong.length > 0) throw new Error(`docs/reliability.md does not follow test/faults/rows.ts (mend it with: node scripts/reliability.mjs --write):\n  ${wrong.join('\n  ')}`)
    return 0
  }
  const isFull = flags.includes('--full')
  const { status, results } = flags.includes('--write') ? { status: 0, results: new Map() } : await inject(isFull)
  const kept = [...written.rows].map(([id, cells]) => [id, (cells[3] ?? NO_RESULT).replaceAll('\\|', '|')])
  const runLine = results.size > 0 ? describeMachine(isFull) : written.runLine
  // Results of the guest stay until it ran again.
  const fresh = [...results].filter(([id]) => table.ROWS.find((row) => row.id === id)?.place !== 'guest')
  fs.writeFileSync(FILE, render(table, { results: new Map([...kept, ...fresh, ...guest]), runLine, soak: written.soak }))
  console.error(`wrote ${path.relative(process.cwd(), FILE)}`)
  return status
}

if (process.argv[1] && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
