import { listsFor, takePage, takePageError, toCatalogue, type ListProgress, type PageOutcome } from './catalogue.js'
import type { HandshakeConfig, HandshakeOutput, HandshakeStep, Reading } from './handshake-state.js'
import { over, stay } from './handshake-state.js'
import { isJsonObject, request, type Incoming, type JsonObject } from './json-rpc.js'
import type { Era } from '../core/index.js'
import type { EraVerdict } from './link.js'
import { eraParams, readServerInfo } from './wire-message.js'

/** Second half of the handshake: the era is known, now every list the capabilities name is read to its end. */
export interface ReadingStart {
  readonly nextId: number
  readonly era: Era
  readonly protocolVersion: string
  readonly described: JsonObject | null
  readonly alsoModern: string | null
}

export function startReading(start: ReadingStart, config: HandshakeConfig, now: number): HandshakeStep {
  const lists = listsFor(start.described === null ? null : readCapabilities(start.described))
  const state: Reading = { ...start, phase: 'reading', open: new Map(), finished: [], warnings: [] }
  const asked = lists.reduce((step, list) => ask(step, list, null, config), { state, outputs: [] as HandshakeOutput[] })
  return asked.state.open.size === 0 ? finish(asked.state, config, now) : asked
}

/** An answer to one of the pages under way. Null when it belongs to none of them. */
export function readPage(state: Reading, message: Incoming, config: HandshakeConfig, now: number): HandshakeStep | null {
  if (message.type !== 'result' && message.type !== 'error') return null
  if (typeof message.id !== 'number') return null
  const list = state.open.get(message.id)
  if (list === undefined) return null
  const open = new Map(state.open)
  open.delete(message.id)
  const outcome = message.type === 'result' ? takePage(list, message.result) : takePageError(list, message.error)
  return applyPage({ ...state, open }, outcome, config, now)
}

function applyPage(state: Reading, outcome: PageOutcome, config: HandshakeConfig, now: number): HandshakeStep {
  switch (outcome.type) {
    case 'unusable': return over(state, 'rejected', `the server cannot be used: ${outcome.why}`)
    case 'more': return ask({ state, outputs: [] }, outcome.progress, outcome.cursor, config)
    case 'end': {
      const warnings = outcome.warning === null ? state.warnings : [...state.warnings, outcome.warning]
      const read: Reading = { ...state, finished: [...state.finished, outcome.progress], warnings }
      return read.open.size === 0 ? finish(read, config, now) : stay(read)
    }
  }
}

function ask(step: { state: Reading; outputs: HandshakeOutput[] }, list: ListProgress, cursor: string | null, config: HandshakeConfig): { state: Reading; outputs: HandshakeOutput[] } {
  const { state } = step
  const id = state.nextId
  const params = eraParams(cursor === null ? undefined : { cursor }, state, config.client)
  const page = list.pages.length + 1
  return {
    state: { ...state, nextId: id + 1, open: new Map(state.open).set(id, list) },
    outputs: [
      ...step.outputs,
      { type: 'stage', stage: page === 1 ? `reading ${list.method}` : `reading ${list.method}, page ${page}` },
      { type: 'send', message: request(id, list.method, params) },
    ],
  }
}

function finish(state: Reading, config: HandshakeConfig, now: number): HandshakeStep {
  const { described } = state
  const exitsOnProbe = state.era === 'legacy' && config.remembered?.exitsOnProbe === true
  const verdict: EraVerdict = keepDate(config.remembered, { era: state.era, protocolVersion: state.protocolVersion, exitsOnProbe, decidedAt: now })
  const remember: EraVerdict = state.alsoModern === null ? verdict : { era: 'modern', protocolVersion: state.alsoModern, exitsOnProbe: false, decidedAt: now }
  const instructions = described?.['instructions']
  return {
    state: { phase: 'over', nextId: state.nextId },
    outputs: [{
      type: 'established',
      established: {
        verdict,
        remember,
        serverInfo: described === null ? null : readServerInfo(described),
        capabilities: described === null ? {} : readCapabilities(described),
        instructions: typeof instructions === 'string' ? instructions : null,
        catalogue: toCatalogue(state.finished),
        warnings: state.warnings,
      },
    }],
  }
}

/** A remembered verdict that held keeps its date: only a fresh probe makes it younger. */
function keepDate(remembered: EraVerdict | null, verdict: EraVerdict): EraVerdict {
  if (remembered === null || remembered.era !== verdict.era || verdict.era === 'modern') return verdict
  return { ...verdict, decidedAt: remembered.decidedAt }
}

function readCapabilities(described: JsonObject): JsonObject {
  return isJsonObject(described['capabilities']) ? described['capabilities'] : {}
}
