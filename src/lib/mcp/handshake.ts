import { describeRpcError, judgeProbe, LEGACY_VERSIONS, listVersions, MODERN_VERSIONS, offeredModern, type ProbeAnswer } from './era.js'
import { readPage, startReading } from './handshake-reading.js'
import { over, stay, type HandshakeConfig, type HandshakeInput, type HandshakeState, type HandshakeStep, type Opening, type Reading } from './handshake-state.js'
import { isJsonObject, notification, request, type ErrorObject, type Incoming, type JsonObject } from './json-rpc.js'
import type { Catalogue } from './link.js'
import { defaultAnswer, initializeParams, modernParams } from './wire-message.js'

export const DEFAULT_GRACE_MS = 2500

export function createHandshakeConfig(parts: Pick<HandshakeConfig, 'era' | 'remembered' | 'client' | 'pinned'> & { graceMs?: number }): HandshakeConfig {
  const { graceMs = DEFAULT_GRACE_MS, ...rest } = parts
  return { ...rest, graceMs, modernVersions: MODERN_VERSIONS, legacyVersions: LEGACY_VERSIONS }
}

export function createHandshake(): HandshakeState {
  return { phase: 'new', nextId: 1 }
}

/**
 * One step of opening a server, without I/O: finds out its era on the pipe it already has and reads its lists.
 * `server/discover` is asked first; every answer but a DiscoverResult leads to `initialize` on the same pipe, silence
 * leads to both being open, and an exit leads to a fresh process (protocol 2026-07-28, lifecycle, plus what real
 * servers do). `now` is epoch ms and only dates the verdict. Inputs that do not fit the state change nothing.
 */
export function stepHandshake(state: HandshakeState, input: HandshakeInput, config: HandshakeConfig, now: number): HandshakeStep {
  switch (state.phase) {
    case 'new': return input.type === 'start' ? start(state, config) : stay(state)
    case 'over': return stay(state)
    case 'opening': return stepOpening(state, input, config, now)
    case 'reading': return stepReading(state, input, config, now)
  }
}

function start(state: HandshakeState, config: HandshakeConfig): HandshakeStep {
  const opening: Opening = { phase: 'opening', nextId: state.nextId, probe: { at: 'none' }, initialize: { at: 'none' }, askedVersions: [] }
  if (config.era === 'legacy' || (config.era === 'auto' && config.remembered?.era === 'legacy')) return askInitialize(opening, config)
  const remembered = config.remembered?.era === 'modern' ? config.remembered.protocolVersion : undefined
  const version = remembered !== undefined && config.modernVersions.includes(remembered) ? remembered : (config.modernVersions[0] ?? '')
  const asked = askDiscover(opening, version, config)
  // A server known to be modern is waited for: opening it as legacy as well would pin its pipe to the older era.
  if (config.era === 'modern' || remembered !== undefined) return asked
  return { state: asked.state, outputs: [...asked.outputs, { type: 'arm-grace', delayMs: config.graceMs }] }
}

function askDiscover(state: Opening, version: string, config: HandshakeConfig): HandshakeStep {
  const id = state.nextId
  return {
    state: { ...state, nextId: id + 1, probe: { at: 'asked', id }, askedVersions: [...state.askedVersions, version] },
    outputs: [
      { type: 'stage', stage: 'waiting for the answer to server/discover' },
      { type: 'send', message: request(id, 'server/discover', modernParams(undefined, version, config.client)) },
    ],
  }
}

function askInitialize(state: Opening, config: HandshakeConfig): HandshakeStep {
  const id = state.nextId
  const both = state.probe.at === 'asked'
  return {
    state: { ...state, nextId: id + 1, initialize: { at: 'asked', id } },
    outputs: [
      { type: 'stage', stage: both ? 'waiting for the answer to server/discover or to initialize' : 'waiting for the answer to initialize' },
      { type: 'send', message: request(id, 'initialize', initializeParams(config.legacyVersions[0] ?? '', config.client)) },
    ],
  }
}

function stepOpening(state: Opening, input: HandshakeInput, config: HandshakeConfig, now: number): HandshakeStep {
  switch (input.type) {
    case 'start': return stay(state)
    case 'message': return openingMessage(state, input.message, config, now)
    case 'refused': return openingRefused(state, input, config, now)
    case 'grace-elapsed': return graceElapsed(state, config, now)
    case 'closed': return openingClosed(state, input.why, config)
  }
}

