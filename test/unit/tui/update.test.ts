import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Command } from '../../../src/lib/tui/dash/command.js'
import type { DashData } from '../../../src/lib/tui/dash/model.js'
import { createUi, reorder, type UiState } from '../../../src/lib/tui/dash/ui.js'
import { update } from '../../../src/lib/tui/dash/update.js'
import { measure, settleInput, view } from '../../../src/lib/tui/dash/view.js'
import { plainText } from '../../../src/lib/tui/term/line.js'
import { metrics, NOW, server, traffic, world } from './support.js'

const SERVERS = ['browser', 'db', 'files', 'git', 'search']

function fleet(): DashData {
  return world({
    servers: SERVERS.map((name) => server(name, name === 'db' ? 'failed' : 'ready', name === 'git' ? { tags: ['work'] } : {})),
    metrics: SERVERS.map((name, at) => metrics(name, { cpuPercent: at * 10, sessions: name === 'files' ? 3 : 0, traffic: traffic({ callsPerSecond: 5 - at }) })),
  })
}

interface Played {
  readonly ui: UiState
  readonly commands: readonly Command[]
  readonly lines: readonly string[]
}

/** Presses keys one after the other, as the dashboard does. */
function play(keys: readonly string[], { data = fleet(), ui = {}, rows = 30 }: { data?: DashData; ui?: Partial<UiState>; rows?: number } = {}): Played {
  let state: UiState = { ...createUi({ intervalMs: 10_000, readOnly: false }), ...ui }
  const commands: Command[] = []
  const input = () => settleInput({ data, ui: state, look: { unicode: true }, now: NOW, columns: 120, rows })
  for (const key of keys) {
    const before = input()
    const { ui: next, command } = update(before.ui, key, { ...measure(before), data, now: NOW, names: before.names })
    state = next
    if (command !== undefined) commands.push(command)
  }
  const after = input()
  return { ui: after.ui, commands, lines: view(after).lines.map(plainText) }
}

const typed = (text: string): string[] => [...text]

