import { formatBytes } from '../../base/index.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** An age that changes at most once a minute: "<1m", "12m", "2h10m", "3d04h", "412d". */
export function formatAge(ageMs: number): string {
  if (ageMs < MINUTE_MS) return '<1m'
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)}m`
  if (ageMs < DAY_MS) return `${Math.floor(ageMs / HOUR_MS)}h${pad(Math.floor((ageMs % HOUR_MS) / MINUTE_MS))}m`
  const days = Math.floor(ageMs / DAY_MS)
  return days < 100 ? `${days}d${pad(Math.floor((ageMs % DAY_MS) / HOUR_MS))}h` : `${days}d`
}

/** What is left of a wait in whole seconds, or minutes when it is long: "12s", "3m". */
export function formatWait(waitMs: number): string {
  const seconds = Math.max(0, Math.ceil(waitMs / 1000))
  return seconds < 100 ? `${seconds}s` : `${Math.ceil(seconds / 60)}m`
}

/** Percent of one core in at most five cells. */
export function formatPercent(percent: number | null): string {
  if (percent === null) return '-'
  return percent < 99.95 ? percent.toFixed(1) : String(Math.round(percent))
}

/** "412M", "1.2G": sizes in a column. */
export function formatSize(bytes: number | null): string {
  if (bytes === null) return '-'
  return formatBytes(bytes).replace(' ', '').replace(/([KMGT])B$/, '$1')
}

export function formatRate(perSecond: number | null): string {
  if (perSecond === null) return '-'
  if (perSecond === 0) return '0'
  if (perSecond < 0.05) return '<0.1'
  return perSecond < 99.95 ? perSecond.toFixed(1) : String(Math.round(perSecond))
}

/** A latency in at most six cells: "0.4ms", "84ms", "1.2s", "45s", "3m". */
export function formatLatency(latencyMs: number | null): string {
  if (latencyMs === null) return '-'
  if (latencyMs < 9.95) return `${latencyMs.toFixed(1)}ms`
  if (latencyMs < 999.5) return `${Math.round(latencyMs)}ms`
  if (latencyMs < 9950) return `${(latencyMs / 1000).toFixed(1)}s`
  return latencyMs < 99_500 ? `${Math.round(latencyMs / 1000)}s` : `${Math.round(latencyMs / 60_000)}m`
}

/** "1,234" */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

export function plural(count: number, word: string, words = `${word}s`): string {
  return `${formatCount(count)} ${count === 1 ? word : words}`
}

/** Time of day on this computer's clock. */
export function formatTime(time: number): string {
  const date = new Date(time)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
}

/** With the day when it is not the same day as `now`. */
export function formatMoment(time: number, now: number): string {
  const date = new Date(time)
  const isToday = date.toDateString() === new Date(now).toDateString()
  return isToday ? formatTime(time) : `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${formatTime(time)}`
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}