function openingMessage(state: Opening, message: Incoming, config: HandshakeConfig, now: number): HandshakeStep {
  if (message.type === 'request') return { state, outputs: [{ type: 'send', message: defaultAnswer(message) }] }
  if (message.type === 'notification') return stay(state)
  const { probe, initialize } = state
  // Servers that fail before they look at the id answer with id null: then it is the only question under way that failed.
  const anonymous = message.type === 'error' && message.id === null
  const isProbe = probe.at === 'asked' && (message.id === probe.id || (anonymous && initialize.at !== 'asked'))
  if (isProbe) return takeProbe(state, message, config, now)
  const isInitialize = initialize.at === 'asked' && (message.id === initialize.id || (anonymous && probe.at !== 'asked'))
  if (!isInitialize) return stay(state)
  return message.type === 'result' ? takeInitialize(state, message.result, config, now) : initializeFailed(state, message.error, config, now)
}

function openingRefused(state: Opening, input: Extract<HandshakeInput, { type: 'refused' }>, config: HandshakeConfig, now: number): HandshakeStep {
  if (state.probe.at === 'asked' && state.probe.id === input.id) {
    const answer: ProbeAnswer = { type: 'http', status: input.status, error: input.error }
    if (judgeProbe(answer, state.askedVersions, config.modernVersions).type === 'no-evidence') return over(state, input.reason, input.why)
    return takeProbe(state, answer, config, now)
  }
  if (state.initialize.at !== 'asked' || state.initialize.id !== input.id) return stay(state)
  if (input.error !== null && input.reason !== 'unauthorised') return initializeFailed(state, input.error, config, now)
  const failed: Opening = { ...state, initialize: { at: 'failed', why: input.why } }
  return state.probe.at === 'asked' ? stay(failed) : over(failed, input.reason, input.why)
}

function takeProbe(state: Opening, answer: ProbeAnswer, config: HandshakeConfig, now: number): HandshakeStep {
  const verdict = judgeProbe(answer, state.askedVersions, config.modernVersions)
  switch (verdict.type) {
    case 'modern': return takeModern(state, verdict, config, now)
    case 'modern-undescribed': return enterModern(state, verdict.version, null, { config, now })
    case 'ask-again': return askDiscover(state, verdict.version, config)
    case 'initialize': return probeFailed(state, verdict.why, config)
    case 'initialize-too': case 'respawn-legacy': case 'no-evidence': return stay(state)
  }
}

function takeModern(state: Opening, found: { version: string; result: JsonObject }, config: HandshakeConfig, now: number): HandshakeStep {
  if (state.initialize.at !== 'asked' || !config.pinned) return enterModern(state, found.version, found.result, { config, now })
  // initialize is already in the pipe and pins a server of both eras to legacy, so its answer decides how to go on.
  const settling: Opening = { ...state, probe: { at: 'answered', version: found.version, result: found.result } }
  return { state: settling, outputs: [{ type: 'stage', stage: 'waiting for the answer to initialize' }, { type: 'arm-grace', delayMs: Math.max(config.graceMs, DEFAULT_GRACE_MS) }] }
}

function probeFailed(state: Opening, why: string, config: HandshakeConfig): HandshakeStep {
  const failed: Opening = { ...state, probe: { at: 'failed', why } }
  if (config.era === 'modern') return over(failed, 'rejected', `the server does not speak ${listVersions(config.modernVersions)}: ${why}`)
  if (state.initialize.at === 'none') return askInitialize(failed, config)
  return state.initialize.at === 'failed' ? over(failed, 'rejected', neither(why, state.initialize.why)) : stay(failed)
}

function takeInitialize(state: Opening, result: unknown, config: HandshakeConfig, now: number): HandshakeStep {
  const version = isJsonObject(result) ? result['protocolVersion'] : undefined
  if (!isJsonObject(result) || typeof version !== 'string') return initializeUseless(state, 'its answer to initialize names no protocol version', config, now)
  if (!config.legacyVersions.includes(version)) {
    const why = `it answered initialize with ${listVersions([version])}, and mcpctl opens ${listVersions(config.legacyVersions)} that way`
    return initializeUseless(state, why, config, now)
  }
  const alsoModern = state.probe.at === 'answered' ? state.probe.version : null
  const reading = startReading({ nextId: state.nextId, era: 'legacy', protocolVersion: version, described: result, alsoModern }, config, now)
  const opened: HandshakeStep['outputs'] = [
    { type: 'adopt', era: 'legacy', protocolVersion: version },
    { type: 'send', message: notification('notifications/initialized') },
  ]
  return { state: reading.state, outputs: [...opened, ...reading.outputs] }
}