describe('keys of the table', () => {
  it('move the selection within its bounds', () => {
    expect(play([]).ui.selected).toBe('browser')
    expect(play(['j', 'down']).ui.selected).toBe('files')
    expect(play(['k']).ui.selected).toBe('browser')
    expect(play(['G', 'j']).ui.selected).toBe('search')
    expect(play(['G', 'g']).ui.selected).toBe('browser')
  })

  it('ask before anything is taken away from clients, and do it only on a clear yes', () => {
    const asked = play(['j', 'j', 's'])
    expect(asked.commands).toEqual([])
    expect(asked.lines.at(-1)).toMatch(/stop files\? \(3 sessions can reach it\)/)
    expect(play(['j', 'j', 's', 'y']).commands).toEqual([{ type: 'act', action: 'stop', names: ['files'] }])
    for (const no of ['n', 'enter', 'escape', 's', 'j']) expect(play(['s', no]).commands).toEqual([])
    expect(play(['r', 'y']).commands).toEqual([{ type: 'act', action: 'restart', names: ['browser'] }])
    expect(play(['R', 'y']).commands).toEqual([{ type: 'act', action: 'reload', names: null }])
  })

  it('start a server that is down at once', () => {
    expect(play(['j', 's']).commands).toEqual([{ type: 'act', action: 'start', names: ['db'] }])
  })

  it('act on all that is marked', () => {
    const marked = play([' ', ' ', 'r'])
    expect(marked.lines.at(-1)).toContain('restart 2 servers?')
    expect(play([' ', ' ', 'r', 'y']).commands).toEqual([{ type: 'act', action: 'restart', names: ['browser', 'db'] }])
    expect(play([' ', 'escape']).ui.marked.size).toBe(0)
  })

  it('change nothing when the dashboard is read-only or no daemon answers', () => {
    for (const key of ['s', 'r', 'R']) {
      expect(play([key, 'y'], { ui: { readOnly: true } }).commands).toEqual([])
      expect(play([key], { ui: { readOnly: true } }).lines.at(-1)).toContain('read-only')
      expect(play([key, 'y'], { data: { ...fleet(), link: { state: 'lost', since: NOW, error: null } } }).commands).toEqual([])
    }
    expect(play([':', ...typed('stop db'), 'enter', 'y'], { ui: { readOnly: true } }).commands).toEqual([])
  })

  it('start the daemon where none runs', () => {
    expect(play(['s'], { data: { ...world({ servers: [] }), link: { state: 'absent', since: NOW, error: null } } }).commands).toEqual([{ type: 'act', action: 'start', names: null }])
  })

  it('sort by a column, and the other way round the second time', () => {
    expect(play(['C']).ui.order).toEqual(['search', 'git', 'files', 'db', 'browser'])
    expect(play(['C', 'C']).ui.order).toEqual(SERVERS)
    expect(play(['o', 's']).ui.order[0]).toBe('db')
    expect(play(['o', 'r']).ui.order[0]).toBe('browser')
    expect(play(['o', 'escape']).ui.sort).toBe('name')
  })

  it('filter while it is typed; escape takes it back, enter keeps it', () => {
    expect(play(['/', ...typed('wor')]).lines.join('\n')).toMatch(/git[\s\S]*filter: wor.*1 server/)
    expect(play(['/', ...typed('git'), 'enter']).ui).toMatchObject({ filter: 'git', overlay: null, selected: 'git' })
    expect(play(['/', ...typed('git'), 'escape']).ui).toMatchObject({ filter: '', overlay: null })
    expect(play(['/', ...typed('git'), 'enter', '!']).ui.selected).toBe('search')
    expect(play(['f']).ui.selected).toBe('db')
    expect(play(['/', ...typed('gix'), 'backspace', 'enter']).ui.selected).toBe('git')
    expect(play(['/', '(', 'enter']).lines.join('\n')).toContain('no server matches "("')
  })

  it('leave: q, ctrl-c; suspend: ctrl-z', () => {
    expect(play(['q']).commands).toEqual([{ type: 'quit' }])
    expect(play(['enter', 'ctrl-c']).commands).toEqual([{ type: 'quit' }])
    expect(play(['/', 'ctrl-c']).commands).toEqual([{ type: 'quit' }])
    expect(play(['ctrl-z']).commands).toEqual([{ type: 'suspend' }])
  })

  it('change the interval step by step, never below a second', () => {
    expect(play(['-', '-']).ui.intervalMs).toBe(2000)
    expect(play(['-', '-', '-', '-', '-']).ui.intervalMs).toBe(1000)
    expect(play(['+']).ui.intervalMs).toBe(15_000)
  })
})

describe('pages and lists', () => {
  it('open with a key and close with escape', () => {
    expect(play(['j', 'enter']).ui.page).toMatchObject({ name: 'db', tab: 'overview' })
    expect(play(['l']).ui.page?.tab).toBe('logs')
    expect(play(['enter', '3']).ui.page?.tab).toBe('tools')
    expect(play(['enter', 'tab', 'tab', 'backtab']).ui.page?.tab).toBe('logs')
    expect(play(['enter', 'escape']).ui.page).toBeNull()
    expect(play(['enter', 'q'])).toMatchObject({ ui: { page: null }, commands: [] })
  })

  it('act on the server that is open, marks or not', () => {
    expect(play([' ', 'j', 'enter', 'r', 'y']).commands).toEqual([{ type: 'act', action: 'restart', names: ['files'] }])
  })


  it('a log of long lines can be read to every one of them', () => {
    const data = { ...fleet(), log: { name: 'browser', lines: Array.from({ length: 60 }, (_, at) => ({ time: NOW, generation: 1, stream: 'err' as const, text: `entry ${at} ${'word '.repeat(50)}` })) } }
    const seen = new Set<string>()
    for (let ups = 0; ups < 70; ups++) {
      const { lines } = play(['l', ...Array.from({ length: ups }, () => 'up')], { data })
      for (const [, number] of lines.join('\n').matchAll(/entry (\d+) /g)) seen.add(number ?? '')
    }
    expect(seen.size).toBe(60)
  })

  it('hold a log that is scrolled up, and follow it again from its end', () => {
    const data = { ...fleet(), log: { name: 'browser', lines: Array.from({ length: 100 }, (_, at) => ({ time: NOW, generation: 1, stream: 'err' as const, text: `line ${at}` })) } }
    const held = play(['l', 'pageup'], { data })
    expect(held.ui.page).toMatchObject({ follow: false, scroll: 48 })
    expect(held.lines.at(-1)).toContain('held')
    expect(play(['l', 'pageup', 'G'], { data }).ui.page?.follow).toBe(true)
    expect(play(['l', '/', ...typed('line 7'), 'enter'], { data }).lines.join('\n')).not.toContain('line 80')
  })

  it('show every key and every alert over the table', () => {
    expect(play(['?'], { rows: 50 }).lines.join('\n')).toMatch(/start what is down[\s\S]*ctrl-z/)
    expect(play(['?', 'x']).ui.overlay).toBeNull()
    expect(play(['a']).lines.join('\n')).toContain('Nothing needs a look')
  })

  it('go when their server goes', () => {
    const { ui } = play(['enter'])
    const data = world({ servers: [server('db')] })
    expect(settleInput({ data, ui, look: { unicode: true }, now: NOW, columns: 80, rows: 24 }).ui).toMatchObject({ page: null, selected: 'db' })
  })
})

