import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { openProxy, openSocket, type Json, type LineClient, type ProxyClient } from './gateway-client.js'
import { HttpSession } from './gateway-http.js'
import { endHome, fixture } from './support.js'

export interface Recorded {
  readonly pid: number
  readonly line: string
  readonly message: { readonly id?: unknown; readonly method?: string; readonly params?: Json; readonly result?: Json }
}

/** One daemon with a gateway for all tests of a file or block. Clients are closed after each test, the daemon after the last. */
export class GatewayRig {
  readonly home: TestHome = createHome()
  port = 0
  readonly #clients: LineClient[] = []

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`
  }

  async start(servers: Record<string, unknown>, settings: Record<string, unknown> = {}, args: readonly string[] = []): Promise<void> {
    this.port ||= await freePort()
    const { gateway = {}, ...rest } = settings as { gateway?: Json }
    this.home.config(servers, { gateway: { port: this.port, ...gateway }, ...rest })
    await runOk(['start', ...args], { home: this.home })
  }

  async socket(view: Json = {}, profile: string | null = null): Promise<LineClient> {
    return this.#keep(await openSocket(this.home, view, profile))
  }

  /** A legacy client that has introduced itself. */
  async legacy(capabilities: Json = {}, view: Json = {}): Promise<LineClient> {
    const client = await this.socket(view)
    await client.initialize(capabilities)
    return client
  }

  proxy(args: readonly string[] = []): ProxyClient {
    return this.#keep(openProxy(this.home, args))
  }

  http(capabilities: Json = {}): Promise<HttpSession> {
    return HttpSession.open(this.url, capabilities)
  }

  /** Where a server writes what it gets. */
  recordFile(server: string): string {
    return join(this.home.base, `${server}.record`)
  }

  /** Every line a server got, of all its processes. */
  record(server: string): Recorded[] {
    const file = this.recordFile(server)
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((entry) => {
      const at = entry.indexOf('\t')
      const line = entry.slice(at + 1)
      return { pid: Number(entry.slice(0, at)), line, message: JSON.parse(line) as Recorded['message'] }
    })
  }

  /** Waits until a server got something. */
  untilRecorded(server: string, wanted: (entry: Recorded) => boolean): Promise<Recorded> {
    return waitFor(() => this.record(server).find(wanted), { timeoutMs: 20_000, pollMs: 20, what: `${server} to get what fits ${wanted.toString()}` })
  }

  async closeClients(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()))
  }

  /** Stops everything; throws when something is left. */
  async end(): Promise<void> {
    await this.closeClients()
    await endHome(this.home)
  }

  #keep<T extends LineClient>(client: T): T {
    this.#clients.push(client)
    return client
  }
}

/** The talkative server; with `record` it writes down what it gets. */
export function talkative(rig: GatewayRig, name: string, args: readonly string[] = [], more: Json = {}): Json {
  return { ...fixture('mcp-talkative.mjs', '--name', name, ...args), env: { TALK_RECORD: rig.recordFile(name) }, ...more }
}

/** One rig for all tests of the surrounding block. `start` is called once, before the first. */
export function useGateway(start: (rig: GatewayRig) => Promise<void>): () => GatewayRig {
  let rig: GatewayRig | undefined
  beforeAll(async () => {
    rig = new GatewayRig()
    await start(rig)
  })
  afterEach(() => rig?.closeClients())
  afterAll(() => rig?.end())
  return () => {
    if (rig === undefined) throw new Error('the gateway was not started')
    return rig
  }
}

/** A rig for each test. */
export function useFreshGateway(): () => GatewayRig {
  let rig: GatewayRig | undefined
  afterEach(async () => {
    const own = rig
    rig = undefined
    await own?.end()
  })
  return () => (rig ??= new GatewayRig())
}
