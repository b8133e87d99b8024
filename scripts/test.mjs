// npm test: installs and builds what is missing, runs the suite, ends with one line of figures. Arguments go to vitest.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureInstalled, root, run } from './install.mjs'

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-report-'))
const reportFile = path.join(scratch, 'report.json')

/** Figures of a vitest JSON report. A file that could not be loaded counts as one failed test: it hides an unknown number. */
function countTests(report) {
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

async function testAll() {
  await ensureInstalled(root)
  const { build, isBuilt } = await import('./build.mjs')
  if (!isBuilt()) await build()
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...process.argv.slice(2)]
  return run(process.execPath, [vitest, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
}

let status = 1
let counts = { passed: 0, failed: 0, skipped: 0 }
try {
  status = await testAll()
  if (fs.existsSync(reportFile)) counts = countTests(JSON.parse(fs.readFileSync(reportFile, 'utf8')))
} catch (error) {
  console.error(error.message)
} finally {
  fs.rmSync(scratch, { recursive: true, force: true })
}
if (status === 0 && (counts.failed > 0 || counts.passed + counts.failed === 0)) status = 1
process.exitCode = status
console.log(`tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
