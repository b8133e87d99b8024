import { connectControl, VERSION, type Home } from '../control/index.js'
import type { TraceEvent } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { MARK_KEY } from './verify-request.js'

/** Sees which servers are given which requests. Its owner calls `close`. */
export interface Witness {
  /** The servers that were given the request of that number, in order: more than one when it was repeated. */
  given(number: number): readonly string[]
  /** Waits until these were seen to be given to anybody, a moment at most; gives those that were not. */
  settle(numbers: readonly number[]): Promise<readonly number[]>
  /** Requests of clients that were not ours. */
  readonly foreign: number
  /** A process that belongs to one session was given something. */
  readonly hasOwn: boolean
  /** Something was not seen, because more went on than could be watched. */
  readonly isBlind: boolean
  close(): void
}

/** The mark stands in the first part of a request. */
const TEXT_BYTES = 8192
const SETTLE_MS = 1000
const POLL_MS = 10
const OF_CLIENTS = ['tools/call', 'prompts/get', 'resources/read', 'completion/complete']

/** Watches the links of these servers through the daemon's trace, as `mcpctl trace` does. */
export async function openWitness(home: Home, servers: readonly string[], mark: string): Promise<Witness> {
  const client = await connectControl(home, VERSION)
  if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start' })
  const seen = new Map<number, string[]>()
  const pattern = new RegExp(`"${MARK_KEY}":"${mark}:(\\d+)"`)
  let foreign = 0
  let isBlind = false
  let hasOwn = false
  const onEvent = (event: TraceEvent): void => {
    if (event.type === 'lost') isBlind = true
    if (event.type !== 'message' || event.direction !== 'out' || event.kind !== 'request') return
    const number = pattern.exec(event.text ?? '')?.[1]
    const [server = event.server, own] = event.server.split('#')
    if (own !== undefined) hasOwn = true
    if (number !== undefined) seen.set(Number(number), [...(seen.get(Number(number)) ?? []), server])
    else if (event.method !== null && OF_CLIENTS.includes(event.method)) foreign++
  }
  void client.trace({ names: servers, last: 0, follow: true, textBytes: TEXT_BYTES, probes: false }, onEvent).catch(() => { isBlind = true })
  // Whatever is asked after the stream was is answered after it began.
  await client.request('snapshot', { names: [], detail: false })
  return {
    given: (number) => seen.get(number) ?? [],
    async settle(numbers) {
      const missing = (): number[] => numbers.filter((number) => !seen.has(number))
      for (const deadline = performance.now() + SETTLE_MS; missing().length > 0 && performance.now() < deadline;) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      return missing()
    },
    get foreign() {
      return foreign
    },
    get hasOwn() {
      return hasOwn
    },
    get isBlind() {
      return isBlind
    },
    close: () => { client.close() },
  }
}
