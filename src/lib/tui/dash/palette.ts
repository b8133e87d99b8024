import { nearest } from '../../base/index.js'
import { act, confirm, targetsOf, warn } from './action.js'
import { setInterval } from './interval.js'
import { SORT_KEYS } from './rows.js'
import { chooseSort } from './sort-choice.js'
import { TABS, type Action, type UiState } from './ui.js'
import { openPage } from './update-table.js'
import type { KeyContext, Updated } from './update.js'

/** Commands of the palette and what may follow them. */
const COMMANDS: Readonly<Record<string, 'names' | 'name' | 'sort' | 'text' | 'seconds' | 'nothing'>> = {
  start: 'names', stop: 'names', restart: 'names', reload: 'names',
  open: 'name', overview: 'name', logs: 'name', tools: 'name', sessions: 'name', history: 'name', env: 'name',
  sort: 'sort', filter: 'text', interval: 'seconds', alerts: 'nothing', help: 'nothing', quit: 'nothing',
}

export const PALETTE = Object.keys(COMMANDS)

/** What a typed line does: `stop db search`, `logs db`, `sort cpu`, `filter web`, `interval 5`. */
export function runPalette(ui: UiState, text: string, context: KeyContext): Updated {
  const [word = '', ...rest] = text.trim().split(/\s+/)
  if (word === '') return { ui }
  const [command = word] = PALETTE.filter((candidate) => candidate === word || candidate.startsWith(word))
  switch (COMMANDS[command]) {
    case 'names':
      return runAction(ui, command as Action, rest, context)
    case 'name':
      return runOpen(ui, command, rest, context)
    case 'sort':
      return runSort(ui, rest[0] ?? '', context)
    case 'text':
      return { ui: { ...ui, page: null, filter: rest.join(' ') } }
    case 'seconds':
      return runInterval(ui, rest[0] ?? '', context)
    case 'nothing':
      return command === 'quit' ? { ui, command: { type: 'quit' } } : { ui: { ...ui, overlay: { type: command === 'help' ? 'help' : 'alerts', scroll: 0 } } }
    default:
      return { ui: warn(ui, `no command "${word}": ${PALETTE.join(' ')}`, context.now) }
  }
}

/** The text with its last word completed as far as it is clear. */
export function completePalette(text: string, servers: readonly string[]): string {
  const words = text.split(/\s+/)
  const last = words.at(-1) ?? ''
  const kind = COMMANDS[words[0] ?? '']
  const choices = words.length === 1 ? PALETTE : kind === 'sort' ? SORT_KEYS : kind === 'names' || kind === 'name' ? servers : []
  const matching = choices.filter((choice) => choice.startsWith(last))
  const [only, second] = matching
  if (only === undefined) return text
  const completed = second === undefined ? `${only} ` : commonStart(matching)
  return [...words.slice(0, -1), completed].join(' ')
}

function commonStart(words: readonly string[]): string {
  const [first = ''] = words
  let length = first.length
  while (!words.every((word) => word.startsWith(first.slice(0, length)))) length--
  return first.slice(0, length)
}

function runAction(ui: UiState, action: Action, asked: readonly string[], context: KeyContext): Updated {
  const { data, now } = context
  if (ui.readOnly) return { ui: warn(ui, 'read-only: nothing can be changed from here', now) }
  if (data.link.state !== 'live') return { ui: warn(ui, 'no daemon answers: nothing can be done now', now) }
  const unknown = asked.find((name) => !data.servers.has(name))
  if (unknown !== undefined) return { ui: warn(ui, unknownText(unknown, context), now) }
  if (action === 'reload') return { ui: confirm(ui, 'reload', asked.length > 0 ? asked : null) }
  const names = asked.length > 0 ? asked : targetsOf(ui)
  return names.length === 0 ? { ui: warn(ui, 'no server is selected', now) } : act(ui, action, names)
}

function runOpen(ui: UiState, command: string, [asked]: readonly string[], context: KeyContext): Updated {
  const name = asked ?? ui.page?.name ?? ui.selected
  if (name === null) return { ui: warn(ui, 'no server is selected', context.now) }
  if (!context.data.servers.has(name)) return { ui: warn(ui, unknownText(name, context), context.now) }
  return { ui: { ...ui, selected: name, page: openPage(name, TABS.find((tab) => tab === command) ?? 'overview') } }
}

function runSort(ui: UiState, word: string, context: KeyContext): Updated {
  const sort = SORT_KEYS.find((key) => key.startsWith(word) && word !== '')
  return { ui: sort === undefined ? warn(ui, `sort by one of: ${SORT_KEYS.join(' ')}`, context.now) : chooseSort(ui, sort, context) }
}

function runInterval(ui: UiState, word: string, { now }: KeyContext): Updated {
  const seconds = Number(word)
  if (!Number.isFinite(seconds) || seconds < 1 || seconds > 86_400) return { ui: warn(ui, 'interval: seconds, at least 1', now) }
  return { ui: setInterval(ui, seconds, now), command: { type: 'refresh' } }
}

function unknownText(name: string, { data }: KeyContext): string {
  const close = nearest(name, [...data.servers.keys()])
  return `there is no server "${name}"${close.length > 0 ? `; did you mean ${close.join(' or ')}?` : ''}`
}
