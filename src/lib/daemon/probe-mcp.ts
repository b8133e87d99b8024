import { LinkError, type Established, type Link, type PassedReceiver } from '../mcp/index.js'
import type { Probe, ProbeEnd } from './probe-kind.js'

/** Statuses of a server that lives and has had enough of questions for now. */
const TOO_MANY: ReadonlySet<number | undefined> = new Set([408, 425, 429])

/**
 * Asks in the server's own protocol, over its link. Any answer will do. A server that never answered the protocol's own
 * question is asked for a list as well: some leave methods they do not know without an answer, and a list it has read out
 * before.
 */
export class McpProbe implements Probe, PassedReceiver {
  readonly #linkOf: () => Link | null
  readonly #listMethod: string | undefined
  readonly #onEnd: ProbeEnd
  #link: Link | null = null
  #id = 0
  #asksForList = false
  /** The protocol's own question has been answered. */
  #isAnswered = false

  constructor(linkOf: () => Link | null, established: Established | null, onEnd: ProbeEnd) {
    this.#linkOf = linkOf
    this.#listMethod = established === null ? undefined : listMethodOf(established)
    this.#onEnd = onEnd
  }

  ask(): void {
    this.cancel()
    const link = this.#linkOf()
    try {
      if (link === null) return
      this.#id = link.probe(this, this.#asksForList ? this.#listMethod : undefined)
      this.#link = link
    } catch (error) {
      // What cannot be sent is not answered; that the link is over is told by the link.
      if (!(error instanceof LinkError)) throw error
    }
  }

  rephrase(): void {
    if (this.#isAnswered || this.#asksForList || this.#listMethod === undefined) return
    this.#takeBack(() => {
      this.#isAnswered = true
      this.#asksForList = false
    })
    this.#asksForList = true
    this.ask()
  }

  cancel(): void {
    this.#takeBack()
  }

  answered(): void {
    this.#link = null
    if (!this.#asksForList) this.#isAnswered = true
    this.#onEnd(null)
  }

  failed(error: LinkError): void {
    this.#link = null
    if (error.reason === 'closed') return
    this.#onEnd(error.reason === 'unreachable' && !TOO_MANY.has(error.status) ? error.message : null)
  }

  #takeBack(onLate?: () => void): void {
    const link = this.#link
    this.#link = null
    link?.takeBack(this.#id, 'the probe is over', onLate)
  }
}

/** In the modern era the protocol's own question was answered at the start. */
function listMethodOf({ verdict, capabilities }: Established): string | undefined {
  if (verdict.era === 'modern') return undefined
  const kind = ['tools', 'prompts', 'resources'].find((name) => capabilities[name] !== undefined)
  return kind === undefined ? undefined : `${kind}/list`
}
