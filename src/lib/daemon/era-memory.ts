import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { shortHash } from '../base/index.js'
import type { ServerSpec } from '../core/index.js'
import type { EraVerdict } from '../mcp/index.js'

/** A legacy verdict never corrects itself (a server of both eras keeps answering initialize): ask again after a week. */
const KEPT_MS = 7 * 24 * 3600 * 1000

/** Which era each server turned out to speak, kept between daemons so that only the first start has to ask. */
export interface EraMemory {
  recall(spec: ServerSpec): EraVerdict | null
  remember(spec: ServerSpec, verdict: EraVerdict): void
  /** The verdict did not hold. */
  forget(spec: ServerSpec): void
}

/** Reads `state/eras.json`; a missing or damaged file is an empty memory. Never throws: it only saves time. */
export function openEraMemory(stateDirectory: string, now: () => number): EraMemory {
  const path = join(stateDirectory, 'eras.json')
  const verdicts = load(path, now())
  return {
    recall(spec) {
      const verdict = verdicts.get(identityOf(spec))
      return verdict && now() - verdict.decidedAt < KEPT_MS ? verdict : null
    },
    remember(spec, verdict) {
      const key = identityOf(spec)
      const known = verdicts.get(key)
      if (known && known.era === verdict.era && known.protocolVersion === verdict.protocolVersion && known.exitsOnProbe === verdict.exitsOnProbe && now() - known.decidedAt < KEPT_MS) return
      verdicts.set(key, verdict)
      save(path, verdicts)
    },
    forget(spec) {
      if (verdicts.delete(identityOf(spec))) save(path, verdicts)
    },
  }
}

function load(path: string, now: number): Map<string, EraVerdict> {
  try {
    const stored: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof stored !== 'object' || stored === null) return new Map()
    return new Map(Object.entries(stored).filter((entry): entry is [string, EraVerdict] => isVerdict(entry[1]) && now - entry[1].decidedAt < KEPT_MS))
  } catch {
    return new Map()
  }
}

function isVerdict(value: unknown): value is EraVerdict {
  if (typeof value !== 'object' || value === null) return false
  const { era, protocolVersion, exitsOnProbe, decidedAt } = value as Record<string, unknown>
  return (era === 'legacy' || era === 'modern') && typeof protocolVersion === 'string' && typeof exitsOnProbe === 'boolean' && typeof decidedAt === 'number'
}

function save(path: string, verdicts: ReadonlyMap<string, EraVerdict>): void {
  const draft = `${path}.${process.pid}`
  try {
    writeFileSync(draft, JSON.stringify(Object.fromEntries(verdicts)), { mode: 0o600 })
    renameSync(draft, path)
  } catch {
    // The next daemon asks again.
  }
}

/** The same command, arguments and program files: another build of the server may speak another era. */
export function identityOf(spec: ServerSpec): string {
  const what = spec.launch ? [spec.launch.command, spec.launch.args, spec.launch.cwd, spec.endpoint?.url, stampOf(spec.launch.command, spec.launch.args, spec.launch.cwd)] : [spec.endpoint?.url]
  return shortHash(JSON.stringify(what))
}

function stampOf(command: string, args: readonly string[], cwd: string): number[] {
  return [command, ...args.slice(0, 2)].flatMap((word) => {
    if (!isAbsolute(word) && !/[/\\]/.test(word)) return []
    try {
      const { mtimeMs, size } = statSync(resolve(cwd, word))
      return [mtimeMs, size]
    } catch {
      return []
    }
  })
}
