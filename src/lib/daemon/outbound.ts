import type { ServerSpec } from '../core/index.js'
import { LinkError, type Authorizer } from '../mcp/index.js'
import type { TokenKeeper } from '../outbound/index.js'
import { baseName } from './server-name.js'

export interface OutboundListener {
  /** Nothing is let in any more until a person has logged in. May come again. */
  readonly onLoginNeeded: (error: LinkError) => void
  readonly warn: (text: string) => void
}

/** The tokens for all servers: one keeper a server, whoever of its instances and sessions asks, so that it is renewed once. */
export interface OutboundDesk {
  /** Null: its requests are authorised by what its configuration says, if at all. A connection is about to be opened. */
  authorizerOf(spec: ServerSpec, listener: OutboundListener): Promise<Authorizer | null>
  /** Tokens in hand for it: what must not be seen in any text. */
  secretsOf(name: string): readonly string[]
  close(): void
}

export interface OutboundDeskOptions {
  readonly stateDirectory: string
  /** Epoch ms. */
  readonly now: () => number
  /** Whether there is still such a server. */
  readonly isKnown: (name: string) => boolean
}

interface Kept {
  readonly mark: string
  readonly keeper: TokenKeeper
  warn: (text: string) => void
}

/** Loads what it needs when the first server asks for it. */
export function createOutboundDesk({ stateDirectory, now, isKnown }: OutboundDeskOptions): OutboundDesk {
  const kept = new Map<string, Kept>()
  const forget = (name: string): void => {
    kept.get(name)?.keeper.close()
    kept.delete(name)
  }
  return {
    async authorizerOf(spec, listener) {
      const { endpoint } = spec
      if (endpoint?.auth === undefined) return null
      const { createTokenSource, OutboundError } = await import('../outbound/index.js')
      const { url, auth } = endpoint
      const server = baseName(spec.name)
      const mark = JSON.stringify([url, auth])
      if (kept.get(server)?.mark !== mark) {
        for (const name of [...kept.keys()]) if (name === server || !isKnown(name)) forget(name)
        const entry: Kept = { mark, warn: listener.warn, keeper: createTokenSource({ server, url, auth, stateDirectory, now, warn: (text) => entry.warn(text) }) }
        kept.set(server, entry)
      }
      const entry = kept.get(server)
      if (entry === undefined) return null
      entry.warn = listener.warn
      entry.keeper.begin()
      return authorize(entry.keeper, (error) => (error instanceof OutboundError ? error : null), listener)
    },
    secretsOf: (name) => kept.get(baseName(name))?.keeper.secrets ?? [],
    close: () => {
      for (const name of [...kept.keys()]) forget(name)
    },
  }
}

type ReadError = (error: unknown) => { readonly reason: 'login-needed' | 'refused' | 'unreachable'; readonly message: string; readonly hint: string | undefined } | null

/** A keeper as links see it: what it throws in their words. */
function authorize(keeper: TokenKeeper, read: ReadError, { onLoginNeeded }: OutboundListener): Authorizer {
  const toLinkError = (error: unknown): LinkError => {
    const known = read(error)
    if (known === null) return new LinkError('unauthorised', 'no credentials could be had', { cause: error })
    const needsLogin = known.reason === 'login-needed'
    const failure = new LinkError(known.reason === 'unreachable' ? 'unreachable' : 'unauthorised', known.message, { needsLogin, isUndelivered: true, ...(known.hint === undefined ? {} : { hint: known.hint }) })
    if (needsLogin) onLoginNeeded(failure)
    return failure
  }
  const fail = (error: unknown): never => {
    throw toLinkError(error)
  }
  return {
    hint: keeper.hint,
    headers() {
      try {
        const headers = keeper.headers()
        return headers instanceof Promise ? headers.catch(fail) : headers
      } catch (error) {
        return fail(error)
      }
    },
    refused: (refusal) => keeper.refused(refusal).catch(fail),
  }
}
