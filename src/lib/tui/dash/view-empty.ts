import { span, type Line } from '../term/line.js'
import { clean } from './look.js'
import type { ViewInput } from './view-input.js'
import { wrapText } from './wrap.js'

/** What stands where no server can be shown, and the way out. */
export function viewEmpty(input: ViewInput): Line[] {
  const { columns } = input
  const [first = '', ...rest] = words(input)
  return [[], ...wrapText(first, columns - 4).map((part): Line => [span(`  ${part}`, 'bold')]), ...rest.flatMap((text) => wrapText(text, columns - 4).map((part): Line => [span(`  ${part}`)]))]
}

function words({ data, ui, look }: ViewInput): string[] {
  const { link } = data
  if (link.state === 'connecting') return ['asking the daemon']
  if (link.state === 'refused') return ['the daemon cannot be used', clean(link.error ?? '', look)]
  if (link.state === 'absent' || link.state === 'lost') {
    const start = ui.readOnly ? 'Start it: mcpctl start.' : 'Press s to start it with the servers configured here, or run mcpctl start elsewhere.'
    return ['the daemon is not running: no server is supervised', start, 'This screen fills by itself.', ...(link.error === null ? [] : [clean(link.error, look)])]
  }
  if (data.servers.size === 0) return ['the daemon runs, but no server is configured', 'Write an mcp.config.ts, or let mcpctl init find the servers your clients have, then: mcpctl start']
  if (ui.failing && ui.filter === '') return ['nothing is failing', 'f or esc shows all servers again']
  return [`no server matches ${ui.inverted ? 'other than ' : ''}"${clean(ui.filter, look)}"${ui.failing ? ' and fails' : ''}`, 'esc shows all servers again']
}
