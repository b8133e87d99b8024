import { isJsonObject, LinkError, type Catalogue, type Established, type EraVerdict, type JsonObject, type LearntTools, type Link, type LinkActivity, type LinkCounters, type PassedReceiver, type PassedRequest } from '../mcp/index.js'
import { ANONYMOUS, type Access } from './access.js'
import { Call } from './call.js'
import type { Sight } from './sight.js'
import type { StepCaller } from './workflow/contract.js'

/** Who calls a tool of the gateway's own. */
export interface LocalCaller {
  readonly access: Access
  /** Null: it sees nothing. */
  readonly sight: Sight | null
  /** Calls other tools for it; null: nobody does. */
  readonly steps: StepCaller | null
}

/** A tool that is answered in this process. */
export interface LocalTool {
  /** As clients see it, its name included. */
  readonly definition: JsonObject
  /** The tool's result. What it rejects with is a defect. */
  call(args: JsonObject, caller: LocalCaller): Promise<JsonObject>
}

const VERDICT: EraVerdict = { era: 'legacy', protocolVersion: '2025-11-25', exitsOnProbe: false, decidedAt: 0 }
const COUNTERS: LinkCounters = { unknownAnswers: 0, noise: 0, oversize: 0, unsent: 0 }
const METHOD_NOT_FOUND = -32601
const INTERNAL_ERROR = -32603

/** A server that is part of the gateway itself, as if it were one at the other end of a line. */
export class LocalLink implements Link {
  readonly established: Established
  readonly counters = COUNTERS
  tap = null
  readonly #tools: ReadonlyMap<string, LocalTool>
  readonly #onClose: () => void
  /** The requests that are under way. `since`: epoch ms. */
  readonly #pending = new Map<number, { readonly since: number; readonly abort: AbortController }>()
  #nextId = 1
  #closed = false

  constructor(tools: readonly LocalTool[], version: string, onClose: () => void = () => undefined) {
    this.#onClose = onClose
    this.#tools = new Map(tools.map((tool) => [String(tool.definition['name']), tool]))
    const catalogue: Catalogue = { tools: tools.map(({ definition }) => definition), prompts: [], resources: [], resourceTemplates: [] }
    this.established = { verdict: VERDICT, remember: VERDICT, serverInfo: { name: 'mcpctl', version }, capabilities: { tools: {} }, instructions: null, catalogue, warnings: [] }
  }

  get closed(): boolean {
    return this.#closed
  }

  get activity(): LinkActivity {
    const now = Date.now()
    const [first] = this.#pending.values()
    return { lastHeardAt: now, lastSentAt: now, inFlight: this.#pending.size, inFlightSince: first?.since ?? null, queuedBytes: 0 }
  }

  answeredSince(): boolean {
    return false
  }

  heldFor(id: number): number {
    const now = Date.now()
    return now - (this.#pending.get(id)?.since ?? now)
  }

  establish(): Promise<Established> {
    return Promise.resolve(this.established)
  }

  request(method: string): Promise<unknown> {
    return Promise.reject(new LinkError('unsendable', `the gateway itself has no ${method}`))
  }

  pass({ method, params, receiver }: PassedRequest): number {
    if (this.#closed) throw new LinkError('closed', 'the gateway was closed')
    const id = this.#nextId++
    const abort = new AbortController()
    this.#pending.set(id, { since: Date.now(), abort })
    // Not before `pass` has returned: whoever passed it has to know the id first.
    void Promise.resolve()
      .then(() => this.#run(method, params(), callerOf(receiver, abort.signal)))
      .catch((error: unknown) => ({ error: { code: INTERNAL_ERROR, message: error instanceof Error ? error.message : String(error) } }))
      .then((outcome) => { this.#answer(id, receiver, outcome) })
    return id
  }

  takeBack(id: number): boolean {
    this.#pending.get(id)?.abort.abort()
    return this.#pending.delete(id)
  }

  learnTools(tools: readonly unknown[]): LearntTools {
    return { usable: tools, warnings: [] }
  }

  notify(): void {
    // There is nothing it would want to know.
  }

  probe(receiver: PassedReceiver): number {
    const id = this.#nextId++
    this.#pending.set(id, { since: Date.now(), abort: new AbortController() })
    void Promise.resolve().then(() => { this.#answer(id, receiver, { result: {} }) })
    return id
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { abort } of this.#pending.values()) abort.abort()
    this.#pending.clear()
    this.#onClose()
  }

  lastFrames(): [] {
    return []
  }

  unanswered(): [] {
    return []
  }

  async #run(method: string, params: JsonObject | undefined, caller: LocalCaller): Promise<JsonObject> {
    const tool = method === 'tools/call' ? this.#tools.get(String(params?.['name'])) : undefined
    if (tool === undefined) return { error: { code: METHOD_NOT_FOUND, message: `Method not found: ${method}` } }
    const args = params?.['arguments']
    return { result: await tool.call(isJsonObject(args) ? args : {}, caller) }
  }

  #answer(id: number, receiver: PassedReceiver, outcome: JsonObject): void {
    if (!this.#pending.delete(id)) return
    const head = '{"jsonrpc":"2.0","id":'
    const text = Buffer.from(`${head}${id},${JSON.stringify(outcome).slice(1)}`)
    receiver.answered(text, head.length, head.length + String(id).length)
  }
}

/** Who asks is known of the calls of sessions; nothing else is trusted. */
function callerOf(receiver: PassedReceiver, signal: AbortSignal): LocalCaller {
  if (!(receiver instanceof Call)) return { access: ANONYMOUS, sight: null, steps: null }
  const { access = ANONYMOUS, sight = null, inside } = receiver.client
  return { access, sight, steps: inside?.(receiver, signal) ?? null }
}