function initializeFailed(state: Opening, error: ErrorObject, config: HandshakeConfig, now: number): HandshakeStep {
  const offered = offeredModern(error, config.modernVersions)
  const canProbe = config.era === 'auto' && (state.probe.at === 'none' || state.probe.at === 'failed')
  if (offered !== null && canProbe && !state.askedVersions.includes(offered)) {
    return askDiscover({ ...state, initialize: { at: 'failed', why: `it answered initialize with ${describeRpcError(error)}` } }, offered, config)
  }
  return initializeUseless(state, `it answered initialize with ${describeRpcError(error)}`, config, now)
}

function initializeUseless(state: Opening, why: string, config: HandshakeConfig, now: number): HandshakeStep {
  const failed: Opening = { ...state, initialize: { at: 'failed', why } }
  switch (state.probe.at) {
    case 'answered': return enterModern(failed, state.probe.version, state.probe.result, { config, now })
    case 'asked': return stay(failed)
    case 'failed': return over(failed, 'rejected', neither(state.probe.why, why))
    case 'none': return over(failed, 'rejected', `the server does not open a session: ${why}`)
  }
}

function enterModern(state: Opening, version: string, described: JsonObject | null, at: { config: HandshakeConfig; now: number }): HandshakeStep {
  const reading = startReading({ nextId: state.nextId, era: 'modern', protocolVersion: version, described, alsoModern: null }, at.config, at.now)
  return { state: reading.state, outputs: [{ type: 'adopt', era: 'modern', protocolVersion: version }, ...reading.outputs] }
}

function graceElapsed(state: Opening, config: HandshakeConfig, now: number): HandshakeStep {
  const { probe, initialize } = state
  if (probe.at === 'answered') return enterModern(state, probe.version, probe.result, { config, now })
  return probe.at === 'asked' && initialize.at === 'none' && config.era === 'auto' ? askInitialize(state, config) : stay(state)
}

function openingClosed(state: Opening, why: string, config: HandshakeConfig): HandshakeStep {
  const unanswered = state.probe.at === 'asked' && state.initialize.at !== 'failed'
  if (unanswered && config.era === 'auto' && config.remembered === null && config.pinned) {
    return over(state, 'exits-on-probe', 'the server ended without an answer to server/discover; it may be one that must be opened with initialize')
  }
  const waitedFor = state.initialize.at === 'asked' ? 'initialize' : 'server/discover'
  return over(state, 'closed', `${why} before it answered ${waitedFor}`)
}

function stepReading(state: Reading, input: HandshakeInput, config: HandshakeConfig, now: number): HandshakeStep {
  switch (input.type) {
    case 'start': case 'grace-elapsed': return stay(state)
    case 'closed': return over(state, 'closed', `${input.why} while its lists were read`)
    case 'refused': return readingRefused(state, input, config, now)
    case 'message': break
  }
  const { message } = input
  // A modern server must not ask, and a modern client must not answer.
  if (message.type === 'request') return state.era === 'modern' ? stay(state) : { state, outputs: [{ type: 'send', message: defaultAnswer(message) }] }
  return orInitialize(state, readPage(state, message, config, now) ?? stay(state), config)
}

function readingRefused(state: Reading, input: Extract<HandshakeInput, { type: 'refused' }>, config: HandshakeConfig, now: number): HandshakeStep {
  if (!state.open.has(input.id)) return stay(state)
  if (input.error === null || input.reason === 'unauthorised') return orInitialize(state, over(state, input.reason, input.why), config)
  return orInitialize(state, readPage(state, { type: 'error', id: input.id, error: input.error }, config, now) ?? stay(state), config)
}

/** A server that seemed modern by its HTTP error alone, and then has no list to show, gets the chance to be a legacy one. */
function orInitialize(state: Reading, step: HandshakeStep, config: HandshakeConfig): HandshakeStep {
  if (state.era !== 'modern' || state.described !== null || config.era !== 'auto') return step
  const why = uselessness(step)
  if (why === null) return step
  const opening: Opening = { phase: 'opening', nextId: state.nextId, probe: { at: 'failed', why }, initialize: { at: 'none' }, askedVersions: config.modernVersions }
  return askInitialize(opening, config)
}

function uselessness({ outputs }: HandshakeStep): string | null {
  const end = outputs.find((output) => output.type === 'rejected' || output.type === 'established')
  if (end?.type === 'rejected') return end.reason === 'unauthorised' ? null : end.why
  return end?.type === 'established' && isEmpty(end.established.catalogue) ? 'it describes nothing and lists nothing' : null
}

function isEmpty({ tools, prompts, resources, resourceTemplates }: Catalogue): boolean {
  return tools.length + prompts.length + resources.length + resourceTemplates.length === 0
}

function neither(modern: string, legacy: string): string {
  return `the server opens in neither era: ${modern}; ${legacy}`
}
