import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BIN, cliEnvironment, runOk } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'
import { behindGate, endHome } from './support.js'

const hasTmux = spawnSync('tmux', ['-V']).status === 0
const DUAL = fileURLToPath(new URL('../fixtures/servers/mcp-dual.mjs', import.meta.url))

const server = (delayMs = 0, more: Record<string, unknown> = {}) => ({ command: process.execPath, args: [DUAL, '--delay', String(delayMs)], ...more })
const BROKEN = { command: 'sh', args: ['-c', 'echo "Error: cannot open the database" >&2; exit 3'], era: 'legacy', restart: 'never' }

interface ScreenOptions {
  readonly columns?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
}

let screens = 0

/** A real terminal with one command in it. */
class Screen {
  readonly #socket: string
  readonly #env: Record<string, string>

  constructor(home: TestHome, command: string, { columns = 100, rows = 30, env = {} }: ScreenOptions = {}) {
    this.#socket = join(home.base, `tmux-${++screens}`)
    this.#env = cliEnvironment(home, { LC_ALL: 'C.UTF-8', ...env })
    // The terminal itself says what it is, unless told otherwise. The shell outlives Ctrl-C to tell the exit status, and
    // something stays so that the screen does.
    const term = env['TERM'] === undefined ? '' : `export TERM=${env['TERM']}; `
    const script = `${term}trap : INT; "${process.execPath}" "${BIN}" ${command}; echo "exit=$?"; exec cat`
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', home.project, 'sh', '-c', script)
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8', env: this.#env })
  }

  /** All lines, those that have scrolled away included; a line that the terminal wrapped is several. */
  text(...options: string[]): string {
    return this.#tmux('capture-pane', '-p', '-S', '-', ...options).replace(/\n+$/, '\n')
  }

  press(key: string): void {
    this.#tmux('send-keys', key)
  }

  isCursorShown(): boolean {
    return this.#tmux('display-message', '-p', '#{cursor_flag}').trim() === '1'
  }

