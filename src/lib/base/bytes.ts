const FACTOR: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/**
 * Reads a size and returns bytes: a number is bytes, text is `<number>[K|M|G|T][iB|B]` in powers of 1024
 * ("200M", "1.5G", "64KiB"). Returns undefined when the value is not a size.
 */
export function readBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(value.trim())
  if (!match) return undefined
  return Math.round(Number(match[1]) * (FACTOR[(match[2] ?? '').toLowerCase()] ?? 1))
}

/** A size for people: "812 B", "61 MB", "1.2 GB" (powers of 1024). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  const text = unit > 0 && value < 9.95 ? value.toFixed(1) : String(Math.round(value))
  return `${text} ${units[unit] ?? 'B'}`
}
