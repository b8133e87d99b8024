import { createPaint, type Style, type Terminal } from '../cli/index.js'
import type { ReloadChange } from '../control/index.js'

type Action = ReloadChange['action']

const LOOKS: Readonly<Record<Exclude<Action, 'none'>, { readonly mark: string; readonly style: Style; readonly how: string }>> = {
  start: { mark: '+', style: 'green', how: '' },
  stop: { mark: '-', style: 'red', how: '' },
  replace: { mark: '~', style: 'yellow', how: 'a new one takes over once it is ready' },
  restart: { mark: '~', style: 'yellow', how: 'stopped first, then started' },
  update: { mark: '=', style: 'cyan', how: 'live, no restart' },
}
/** More names of fields than this are only counted. */
const SHOWN_FIELDS = 8

/** What a reload does, one line a server that changes: what, which fields, how. Values are never part of it. */
export function renderChanges(changes: readonly ReloadChange[], source: string, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  const concerned = changes.filter(({ action }) => action !== 'none')
  const unchanged = changes.length - concerned.length
  if (concerned.length === 0) return `${source}: nothing to do, ${count(unchanged)} unchanged`
  const width = Math.max(...concerned.map(({ name }) => name.length))
  const lines = concerned.map(({ name, action, fields }) => {
    if (action === 'none') return name
    const { mark, style, how } = LOOKS[action]
    const parts = [describeFields(fields), fields.length > 0 && how !== '' ? `(${how})` : how].filter((part) => part !== '')
    return `${paint(style, mark)} ${name.padEnd(width)}  ${paint(style, action.padEnd(7))}  ${parts.join(' ')}`.trimEnd()
  })
  return [...lines, ...(unchanged > 0 ? [`${count(unchanged)} unchanged`] : [])].join('\n')
}

function describeFields(fields: readonly string[]): string {
  const shown = fields.slice(0, SHOWN_FIELDS).join(', ')
  return fields.length > SHOWN_FIELDS ? `${shown} and ${fields.length - SHOWN_FIELDS} more` : shown
}

function count(servers: number): string {
  return `${servers} server${servers === 1 ? '' : 's'}`
}
