import { listReferences } from './expand.js'
import type { Path } from './path.js'
import { formatPath } from './path.js'
import { MASK, isSecretName, maskArgs, maskNamed, maskText } from './secret.js'
import type { Sourced } from './setting-override.js'
import type { Spot } from './spot.js'

/** One effective value for people and programs; durations, sizes and shares as one would write them. */
export interface ExplainedValue {
  readonly field: string
  readonly value: string | number | boolean | null | readonly string[]
  /** "flag --x", "environment MCP_X", "FILE", "FILE (defaults)" or "default". */
  readonly origin: string
}

export interface ExplainedServer {
  readonly name: string
  readonly source: string
  readonly fields: readonly ExplainedValue[]
}

/** Everything that is in effect and why; nothing secret in it. */
export interface ExplainedConfig {
  /** The files that contribute, the project's first. */
  readonly files: readonly string[]
  readonly settings: readonly ExplainedValue[]
  readonly servers: readonly ExplainedServer[]
}

export function explain(field: string, sourced: Sourced<ExplainedValue['value']>): ExplainedValue {
  return { field, value: sourced.value, origin: sourced.origin }
}

/** A text for show: a value that came from outside stays the reference it is written as, a secret is hidden. */
export function showText(name: string, value: string, spot: Spot): string {
  const template = spot.source.templates.get(spot.field)
  if (template === undefined) return maskNamed(name, value)
  return isSecretName(name) ? `${MASK} (${listReferences(template)})` : maskText(template)
}

/** Arguments for show, see `showText`. */
export function showArgs(args: readonly string[], spot: Spot): string[] {
  return maskArgs(args.map((arg, index) => spot.source.templates.get(formatPath([...spot.path, index] satisfies Path)) ?? arg))
}

const DURATION_UNITS = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000]] as const

/** A duration as one would write it in a configuration, exactly: "500ms", "90s", "2m". */
export function showDuration(durationMs: number): string {
  const unit = durationMs === 0 ? undefined : DURATION_UNITS.find(([, unitMs]) => durationMs % unitMs === 0)
  return unit ? `${durationMs / unit[1]}${unit[0]}` : `${durationMs}ms`
}

/** A size as one would write it in a configuration, exactly: "300M", "1G", "1000" (bytes). */
export function showSize(bytes: number): string {
  const unit = bytes === 0 ? undefined : ([['G', 1024 ** 3], ['M', 1024 ** 2], ['K', 1024]] as const).find(([, factor]) => bytes % factor === 0)
  return unit ? `${bytes / unit[1]}${unit[0]}` : String(bytes)
}
