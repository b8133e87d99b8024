import { justify, lineWidth, span, type Line } from '../term/line.js'
import { phaseStyle } from '../../cli/index.js'
import { stateWord } from './columns.js'
import { clean, markOf, signsOf } from './look.js'
import { countLog, viewLog } from './page-log.js'
import { envLines, historyLines, sessionLines, toolLines } from './page-lists.js'
import { overviewLines } from './page-overview.js'
import { toRow } from './rows.js'
import { TABS, type Page } from './ui.js'
import type { ViewInput } from './view-input.js'
import { ruleLine } from './view-strip.js'

/** Rows of a page above its lines. */
export const PAGE_HEAD = 2

/** Where one is, and where one can go. */
export function viewPageHead(page: Page, input: ViewInput): Line[] {
  const { data, look, columns, now } = input
  const { crumb } = signsOf(look)
  const server = data.servers.get(page.name)?.server
  const state = server === undefined ? [] : [span(`${markOf(server.phase, look)} ${stateWord(server, now)}  `, phaseStyle(server.phase))]
  const title = [span(' servers ', 'dim'), span(`${crumb} `, 'dim'), span(`${clean(page.name, look)}  `, 'bold'), ...state]
  const tabs = TABS.flatMap((tab, at): Line => [span(` ${at + 1} ${tab} `, tab === page.tab ? 'selected' : 'dim')])
  const short = TABS.flatMap((tab, at): Line => [span(` ${at + 1}${tab === page.tab ? ` ${tab}` : ''} `, tab === page.tab ? 'selected' : 'dim')])
  return [justify(title, lineWidth(title) + lineWidth(tabs) < columns ? tabs : short, columns), ruleLine([], { columns, look })]
}

/** The lines of the page on the screen. */
export function viewPageBody(page: Page, input: ViewInput, rows: number): Line[] {
  if (page.tab === 'logs') return viewLog(page, input, rows)
  const lines = pageLines(page, input)
  const top = Math.min(page.scroll, Math.max(0, lines.length - rows))
  return lines.slice(top, top + rows)
}

/** How many lines the page has in all. */
export function countPage(page: Page, input: ViewInput, rows: number): number {
  return page.tab === 'logs' ? countLog(page, input, rows) : pageLines(page, input).length
}

function pageLines(page: Page, input: ViewInput): Line[] {
  const row = toRow(input.data, page.name)
  if (row === null) return []
  switch (page.tab) {
    case 'overview':
      return overviewLines(row, input)
    case 'tools':
      return toolLines(row, input)
    case 'sessions':
      return sessionLines(row, input)
    case 'history':
      return historyLines(row, input)
    case 'env':
      return envLines(row, input)
    case 'logs':
      return []
  }
}