  async until(pattern: RegExp): Promise<string> {
    return waitFor(() => (pattern.test(this.text()) ? this.text() : undefined), { timeoutMs: 25_000, pollMs: 40, what: `${String(pattern)} on the screen` }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.text()}`)
    })
  }

  /** The exit status of the command, and all it has shown. */
  async end(): Promise<{ status: number; text: string }> {
    const text = await this.until(/^exit=\d+$/m)
    return { status: Number(/^exit=(\d+)$/m.exec(text)?.[1]), text }
  }

  close(): void {
    spawnSync('tmux', ['-S', this.#socket, 'kill-server'])
  }
}

describe.skipIf(!hasTmux)('start in a terminal', () => {
  let home: TestHome
  let screen: Screen | undefined

  beforeEach(() => {
    home = createHome()
  })

  afterEach(async () => {
    screen?.close()
    screen = undefined
    await endHome(home)
  })

  const open = (command: string, options?: ScreenOptions): Screen => {
    screen?.close()
    screen = new Screen(home, command, options)
    return screen
  }

  it('shows each server with phase, seconds and tools as it goes, and a summary at the end', async () => {
    const slow = behindGate(home, 'slow')
    home.config({ quick: server(), 'slow-one': slow.entry })
    const live = open('start')
    const early = await live.until(/✔ quick +ready +[\d.]+m?s {2}4 tools\n. slow-one +starting +[\d.]+m?s {2}waiting for the answer to server\/discover/)
    const seconds = /slow-one +starting +([\d.]+m?s)/.exec(early)?.[1] ?? ''
    await live.until(new RegExp(`slow-one +starting +(?!${seconds.replace('.', '\\.')} )[\\d.]+m?s`))
    slow.open()
    const { status, text } = await live.end()
    expect(status).toBe(0)
    expect(text).toMatch(/^✔ quick {5}ready +\S+ {2}4 tools\n✔ slow-one {2}ready +[\d.]+m?s {2}4 tools\n2 ready \([\d.]+m?s\)\nexit=0\n$/)
    expect(live.isCursorShown()).toBe(true)
  })

  it('marks a failure and says in the end why, with its last words, and what to do', async () => {
    home.config({ good: server(), broken: BROKEN, next: server(0, { dependsOn: ['broken'] }) })
    const { status, text } = await open('start').end()
    expect(status).toBe(1)
    expect(text).toMatch(/^✔ good {4}ready /m)
    expect(text).toMatch(/^✖ broken {2}failed +\S+ {2}exited with code 3 after /m)
    expect(text).toMatch(/^✖ next {4}waiting +\S+ {2}waits for broken /m)
    const summary = text.slice(text.indexOf('\nbroken: ') + 1)
    expect(summary.split('\n')).toEqual([
      expect.stringMatching(/^broken: failed: exited with code 3 after [\d.]+m?s, before it was ready; restart policy is never$/),
      '    Error: cannot open the database',
      '  hint: mcpctl logs broken, then mcpctl start broken to try again',
      'next: waiting: waits for broken (failed)',
      '  hint: see what it waits for: mcpctl status broken',
      expect.stringMatching(/^1 ready, 1 failed, 1 waiting \(\S+\)$/),
      'exit=1',
      '',
    ])
  })

  it('redraws in place on 40 columns too: each server has one line in the end', async () => {
    home.config({ quick: server(), 'slow-one': server(700), broken: BROKEN })
    const { status, text } = await open('start', { columns: 40 }).end()
    expect(status).toBe(1)
    for (const name of ['quick', 'slow-one', 'broken']) expect(text.match(new RegExp(`^[✔✖] ${name} `, 'gm'))).toHaveLength(1)
    expect(text).not.toMatch(/starting/)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40)
  })

  it('shows more servers than the terminal has rows', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `server-${index + 1}`)
    home.config(Object.fromEntries(names.map((name, index) => [name, server(index * 50)])))
    const { status, text } = await open('start', { rows: 6 }).end()
    expect(status).toBe(0)
    for (const name of names) expect(text.match(new RegExp(`^✔ ${name} +ready`, 'gm'))).toHaveLength(1)
    expect(text).toContain('9 ready')
  })

  it('ends with 130 on Ctrl-C; what was started goes on', async () => {
    const slow = behindGate(home, 'slow')
    home.config({ quick: server(), slow: slow.entry })
    const live = open('start')
    await live.until(/✔ quick +ready[^]* slow +starting/)
    live.press('C-c')
    const { status, text } = await live.end()
    expect(status).toBe(130)
    expect(text).toContain('error: interrupted; what was started goes on in the background\nhint: See mcpctl status.')
    // Not failed: only no longer waited for.
    expect(text).not.toMatch(/^✖/m)
    expect(live.isCursorShown()).toBe(true)
    slow.open()
    await runOk(['wait', 'quick', 'slow'], { home })
  })

  it('is in colour, but not with NO_COLOR', async () => {
    home.config({ quick: server() })
    const colored = open('start')
    await colored.end()
    expect(colored.text('-e')).toContain('\u001B[32m')
    const plain = open('start', { env: { NO_COLOR: '1' } })
    expect((await plain.end()).text).toMatch(/^✔ quick {2}ready/m)
    expect(plain.text('-e')).not.toContain('\u001B')
  })

  it('writes one plain line for each change where the terminal is dumb', async () => {
    home.config({ quick: server(300) })
    const { text } = await open('start', { env: { TERM: 'dumb' } }).end()
    expect(text).toMatch(/^(◐ quick {2}starting .*\n)?● quick {2}ready +\S+ {2}4 tools\n1 ready \(\S+\)\nexit=0\n$/)
  })

  it('is followed by a status table that fits 40 columns', async () => {
    home.config({ quick: server(), 'memory-server': server() })
    await runOk(['start'], { home })
    const { status, text } = await open('status', { columns: 40 }).end()
    expect(status).toBe(0)
    expect(text).toMatch(/^ {3}NAME .*TOOLS\n● {2}quick .* 4\n● {2}memory-server .* 4\n\n2 ready\n/)
  })
})
