import { VERSION, type Home } from '../control/index.js'
import { startDaemon, type Daemon } from './daemon.js'
import { openJournal, type JournalFile } from './journal.js'

export interface RunOptions {
  readonly home: Home
  readonly journalDescriptor: number
  /** What to keep bounded; null: whoever reads it does. */
  readonly journalFile: JournalFile | null
  readonly unusedLimitMs: number | null
  readonly onReady: (daemon: Daemon) => void
}

/**
 * Runs the daemon in this process until it is told to end (SIGTERM, SIGINT or a client's request). A defect ends it
 * with status 70; its watchdog then ends every server.
 */
export async function runDaemon(options: RunOptions): Promise<void> {
  const journal = openJournal(options.journalDescriptor, Date.now, options.journalFile)
  const die = (error: unknown): void => {
    journal.write('error', 'defect: the daemon ends', { error: error instanceof Error ? error.stack : String(error) })
    // eslint-disable-next-line no-restricted-properties
    process.exit(70)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  // Node reaps only its own children; orphans of the servers would stay as zombies.
  if (process.pid === 1) journal.write('warn', 'running as process 1: put an init in front (docker run --init), or orphaned processes stay as zombies')
  const daemon = await startDaemon({ home: options.home, version: VERSION, journal, unusedLimitMs: options.unusedLimitMs })
  const onSignal = (signal: NodeJS.Signals): void => {
    journal.write('info', `${signal}: stopping everything`)
    void daemon.shutdown()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // A closed terminal is no reason to end.
  process.on('SIGHUP', () => journal.write('info', 'SIGHUP: nothing to do'))
  options.onReady(daemon)
  await daemon.ended
}
