import { textWidth } from '../term/cluster.js'
import { justify, lineWidth, span, type Line, type Span } from '../term/line.js'
import { plural } from './format.js'
import { clean } from './look.js'
import { PALETTE } from './palette.js'
import { SORT_LETTERS } from './sort-choice.js'
import type { Overlay, Page } from './ui.js'
import type { ViewInput } from './view-input.js'

/** A line to type into ends with the cursor. */
export interface Footer {
  readonly line: Line
  /** Column of the cursor; null: it is not here. */
  readonly cursor: number | null
}

type Keys = readonly (readonly [key: string, what: string])[]

const TABLE_KEYS: Keys = [['enter', 'open'], ['l', 'logs'], ['s', 'start/stop'], ['r', 'restart'], ['R', 'reload'], ['/', 'filter'], ['o', 'sort'], ['f', 'failing'], ['a', 'alerts'], ['?', 'help'], ['q', 'quit']]
/** Not offered to who may only look. */
const CHANGING = new Set(['s', 'r', 'R'])
const ABSENT_KEYS: Keys = [['s', 'start'], ['?', 'help'], ['q', 'quit']]
const EMPTY_KEYS: Keys = [['R', 'reload'], ['?', 'help'], ['q', 'quit']]
const PAGE_KEYS: Keys = [['esc', 'back'], ['1-6', 'page'], ['s', 'start/stop'], ['r', 'restart'], ['?', 'help']]
const LOG_KEYS: Keys = [['esc', 'back'], ['/', 'search'], ['e', 'stream'], ['f', 'follow'], ['1-6', 'page'], ['?', 'help']]
/** Kept to the last where the screen is narrow. */
const VITAL = new Set(['?', 'q', 'esc', 'enter'])

/** The last line: what can be typed, a question, or what just happened. */
export function viewFooter(input: ViewInput): Footer {
  const { ui, look, columns } = input
  const { overlay, notice, page } = ui
  if (overlay?.type === 'prompt') return promptLine(overlay, input)
  if (overlay?.type === 'confirm') return { line: confirmLine(overlay, input), cursor: null }
  if (overlay?.type === 'sort') return { line: keyLine(Object.entries(SORT_LETTERS).map(([key, sort]) => [key, sort]), columns, [span(' sort by  ', 'bold')]), cursor: null }
  if (overlay !== null) return { line: keyLine([['up/down', 'scroll'], ['any other key', 'back']], columns), cursor: null }
  if (notice !== null) return { line: [span(` ${clean(notice.text, look)}`, notice.tone)], cursor: null }
  if (page !== null) return { line: pageLine(page, input), cursor: null }
  const right = positionText(input)
  const keys = keyLine(tableKeys(input), columns - right.length - 1)
  return { line: justify(keys, [span(right, 'dim')], columns), cursor: null }
}

/** What can be done now. */
function tableKeys({ ui, data }: ViewInput): Keys {
  const keys = data.servers.size > 0 ? TABLE_KEYS : data.link.state === 'absent' ? ABSENT_KEYS : EMPTY_KEYS
  return ui.readOnly ? keys.filter(([key]) => !CHANGING.has(key)) : keys
}

function positionText({ ui, names, data }: ViewInput): string {
  if (data.servers.size === 0) return ''
  const at = ui.selected === null ? 0 : names.indexOf(ui.selected) + 1
  const marked = ui.marked.size > 0 ? `${ui.marked.size} marked  ` : ''
  return `${marked}${at}/${names.length}${names.length < data.servers.size ? ` of ${data.servers.size}` : ''} `
}

/** As many keys as fit, the vital ones always. */
function keyLine(keys: Keys, columns: number, lead: Line = []): Line {
  let shown = [...keys]
  const draw = (): Line => [...lead, ...shown.flatMap(([key, what]): Span[] => [span(` ${key}`, 'bold'), span(` ${what} `, 'dim')])]
  while (shown.length > 1 && lineWidth(draw()) > columns) {
    const least = shown.findLastIndex(([key]) => !VITAL.has(key))
    shown = shown.filter((_, at) => at !== (least === -1 ? shown.length - 1 : least))
  }
  return draw()
}

function pageLine(page: Page, { columns, ui }: ViewInput): Line {
  const keys = (page.tab === 'logs' ? LOG_KEYS : PAGE_KEYS).filter(([key]) => !ui.readOnly || !CHANGING.has(key))
  const right = page.tab === 'logs' ? `${page.streams === 'all' ? '' : `only ${page.streams === 'err' ? 'stderr' : 'events'}  `}${page.search === '' ? '' : `/${page.search}  `}${page.follow ? 'following ' : 'held '}` : ''
  return justify(keyLine(keys, columns - textWidth(right) - 1), [span(right, page.follow ? 'dim' : 'yellow')], columns)
}

function promptLine({ kind, text }: Extract<Overlay, { type: 'prompt' }>, { columns, look, names }: ViewInput): Footer {
  const label = { filter: ' filter: ', search: ' search: ', command: ' : ' }[kind]
  const shown = clean(text, look)
  const left = [span(label, 'bold'), span(shown)]
  const help = kind === 'filter' ? `${plural(names.length, 'server')}  enter keeps  esc undoes ` : kind === 'search' ? 'enter keeps  esc undoes ' : suggestions(text)
  const cursor = Math.min(columns - 1, lineWidth(left))
  return { line: justify([...left, span(' ')], [span(help, 'dim')], columns), cursor }
}

function suggestions(text: string): string {
  const word = text.trim()
  return text.includes(' ') && word !== '' ? 'tab completes ' : `${PALETTE.filter((name) => name.startsWith(word)).join(' ')} `
}

function confirmLine({ action, names }: Extract<Overlay, { type: 'confirm' }>, { data, look }: ViewInput): Line {
  const [only] = names ?? []
  const what = names === null ? 'the whole configuration' : names.length === 1 ? clean(only ?? '', look) : plural(names.length, 'server')
  const sessions = names === null || action === 'start' ? 0 : Math.max(0, ...names.map((name) => data.metricsOf.get(name)?.sessions ?? 0))
  const warning = sessions > 0 && action !== 'reload' ? ` (${plural(sessions, 'session')} can reach ${names?.length === 1 ? 'it' : 'them'})` : ''
  return [span(` ${action} ${what}?`, 'bold'), span(warning, 'yellow'), span('  y', 'bold'), span(' yes  ', 'dim'), span('any other key', 'bold'), span(' no', 'dim')]
}