describe('the palette', () => {
  it('runs commands by name, shortened or completed', () => {
    expect(play([':', ...typed('stop git search'), 'enter', 'y']).commands).toEqual([{ type: 'act', action: 'stop', names: ['git', 'search'] }])
    expect(play([':', ...typed('lo'), 'tab', ...typed('fi'), 'tab', 'enter']).ui.page).toMatchObject({ name: 'files', tab: 'logs' })
    expect(play([':', ...typed('sort mem'), 'enter']).ui.sort).toBe('memory')
    expect(play([':', ...typed('interval 3'), 'enter']).ui.intervalMs).toBe(3000)
    expect(play([':', ...typed('q'), 'enter']).commands).toEqual([{ type: 'quit' }])
  })

  it('says what is wrong and what is near', () => {
    expect(play([':', ...typed('logs fles'), 'enter']).lines.at(-1)).toContain('did you mean files')
    expect(play([':', ...typed('explode'), 'enter']).lines.at(-1)).toContain('no command "explode"')
    expect(play([':', ...typed('interval 0'), 'enter']).lines.at(-1)).toContain('at least 1')
  })
})

describe('the order', () => {
  it('stays as it is while figures change, until it is asked for anew', () => {
    const { ui } = play(['C', 'g'])
    const hotter = world({ servers: SERVERS.map((name) => server(name)), metrics: SERVERS.map((name) => metrics(name, { cpuPercent: name === 'files' ? 99 : 1 })) })
    const settled = settleInput({ data: hotter, ui, look: { unicode: true }, now: NOW, columns: 80, rows: 24 })
    expect(settled.ui.order).toEqual(ui.order)
    expect(settled.ui.selected).toBe('search')
    expect(reorder(settled.ui, hotter).order[0]).toBe('files')
  })

  it('takes new servers in and forgets those that are gone', () => {
    const { ui } = play(['j', 'j'])
    const data = world({ servers: ['alpha', 'browser', 'db', 'git'].map((name) => server(name)) })
    expect(settleInput({ data, ui, look: { unicode: true }, now: NOW, columns: 80, rows: 24 }).ui).toMatchObject({ order: ['alpha', 'browser', 'db', 'git'], selected: 'git' })
  })
})

describe('any keys at all', () => {
  it('leave a screen that can be drawn, and never stop anything without a yes', () => {
    const key = fc.constantFrom('up', 'down', 'enter', 'escape', 'tab', 'pagedown', 'home', 'end', 'backspace', ' ', 's', 'r', 'R', 'n', '/', ':', '?', 'a', 'o', 'f', 'w', 'l', '1', '3', 'C', 'e', '!', 'é')
    fc.assert(fc.property(fc.array(key, { maxLength: 40 }), fc.integer({ min: 3, max: 40 }), (keys, rows) => {
      const { commands, lines } = play(keys, { rows })
      expect(lines).toHaveLength(rows)
      for (const command of commands) if (command.type === 'act') expect(command.action).toBe('start')
    }), { numRuns: 200 })
  })
})
