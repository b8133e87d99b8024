import { execFile } from 'node:child_process'
import { MARKER_VARIABLE } from './marker.js'

/** One process as the sweeper sees it. */
export interface PsRow {
  readonly pid: number
  readonly group: number
  /** As in ProcessIdentity: on systems without /proc, epoch seconds. */
  readonly startTicks: number
  readonly dead: boolean
  readonly marker: string | null
}

const LARGEST_OUTPUT_BYTES = 32 * 1024 * 1024
const TIMEOUT_MS = 2000

/**
 * All processes by `ps`, for systems without /proc (macOS: -E shows the environment behind the command, of one's own
 * processes only). An empty list when `ps` fails.
 */
export function listByPs(): Promise<PsRow[]> {
  return new Promise((resolve) => {
    execFile(
      'ps',
      ['-axEww', '-o', 'pid=,pgid=,stat=,lstart=,command='],
      { env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' }, encoding: 'latin1', maxBuffer: LARGEST_OUTPUT_BYTES, timeout: TIMEOUT_MS },
      (_error, stdout) => resolve(parsePs(stdout)),
    )
  })
}

/** Reads lines of `pid pgid stat lstart command-with-environment`; lstart is five words ("Sat Nov 21 03:44:00 2026"). */
export function parsePs(text: string): PsRow[] {
  const rows: PsRow[] = []
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s(.*)$/.exec(line)
    if (match === null) continue
    const [, pid, group, state = '', started = '', command = ''] = match
    const marker = new RegExp(`(?:^|\\s)${MARKER_VARIABLE}=([A-Za-z0-9:._-]+)`).exec(command)?.[1] ?? null
    rows.push({ pid: Number(pid), group: Number(group), startTicks: Date.parse(started) / 1000, dead: state.startsWith('Z'), marker })
  }
  return rows
}
