import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectControl, ensureHome, openControlServer, type ControlEvent, type ControlServer } from '../../src/lib/control/index.js'
import type { ServerSnapshot } from '../../src/lib/core/index.js'
import { McpctlError } from '../../src/lib/errors/index.js'
import { runApp, type AppEnd, type DashServices } from '../../src/lib/tui/index.js'
import { createTones } from '../../src/lib/tui/term/tone.js'
import type { TerminalEvents } from '../../src/lib/tui/term/terminal.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'
import { metrics, NOW, server, world } from '../unit/tui/support.js'
import xterm from '@xterm/headless'

/** A daemon that says what it is told to say. */
class FakeDaemon {
  readonly asked: string[] = []
  servers: ServerSnapshot[]
  isOld = false
  #control: ControlServer | undefined
  #emit: ((event: ControlEvent) => void) | undefined

  constructor(servers: ServerSnapshot[]) {
    this.servers = servers
  }

  async open(home: TestHome, version = '0.1.0'): Promise<void> {
    ensureHome(home.paths)
    this.#control = await openControlServer(home.paths, version, async (method, params, context) => {
      this.asked.push(method)
      const data = world({ servers: this.servers })
      const snapshot = { schemaVersion: 1 as const, daemon: data.daemon ?? never(), servers: this.servers }
      if (method === 'subscribe') {
        this.#emit = (event) => context.emit(event)
        context.emit({ type: 'snapshot', snapshot })
        return new Promise((resolve) => context.onGone(() => resolve({})))
      }
      if (method === 'snapshot') return Promise.resolve({ ...snapshot, details: [] })
      if (method === 'metrics' && !this.isOld) return Promise.resolve({ ...data.metrics, servers: this.servers.map(({ name }) => metrics(name, { cpuPercent: 42.5 })) })
      if (method === 'stop') {
        const { names } = params as { names: string[] }
        this.servers = this.servers.map((each) => (names.includes(each.name) ? server(each.name, 'idle') : each))
        for (const each of this.servers) if (names.includes(each.name)) this.tell(each, 'ready')
        return Promise.resolve({ names })
      }
      throw new McpctlError('DAEMON_INCOMPATIBLE', `the daemon does not know the request ${method}`)
    })
  }

  tell(each: ServerSnapshot, previous: ServerSnapshot['phase'] | null = null): void {
    this.#emit?.({ type: 'server', time: NOW, previous, server: each })
  }

  async close(): Promise<void> {
    await this.#control?.close()
    this.#control = undefined
  }
}

function never(): never {
  throw new Error('a live world has a daemon')
}

/** The dashboard on a terminal in memory. */
class Bench {
  readonly terminal = new xterm.Terminal({ cols: 110, rows: 24, allowProposedApi: true })
  readonly ended: Promise<AppEnd>
  bytes = 0
  blocked = false
  #events: TerminalEvents | undefined
  readonly #abort = new AbortController()

  constructor(home: TestHome, services: Partial<DashServices> = {}) {
    this.ended = runApp({
      services: {
        connect: () => connectControl(home.paths, '0.1.0'), readLog: () => Promise.resolve([]), followLog: async function* () {}, reload: () => Promise.resolve('reloaded'), launch: () => Promise.resolve(), logDirectory: home.paths.logs, now: Date.now, ...services,
      },
      openScreen: (events) => {
        this.#events = events
        const bench = this // eslint-disable-line @typescript-eslint/no-this-alias
        return {
          size: { columns: 110, rows: 24 },
          get isBlocked() {
            return bench.blocked
          },
          write: (text) => {
            this.bytes += text.length
            this.terminal.write(text)
          },
          suspend: () => undefined,
          close: () => undefined,
        }
      },
      tones: createTones(true), look: { unicode: true }, ui: { intervalMs: 1000, readOnly: false }, signal: this.#abort.signal,
    })
  }

  press(...keys: string[]): void {
    for (const key of keys) this.#events?.onKey(key)
  }

  drain(): void {
    this.blocked = false
    this.#events?.onDraw(false)
  }

