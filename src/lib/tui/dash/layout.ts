/** Below this the table is a list of marks, names and words. */
export const TINY = { columns: 40, rows: 10 } as const

/** How many rows each part of the screen has; together they are the screen. */
export interface Layout {
  readonly tiny: boolean
  readonly header: number
  readonly totals: number
  readonly rule: number
  readonly head: number
  readonly table: number
  readonly strip: number
  readonly alerts: number
  readonly footer: number
}

export interface LayoutNeeds {
  readonly columns: number
  readonly rows: number
  /** Servers to show. */
  readonly servers: number
  readonly alerts: number
}

/**
 * Shares the rows out. The table never gives a row to anything else while servers wait below it, but for the smallest
 * useful strip on a screen that is tall enough for both; what the table does not need, the strip has.
 */
export function layOut({ columns, rows, servers, alerts: wanted }: LayoutNeeds): Layout {
  if (columns < TINY.columns || rows < TINY.rows) {
    const header = rows > 3 ? 1 : 0
    return { tiny: true, header, totals: 0, rule: 0, head: 0, table: Math.max(0, rows - header), strip: 0, alerts: 0, footer: 0 }
  }
  const totals = rows >= 12 ? 1 : 0
  const rule = rows >= 14 ? 1 : 0
  const alerts = Math.min(wanted, rows >= 40 ? 5 : rows >= 30 ? 3 : rows >= 18 ? 1 : 0)
  const rest = rows - 3 - totals - rule - alerts
  const least = rows >= 40 ? 9 : rows >= 30 ? 6 : rows >= 22 ? 4 : rows >= 18 ? 3 : 0
  const strip = rows >= 18 ? Math.max(least, rest - Math.max(servers, 1)) : 0
  return { tiny: false, header: 1, totals, rule, head: 1, table: rest - strip, strip, alerts, footer: 1 }
}
