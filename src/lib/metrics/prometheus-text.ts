/** One line of figures: what stands after the family's name, its labels as written by `labels`, and the figure. */
export interface Sample {
  /** `_bucket`, `_sum` or `_count` of a histogram or summary; empty for all others. */
  readonly suffix: '' | '_bucket' | '_sum' | '_count'
  readonly labels: string
  readonly value: number
}

/** All figures of one name. The name of a counter ends in `_total`, that of an `info` in `_info`. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'info'
  /** A sentence without a line break at its end. */
  readonly help: string
  readonly samples: Iterable<Sample>
}

/** `text`: what every Prometheus reads; `openmetrics`: the standard made of it. */
export type Format = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Text is handed on in pieces of about this many characters, so that others get a turn in between. */
const PIECE = 32 * 1024
/** Names that come from outside are cut after this many characters. */
const LONGEST_VALUE = 200

/**
 * Writes families in the Prometheus text format 0.0.4 or as OpenMetrics 1.0 text, piece by piece. A family without figures
 * is left out. Sources: prometheus.io/docs/instrumenting/exposition_formats, the OpenMetrics specification.
 */
export function* writeFamilies(families: Iterable<Family>, format: Format): Generator<string, void, undefined> {
  let piece = ''
  for (const family of families) {
    let isFirst = true
    for (const { suffix, labels, value } of family.samples) {
      if (isFirst) piece += head(family, format)
      isFirst = false
      piece += `${family.name}${suffix}${labels === '' ? '' : `{${labels}}`} ${formatValue(value)}\n`
      if (piece.length < PIECE) continue
      yield piece
      piece = ''
    }
  }
  yield format === 'openmetrics' ? `${piece}# EOF\n` : piece
}

function head({ name, type, help }: Family, format: Format): string {
  if (format === 'text') return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type === 'info' ? 'gauge' : type}\n`
  const family = type === 'counter' ? name.replace(/_total$/, '') : type === 'info' ? name.replace(/_info$/, '') : name
  return `# TYPE ${family} ${type}\n# HELP ${family} ${escapeValue(help)}\n`
}

/** Labels as they stand between the braces. Names are ours, values may be anything. */
export function labels(...pairs: readonly (readonly [name: string, value: string])[]): string {
  return pairs.map(([name, value]) => `${name}="${escapeValue(cleanName(value))}"`).join(',')
}

/** A bound of a histogram: with a point always, so that it is the same label in every format. */
export function formatBound(seconds: number): string {
  if (seconds === Number.POSITIVE_INFINITY) return '+Inf'
  return Number.isInteger(seconds) ? seconds.toFixed(1) : String(seconds)
}

/** A name made of what metric names may have; what else is in it becomes `_`. */
export function toMetricName(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9_]/g, '_')
  return /^[0-9]/.test(name) ? `_${name}` : name
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}

/** A name from outside as a label may hold it: no control characters, no halves of characters, not too long. Two names may become one. */
export function cleanName(name: string, most = LONGEST_VALUE): string {
  const short = name.length <= most ? name : `${name.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
  return short.replace(/[\p{Cc}\p{Cs}]/gu, '\uFFFD')
}

function escapeValue(value: string): string {
  return value.replace(/["\\\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
}

function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (char) => (char === '\n' ? '\\n' : '\\\\'))
}
