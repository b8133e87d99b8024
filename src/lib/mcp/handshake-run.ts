import { createHandshake, stepHandshake } from './handshake.js'
import type { HandshakeConfig, HandshakeInput, HandshakeOutput, HandshakeState } from './handshake-state.js'
import { requestIdOf, type Incoming } from './json-rpc.js'
import type { Established } from './link.js'
import { LinkError } from './link-error.js'
import { withResolvers } from './pending.js'
import type { Wire } from './wire.js'

export interface HandshakeRunOptions {
  readonly config: HandshakeConfig
  readonly wire: Wire
  /** Epoch ms. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onStage: (stage: string) => void
  readonly onAdopt: (output: Extract<HandshakeOutput, { type: 'adopt' }>) => void
}

/** Performs what the pure handshake decides: owns its one timer, its abort listener and the promise of its end. */
export class HandshakeRun {
  readonly #options: HandshakeRunOptions
  readonly #end = withResolvers<Established>()
  readonly #asked = new Set<number>()
  readonly #onAbort = (): void => {
    const stage = this.#stage
    this.#finish(new LinkError('aborted', stage === null ? 'the start was given up before it began' : `the start was given up while ${stage}`))
  }

  #state: HandshakeState = createHandshake()
  #timer: NodeJS.Timeout | null = null
  #graceMs = 0
  #stage: string | null = null
  #over = false
  /** A refusal knows more for people than its sentence: kept for the error it may become. */
  #hint: string | undefined

  constructor(options: HandshakeRunOptions) {
    this.#options = options
  }

  get over(): boolean {
    return this.#over
  }

  /** The first id that is free after the handshake. */
  get nextId(): number {
    return this.#state.nextId
  }

  /** Call once. */
  start(): Promise<Established> {
    const { signal } = this.#options
    if (signal.aborted) this.#onAbort()
    else {
      signal.addEventListener('abort', this.#onAbort, { once: true })
      this.take({ type: 'start' })
    }
    return this.#end.promise
  }

  take(input: HandshakeInput, hint?: string): void {
    if (this.#over) return
    this.#hint = hint
    const step = stepHandshake(this.#state, input, this.#options.config, this.#options.now())
    this.#state = step.state
    for (const output of step.outputs) this.#perform(output)
  }

  /** Whether an answer may belong to one of our questions that has not been answered yet. */
  owns(message: Incoming): boolean {
    if (message.type !== 'result' && message.type !== 'error') return true
    return message.id === null || (typeof message.id === 'number' && this.#asked.delete(message.id))
  }

  /** A question of the handshake got no answer and will get none. */
  fail(error: LinkError): void {
    this.#finish(error)
  }

  /** The server is not up yet, so its silence says nothing: the grace begins anew. */
  postpone(stage: string): void {
    this.#setStage(stage)
    if (this.#timer !== null) this.#armGrace(this.#graceMs)
  }

  #perform(output: HandshakeOutput): void {
    if (this.#over) return
    switch (output.type) {
      case 'send': this.#send(output); break
      case 'arm-grace': this.#armGrace(output.delayMs); break
      case 'stage': this.#setStage(output.stage); break
      case 'adopt': this.#options.onAdopt(output); break
      case 'established': this.#finish(output.established); break
      case 'rejected': this.#finish(new LinkError(output.reason, output.why, this.#hint === undefined ? {} : { hint: this.#hint })); break
    }
  }

  #send({ message }: Extract<HandshakeOutput, { type: 'send' }>): void {
    const id = requestIdOf(message)
    if (id !== undefined) this.#asked.add(id)
    try {
      this.#options.wire.send(message)
    } catch (error) {
      // A pipe that broke on write is about to report its end, and that decides; anything else is final here.
      if (error instanceof LinkError && error.reason === 'closed') return
      this.#finish(error instanceof LinkError ? error : new LinkError('unsendable', 'a message of the handshake could not be sent', { cause: error }))
    }
  }

  #armGrace(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#graceMs = delayMs
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.take({ type: 'grace-elapsed' })
    }, delayMs)
  }

  #setStage(stage: string): void {
    if (this.#stage === stage) return
    this.#stage = stage
    this.#options.onStage(stage)
  }

  #finish(end: Established | LinkError): void {
    if (this.#over) return
    this.#over = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    for (const id of this.#asked) this.#options.wire.abandon(id)
    if (end instanceof LinkError) this.#end.reject(end)
    else this.#end.resolve(end)
  }
}
