import stringWidth from 'string-width'

/** One drawn sign and the cells it takes. */
export interface Cluster {
  readonly text: string
  readonly width: 1 | 2
  /** Every terminal agrees about the width; after the others the cursor is placed anew. */
  readonly sure: boolean
}

/** Signs of one code unit that are one cell wide everywhere: ASCII, Latin, Greek, Cyrillic, dashes, arrows, lines, blocks, shapes. */
const NARROW = /^[ -~\u00a1-\u00ac\u00ae-\u02ff\u0391-\u03a9\u03b1-\u03c9\u0400-\u0482\u048a-\u052f\u2010-\u2015\u2018-\u2027\u203a\u2190-\u21ff\u2500-\u25fc\u2716]*$/
/** East Asian signs of one code unit that are two cells wide everywhere. */
const WIDE = /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]$/
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Surrogate}]/u
const MARK = /^\p{Mark}$/u
const IGNORABLE = /^\p{Default_Ignorable_Code_Point}$/u
/** More are only written to spill over the neighbours. */
const MOST_MARKS = 3

const segmenter = new Intl.Segmenter()

/** Whether each code unit is one sign of one cell: then nothing has to be taken apart. */
export function isNarrow(text: string): boolean {
  return NARROW.test(text)
}

/**
 * The signs of a text as they can be drawn safely: control characters and what is invisible are left out, and of a
 * sequence whose width terminals disagree about (joined emoji, flags) only the first sign stays.
 */
export function toClusters(text: string): Cluster[] {
  if (isNarrow(text)) return [...text].map((sign) => ({ text: sign, width: 1, sure: true }))
  const clusters: Cluster[] = []
  for (const { segment } of segmenter.segment(text.normalize('NFC'))) {
    const cluster = toCluster(segment)
    if (cluster !== null) clusters.push(cluster)
  }
  return clusters
}

function toCluster(segment: string): Cluster | null {
  if (segment.length === 1 && isNarrow(segment)) return { text: segment, width: 1, sure: true }
  const points = [...segment]
  const base = points.findIndex((point) => VISIBLE.test(point))
  if (base === -1) return null
  const first = points[base] ?? ''
  const text = first + points.slice(base + 1).filter((point) => MARK.test(point) && !IGNORABLE.test(point)).slice(0, MOST_MARKS).join('')
  const width = stringWidth(text)
  if (width === 1 || width === 2) return { text, width, sure: width === 2 && WIDE.test(text) }
  const alone = stringWidth(first)
  return alone === 1 || alone === 2 ? { text: first, width: alone, sure: false } : null
}

/** Cells a text takes on the screen. */
export function textWidth(text: string): number {
  if (isNarrow(text)) return text.length
  return toClusters(text).reduce((sum, { width }) => sum + width, 0)
}

/** The text in exactly `width` cells: filled with blanks, or cut with the ellipsis as its last sign. */
export function fitText(text: string, width: number, ellipsis: string): string {
  if (width <= 0) return ''
  if (isNarrow(text) && text.length <= width) return text.padEnd(width)
  const clusters = toClusters(text)
  const total = clusters.reduce((sum, cluster) => sum + cluster.width, 0)
  if (total <= width) return clusters.map((cluster) => cluster.text).join('') + ' '.repeat(width - total)
  const room = width - textWidth(ellipsis)
  let kept = ''
  let used = 0
  for (const cluster of clusters) {
    if (used + cluster.width > room) break
    kept += cluster.text
    used += cluster.width
  }
  return kept + ellipsis.slice(0, width) + ' '.repeat(Math.max(0, room - used))
}
