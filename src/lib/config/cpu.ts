/** More cores than any machine has: a bare `80` was meant to be `80%`. */
const MAX_CORES = 1024

/**
 * Reads a share of processor time and returns percent of one core: `80%` is 80, a number (or numeric text)
 * counts cores, so 1.5 is 150. Returns undefined when the value is neither, is not above 0, or exceeds 1024 cores.
 */
export function readCpuPercent(value: unknown): number | undefined {
  const percent = typeof value === 'number' ? value * 100 : typeof value === 'string' ? readText(value.trim()) : undefined
  return percent !== undefined && percent > 0 && percent <= MAX_CORES * 100 ? Math.round(percent * 100) / 100 : undefined
}

function readText(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * (match[2] === '%' ? 1 : 100)
}
