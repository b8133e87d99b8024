import { join } from 'node:path'
import { createMask, type Mask } from '../base/index.js'
import type { Home } from '../control/index.js'
import type { FleetEntry, InstanceEnd, ServerSpec } from '../core/index.js'
import { DOSSIER_FOLDER, isUnexpected, removeOldDossiers, writeDossier, type Dossier, type DossierUsage } from '../logs/index.js'
import { HEAD_BYTES, type Link } from '../mcp/index.js'
import type { Journal } from './journal.js'
import { secretsOf } from './server-secrets.js'
import { baseName } from './server-name.js'

/** Lines kept of its stderr. */
const ERROR_LINES = 40
/** Lines on stderr are remembered up to this length, so one as long may have been cut. */
const WHOLE_LINE_BYTES = 2048 - 4
/** Ends that wait to be written; a disk that hangs must not fill the memory. */
const MAX_WAITING = 100

/** What a run of a server leaves behind. */
export interface Remains {
  /** Of its process, also when that is gone. */
  readonly pid: number | null
  /** Also when it is closed, or was never proven. */
  readonly link: Link | null
  /** Its process tree when it was last looked at. */
  readonly usage: DossierUsage | null
}

export interface EndedInstance {
  readonly generation: number
  readonly spec: ServerSpec
  readonly log: { lastLines(count: number, stream: 'err'): string[] }
  readonly remains: Remains
}

/** Writes down ends nobody asked for. */
export interface DossierWriter {
  /**
   * Call it when an instance is given up, before it is released: `entry` is its server after the end was judged. Returns at
   * once and never throws. An end that was asked for, and an instance that has not ended, are passed over.
   */
  write(entry: FleetEntry | undefined, instance: EndedInstance): void
  /** Resolves when everything is written, or lost. */
  close(): Promise<void>
}

export interface DossierWriterOptions {
  readonly home: Home
  readonly journal: Journal
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Secrets of a server that do not stand in its configuration. */
  readonly tokensOf?: (name: string) => readonly string[]
}

/** Opens no file before the first end; removes what belongs to servers that are long gone. */
export function createDossierWriter({ home, journal, now, tokensOf = () => [] }: DossierWriterOptions): DossierWriter {
  const directory = join(home.state, DOSSIER_FOLDER)
  let waiting = 0
  let last: Promise<unknown> = removeOldDossiers(directory, now()).catch(() => undefined)
  const lose = (name: string, error: unknown): void =>
    journal.write('warn', `${name}: no crash dossier`, { server: name, reason: error instanceof Error ? error.message : String(error) })
  return {
    write(entry, instance) {
      const end = entry?.state.history.ends.findLast(({ generation }) => generation === instance.generation)
      if (!entry || !end || !isUnexpected(end, entry.state.desired)) return
      const { name } = entry.spec
      if (waiting >= MAX_WAITING) return lose(name, 'too many wait to be written')
      const { spec } = instance
      const dossier = compose(entry, end, instance)
      const tokens = tokensOf(name)
      waiting++
      last = last
        // Masked on its turn: of two hundred servers that end at once, each takes its time apart from the others.
        .then(() => writeDossier(directory, baseName(name), maskDossier(dossier, createMask([...secretsOf(spec), ...tokens]))))
        .catch((error: unknown) => lose(name, error))
        .finally(() => waiting--)
    },
    close: () => last.then(() => undefined),
  }
}

/** Everything that is gone once the instance is released, secrets included. */
function compose({ spec, state }: FleetEntry, end: InstanceEnd, { log, spec: { source, limits }, remains: { pid, link, usage } }: EndedInstance): Dossier {
  const activity = link?.activity
  return {
    schemaVersion: 1,
    server: spec.name,
    source,
    ...end,
    pid,
    limits,
    usage,
    lastErrors: log.lastLines(ERROR_LINES, 'err'),
    lastHeardAt: activity?.lastHeardAt ?? null,
    lastFrames: (link?.lastFrames() ?? []).map(({ at, direction, bytes, head }) => ({ at, direction, bytes, head })),
    inFlight: (link?.unanswered() ?? []).map(({ method, startedAt }) => ({ method, ms: Math.max(0, end.endedAt - startedAt) })),
    queuedInputBytes: activity?.queuedBytes ?? 0,
    verdict: {
      phase: state.phase,
      reason: state.reason,
      retryAt: state.phase === 'backoff' ? state.until : null,
      policy: spec.restart.policy,
      restarts: state.history.total,
      restartedAt: state.history.restartedAt,
      maxRestarts: spec.restart.maxRestarts,
      windowMs: spec.restart.windowMs,
    },
  }
}

function maskDossier(dossier: Dossier, mask: Mask): Dossier {
  return {
    ...dossier,
    reason: mask(dossier.reason),
    lastErrors: dossier.lastErrors.map((line) => mask(line, Buffer.byteLength(line) >= WHOLE_LINE_BYTES)),
    lastFrames: dossier.lastFrames.map((frame) => ({ ...frame, head: mask(frame.head, frame.bytes > HEAD_BYTES) })),
    inFlight: dossier.inFlight.map((call) => ({ ...call, method: mask(call.method) })),
    verdict: { ...dossier.verdict, reason: mask(dossier.verdict.reason) },
  }
}
