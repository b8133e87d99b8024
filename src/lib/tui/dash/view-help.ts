import { span, type Line } from '../term/line.js'

const HELP: readonly (readonly [title: string, keys: readonly (readonly [key: string, what: string])[]])[] = [
  ['Move', [['up down j k', 'select'], ['PgUp PgDn g G', 'by pages, first, last'], ['space', 'mark; what follows concerns all marked ones'], ['esc', 'back; in the table: no filter, no marks']]],
  ['Look', [['enter d', 'everything about the selected server'], ['l t h', 'its log, its tools, its history'], ['1-6 tab', 'the other pages of it'], ['a', 'alerts: what needs a look, and what helps'], ['w', 'reasons in place of figures']]],
  ['Choose', [['/', 'filter by name, state or tag (regular expression)'], ['!', 'turn the filter round'], ['f', 'only what is failing'], ['o', 'sort; a capital letter sorts at once, twice turns round'], ['p', 'hold the figures; state changes still show'], ['+ -', 'figures more seldom, more often'], ['ctrl-r', 'figures now']]],
  ['Act', [['s', 'start what is down, stop what is up'], ['r', 'restart'], ['R', 'reload the configuration'], [':', 'type a command: stop db, logs db, sort cpu, interval 5']]],
  ['In a log', [['/', 'search'], ['e', 'everything, stderr, events'], ['f', 'follow or hold']]],
  ['Leave', [['q ctrl-c', 'quit; the servers go on'], ['ctrl-z', 'suspend; fg comes back'], ['ctrl-l', 'draw again']]],
]

/** Every key there is. */
export function helpLines(): Line[] {
  return HELP.flatMap(([title, keys], at) => [...(at === 0 ? [] : [[]]), [span(` ${title}`, 'bold')], ...keys.map(([key, what]): Line => [span(`   ${key.padEnd(14)}`, 'cyan'), span(what)])])
}
