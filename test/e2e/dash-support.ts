import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { BIN, cliEnvironment } from '../helpers/cli.js'
import type { TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'

export const hasTmux = spawnSync('tmux', ['-V']).status === 0

let screens = 0

/** A real terminal with a dashboard in it. After the dashboard a shell line tells its exit status and how the terminal was left. */
export class DashScreen {
  readonly #socket: string
  readonly #env: Record<string, string>

  constructor(home: TestHome, args: string, { columns = 120, rows = 35, env = {} }: { columns?: number; rows?: number; env?: Readonly<Record<string, string>> } = {}) {
    this.#socket = join(home.base, `dash-${++screens}`)
    this.#env = cliEnvironment(home, { LC_ALL: 'C.UTF-8', ...env })
    const term = env['TERM'] === undefined ? '' : `export TERM=${env['TERM']}; `
    const script = `${term}"${process.execPath}" "${BIN}" dash ${args}; echo "exit=$?"; stty -a | grep -o -- '-*icanon'; exec cat`
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', home.project, 'sh', '-c', script)
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8', env: this.#env })
  }

  /** What is to be seen. */
  text(): string {
    return this.#tmux('capture-pane', '-p')
  }

  press(...keys: string[]): void {
    for (const key of keys) this.#tmux('send-keys', key)
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** `alternate_on`, `cursor_flag` and others of tmux. */
  flag(name: string): boolean {
    return this.#tmux('display-message', '-p', `#{${name}}`).trim() === '1'
  }

  /** The dashboard's own process: the child of the shell in the pane. */
  pid(): number {
    const shell = this.#tmux('display-message', '-p', '#{pane_pid}').trim()
    return Number(execFileSync('ps', ['-o', 'pid=', '--ppid', shell], { encoding: 'utf8' }).trim().split('\n')[0])
  }

  async until(pattern: RegExp): Promise<string> {
    return waitFor(() => (pattern.test(this.text()) ? this.text() : undefined), { timeoutMs: 25_000, pollMs: 40, what: `${String(pattern)} on the screen` }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.text()}`)
    })
  }

  close(): void {
    spawnSync('tmux', ['-S', this.#socket, 'kill-server'])
  }
}