  text(): string {
    const { active } = this.terminal.buffer
    return Array.from({ length: 24 }, (_, row) => active.getLine(row)?.translateToString(true) ?? '').join('\n')
  }

  async until(pattern: RegExp): Promise<void> {
    await waitFor(() => pattern.test(this.text()), { what: String(pattern) }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.text()}`)
    })
  }

  async close(): Promise<AppEnd> {
    this.#abort.abort()
    const end = await this.ended
    this.terminal.dispose()
    return end
  }
}

describe('the dashboard and its daemon', () => {
  let home: TestHome
  let daemon: FakeDaemon
  let bench: Bench | undefined

  beforeEach(() => {
    home = createHome()
    daemon = new FakeDaemon([server('files'), server('git')])
  })
  afterEach(async () => {
    await bench?.close()
    bench = undefined
    await daemon.close()
    await home.cleanup()
  })

  it('shows what the daemon says, changes at once, and does what is confirmed', async () => {
    await daemon.open(home)
    bench = new Bench(home)
    await bench.until(/files +ready.*42\.5/)
    daemon.tell(server('git', 'backoff', { reason: 'exited with code 7', retryAt: Date.now() + 60_000 }), 'ready')
    await bench.until(/▲ {2}git +backoff/)
    bench.press('s')
    await bench.until(/stop files\?/)
    bench.press('y')
    await bench.until(/files +idle[\s\S]*stopped files/)
    expect(daemon.asked).toContain('stop')
    bench.press('q')
    expect(await bench.ended).toBe('key')
  })

  it('writes nothing while nothing changes, however often it asks', async () => {
    await daemon.open(home)
    bench = new Bench(home)
    await bench.until(/files +ready.*42\.5/)
    const asked = (): number => daemon.asked.filter((method) => method === 'metrics').length
    // The first history comes with the first figures; from the second on nothing is new.
    await waitFor(() => asked() >= 3)
    const { bytes } = bench
    const before = asked()
    await waitFor(() => asked() >= before + 2)
    expect(bench.bytes).toBe(bytes)
  })

  it('goes on without the daemon and finds the next one', async () => {
    await daemon.open(home)
    bench = new Bench(home)
    await bench.until(/git +ready/)
    await daemon.close()
    await bench.until(/disconnected \d+s, retrying[\s\S]*git +ready/)
    daemon = new FakeDaemon([server('new'), server('git', 'failed')])
    await daemon.open(home)
    await bench.until(/● {2}new +ready/)
    expect(bench.text()).not.toMatch(/disconnected|files/)
    expect(bench.text()).toMatch(/✖ {2}git +failed/)
  })

  it('shows what an older daemon knows, and says what is missing', async () => {
    daemon.isOld = true
    daemon.servers = [server('files', 'ready', { cpuPercent: 12.5 })]
    await daemon.open(home)
    bench = new Bench(home)
    await bench.until(/older version \(mcpctl daemon restart\)[\s\S]*files +ready.*12\.5/)
  })

  it('says why a daemon cannot be used, and goes on trying', async () => {
    let tries = 0
    bench = new Bench(home, { connect: () => (tries++, Promise.reject(new McpctlError('DAEMON_UNREACHABLE', 'the daemon belongs to somebody else', { hint: 'Use your own MCP_HOME.' }))) })
    await bench.until(/cannot be used[\s\S]*belongs to somebody else Use your own MCP_HOME/)
    await waitFor(() => tries >= 2)
  })

  it('skips frames while the terminal takes none, and shows the newest afterwards', async () => {
    await daemon.open(home)
    bench = new Bench(home)
    await bench.until(/git +ready/)
    bench.blocked = true
    const { bytes } = bench
    for (const phase of ['unready', 'backoff', 'failed'] as const) daemon.tell(server('git', phase), 'ready')
    await waitFor(() => daemon.asked.filter((method) => method === 'metrics').length >= 3)
    expect(bench.bytes).toBe(bytes)
    bench.drain()
    await bench.until(/✖ {2}git +failed/)
  })
})
