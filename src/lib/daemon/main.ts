import { closeSync, writeSync } from 'node:fs'
import { acquireLock, ensureHome, homeUnusable, resolveHome } from '../control/index.js'
import { toErrorDocument } from '../errors/index.js'

/** The launching command reads one line here: `{ ready: true }`, `{ lost: true }` or `{ error }`. */
const REPORT_DESCRIPTOR = 3
/** A daemon whose first client never came back ends itself. */
const UNUSED_LIMIT_MS = 30_000
const MAX_JOURNAL_BYTES = 5 * 1024 * 1024

function report(line: Record<string, unknown>): void {
  try {
    writeSync(REPORT_DESCRIPTOR, `${JSON.stringify(line)}\n`)
    closeSync(REPORT_DESCRIPTOR)
  } catch {
    // Nobody waits for it any more.
  }
}

/** The background daemon's process: one owner per home, or it leaves at once. */
async function main(): Promise<void> {
  process.umask(0o077)
  const home = resolveHome(process.env)
  ensureHome(home)
  const lock = await acquireLock(home).catch((error: unknown) => {
    throw homeUnusable(home.run, error)
  })
  if (lock === null) return report({ lost: true })
  process.chdir(home.root)
  // A loser of the race has left by now without having paid for the rest.
  const { runDaemon } = await import('./run.js')
  await runDaemon({
    home, journalDescriptor: 2, journalFile: { path: home.daemonLog, maxBytes: MAX_JOURNAL_BYTES }, unusedLimitMs: UNUSED_LIMIT_MS,
    onReady: () => report({ ready: true }),
  })
  lock.release()
}

main().then(
  () => {
    // Whatever still holds the event loop (a pipe of a process that cannot be killed) must not hold the daemon.
    // eslint-disable-next-line no-restricted-properties
    process.exit(0)
  },
  (error: unknown) => {
    report({ error: toErrorDocument(error) })
    // eslint-disable-next-line no-restricted-properties
    process.exit(70)
  },
)
