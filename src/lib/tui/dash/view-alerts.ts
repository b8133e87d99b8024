import { span, type Line } from '../term/line.js'
import { formatMoment } from './format.js'
import { clean, signsOf } from './look.js'
import type { ViewInput } from './view-input.js'
import { alertLine, alertSign } from './view-strip.js'
import { wrapText } from './wrap.js'

const LEVELS = ['critical', 'warning'] as const

/** The worst first. */
function sortedAlerts({ data }: ViewInput) {
  return LEVELS.flatMap((level) => (data.metrics?.alerts ?? []).filter((alert) => alert.level === level))
}

/** All alerts with what helps, wrapped. */
export function allAlertLines(input: ViewInput): Line[] {
  const { look, columns, now, data } = input
  const alerts = sortedAlerts(input)
  if (alerts.length === 0) return [[span(data.metrics === null ? ' Alerts are not known.' : ' Nothing needs a look.', 'dim')]]
  return alerts.flatMap(({ server, text, hint, level, since, kind }): Line[] => [
    [alertSign(level, look), span(server === null ? 'all servers' : clean(server, look), 'bold'), span(`  ${kind}`, level === 'critical' ? 'red' : 'yellow'), span(since === null ? '' : `  since ${formatMoment(since, now)}`, 'dim')],
    ...wrapText(clean(text, look), columns - 6).map((part): Line => [span('     '), span(part)]),
    ...wrapText(`${signsOf(look).arrow} ${clean(hint, look)}`, columns - 6).map((part): Line => [span('     '), span(part, 'cyan')]),
    [],
  ])
}

/** As many alerts as there are rows for, a line each; the last one tells of the others. */
export function alertRows(input: ViewInput, rows: number): Line[] {
  const { look, columns } = input
  const alerts = sortedAlerts(input)
  const rest = alerts.length > rows ? `  +${alerts.length - rows} more: a` : ''
  return alerts.slice(0, rows).map((alert, at) => {
    if (at < rows - 1 || rest === '') return alertLine(alert, look, columns)
    return [...alertLine(alert, look, columns - rest.length), span(rest, 'bold')]
  })
}
