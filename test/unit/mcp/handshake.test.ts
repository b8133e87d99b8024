import { expect, test } from 'vitest'
import { createHandshake, createHandshakeConfig, stepHandshake } from '../../../src/lib/mcp/handshake.js'
import type { HandshakeConfig, HandshakeInput, HandshakeOutput, HandshakeState } from '../../../src/lib/mcp/handshake-state.js'
import type { ErrorObject, Outgoing } from '../../../src/lib/mcp/json-rpc.js'
import type { Established, EraVerdict } from '../../../src/lib/mcp/link.js'

const MODERN = '2026-07-28'
const client = { name: 'test', version: '1' }
const initialized = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 's', version: '2' }, instructions: 'hi' }
const discovered = { resultType: 'complete', supportedVersions: [MODERN], capabilities: { tools: {} }, _meta: { 'io.modelcontextprotocol/serverInfo': { name: 's', version: '2' } } }
const legacyVerdict: EraVerdict = { era: 'legacy', protocolVersion: '2025-11-25', exitsOnProbe: true, decidedAt: 5 }
const modernVerdict: EraVerdict = { era: 'modern', protocolVersion: MODERN, exitsOnProbe: false, decidedAt: 5 }

/** Drives the pure handshake and remembers everything it put out. */
class Driver {
  readonly sent: Outgoing[] = []
  readonly armed: number[] = []
  readonly adopted: string[] = []
  established: Established | null = null
  rejected: Extract<HandshakeOutput, { type: 'rejected' }> | null = null
  #state: HandshakeState = createHandshake()
  readonly #config: HandshakeConfig

  constructor(config: Partial<HandshakeConfig> = {}) {
    this.#config = { ...createHandshakeConfig({ era: 'auto', remembered: null, client, pinned: true }), ...config }
    this.input({ type: 'start' })
  }

  input(input: HandshakeInput): this {
    const step = stepHandshake(this.#state, input, this.#config, 1000)
    this.#state = step.state
    for (const output of step.outputs) this.#take(output)
    return this
  }

  /** Answers the newest request of that method. */
  result(method: string, result: unknown): this {
    return this.input({ type: 'message', message: { type: 'result', id: this.#idOf(method), result } })
  }

  error(method: string, error: ErrorObject): this {
    return this.input({ type: 'message', message: { type: 'error', id: this.#idOf(method), error } })
  }

  refused(method: string, status: number, error: ErrorObject | null = null): this {
    const reason = status === 401 ? 'unauthorised' : status >= 500 ? 'unreachable' : 'rejected'
    return this.input({ type: 'refused', id: this.#idOf(method), status, error, reason, why: `the server answered with HTTP ${status}` })
  }

  grace(): this {
    return this.input({ type: 'grace-elapsed' })
  }

  exit(): this {
    return this.input({ type: 'closed', why: 'the server closed its output' })
  }

  lists(): this {
    return this.result('tools/list', { tools: [{ name: 't' }] })
  }

  get methods(): string[] {
    return this.sent.map((message) => ('method' in message ? message.method : 'answer'))
  }

  #idOf(method: string): number {
    const found = this.sent.findLast((message) => 'method' in message && message.method === method)
    if (found === undefined || !('id' in found) || typeof found.id !== 'number') throw new Error(`${method} was not asked; ${this.methods.join(', ')}`)
    return found.id
  }

  #take(output: HandshakeOutput): void {
    switch (output.type) {
      case 'send': this.sent.push(output.message); break
      case 'arm-grace': this.armed.push(output.delayMs); break
      case 'adopt': this.adopted.push(`${output.era} ${output.protocolVersion}`); break
      case 'established': this.established = output.established; break
      case 'rejected': this.rejected = output; break
      case 'stage': break
    }
  }
}

const LEGACY_PATH = ['server/discover', 'initialize', 'notifications/initialized', 'tools/list']

// What real servers do with server/discover, one row each.
const families: [family: string, play: (driver: Driver) => Driver, era: string, methods: string[]][] = [
  ['TypeScript SDK v1: -32601', (d) => d.error('server/discover', { code: -32601, message: 'Method not found' }).result('initialize', initialized), 'legacy', LEGACY_PATH],
  ['TypeScript SDK v2: a DiscoverResult', (d) => d.result('server/discover', discovered), 'modern', ['server/discover', 'tools/list']],
  ['Go SDK: error code 0', (d) => d.error('server/discover', { code: 0, message: 'invalid during session initialization' }).result('initialize', initialized), 'legacy', LEGACY_PATH],
  ['Python SDK: -32602', (d) => d.error('server/discover', { code: -32602, message: 'Invalid request parameters' }).result('initialize', initialized), 'legacy', LEGACY_PATH],
  ['Python SDK: nothing at all', (d) => d.grace().result('initialize', initialized), 'legacy', LEGACY_PATH],
  ['an error with id null', (d) => d.input({ type: 'message', message: { type: 'error', id: null, error: { code: -32600, message: '' } } }).result('initialize', initialized), 'legacy', LEGACY_PATH],
  ['modern only, slow: answers both after the grace', (d) => d.grace().result('server/discover', discovered).error('initialize', { code: -32022, message: '', data: { supported: [MODERN] } }), 'modern', ['server/discover', 'initialize', 'tools/list']],
  ['modern only, slow, initialize first', (d) => d.grace().error('initialize', { code: -32022, message: '', data: { supported: [MODERN] } }).result('server/discover', discovered), 'modern', ['server/discover', 'initialize', 'tools/list']],
  ['modern only, slow, never answers initialize', (d) => d.grace().result('server/discover', discovered).grace(), 'modern', ['server/discover', 'initialize', 'tools/list']],
  ['legacy, slow: answers both after the grace', (d) => d.grace().error('server/discover', { code: -32601, message: '' }).result('initialize', initialized), 'legacy', LEGACY_PATH],
  ['legacy, slow, answers discover late', (d) => d.grace().result('initialize', initialized).error('server/discover', { code: -32601, message: '' }), 'legacy', LEGACY_PATH],
]

test.each(families)('%s', (_, play, era, methods) => {
  const driver = play(new Driver()).lists()
  expect(driver.rejected).toBeNull()
  expect(driver.methods).toEqual(methods)
  expect(driver.established?.verdict).toEqual({ era, protocolVersion: era === 'modern' ? MODERN : '2025-06-18', exitsOnProbe: false, decidedAt: 1000 })
  expect(driver.established).toMatchObject({ serverInfo: { name: 's', version: '2' }, capabilities: { tools: {} }, catalogue: { tools: [{ name: 't' }] } })
  expect(driver.established?.remember).toEqual(driver.established?.verdict)
})

test('a slow server of both eras is opened as legacy, because its pipe is pinned, and remembered as modern', () => {
  const driver = new Driver().grace().result('server/discover', discovered).result('initialize', initialized).lists()
  expect(driver.established?.verdict.era).toBe('legacy')
  expect(driver.established?.remember).toEqual({ era: 'modern', protocolVersion: MODERN, exitsOnProbe: false, decidedAt: 1000 })
  expect(driver.methods).toEqual(LEGACY_PATH)
})

test('however short the grace, a server of both eras gets time to answer initialize before its pipe is taken for modern', () => {
  const driver = new Driver({ graceMs: 1 }).grace().result('server/discover', discovered)
  expect(driver.armed).toEqual([1, 2500])
})

test('over HTTP, where nothing is pinned, a late DiscoverResult decides at once', () => {
  const driver = new Driver({ pinned: false }).grace().result('server/discover', discovered).lists()
  expect(driver.established?.verdict.era).toBe('modern')
})

test('an exit without an answer to the probe asks for a fresh process', () => {
  expect(new Driver().exit().rejected?.reason).toBe('exits-on-probe')
  expect(new Driver().grace().exit().rejected?.reason).toBe('exits-on-probe')
})

test.each([
  ['after the probe was answered', () => new Driver().error('server/discover', { code: -32601, message: '' }).exit()],
  ['when the era is fixed to legacy', () => new Driver({ era: 'legacy' }).exit()],
  ['when the era is fixed to modern', () => new Driver({ era: 'modern' }).exit()],
  ['with a remembered legacy verdict', () => new Driver({ remembered: legacyVerdict }).exit()],
  ['with a remembered modern verdict', () => new Driver({ remembered: modernVerdict }).exit()],
  ['while the lists are read', () => new Driver().result('server/discover', discovered).exit()],
])('an exit %s is just an exit', (_, play) => {
  expect(play().rejected?.reason).toBe('closed')
})

test('a remembered legacy verdict is used directly and keeps its date', () => {
  const driver = new Driver({ remembered: legacyVerdict }).result('initialize', initialized).lists()
  expect(driver.methods).toEqual(['initialize', 'notifications/initialized', 'tools/list'])
  expect(driver.armed).toEqual([])
  expect(driver.established?.verdict).toEqual({ era: 'legacy', protocolVersion: '2025-06-18', exitsOnProbe: true, decidedAt: 5 })
})

test('a remembered legacy verdict corrects itself when the server says it is modern', () => {
  const driver = new Driver({ remembered: legacyVerdict }).error('initialize', { code: -32022, message: '', data: { supported: [MODERN] } }).result('server/discover', discovered).lists()
  expect(driver.established?.verdict).toEqual({ era: 'modern', protocolVersion: MODERN, exitsOnProbe: false, decidedAt: 1000 })
})

test('a remembered modern verdict waits without a grace and still falls back on an error', () => {
  const driver = new Driver({ remembered: modernVerdict })
  expect(driver.armed).toEqual([])
  driver.error('server/discover', { code: -32601, message: '' }).result('initialize', initialized).lists()
  expect(driver.established?.verdict.era).toBe('legacy')
})

test('-32022 naming another modern version leads to that version', () => {
  const driver = new Driver({ modernVersions: ['2027-03-01', MODERN] }).error('server/discover', { code: -32022, message: '', data: { supported: [MODERN] } })
  expect(driver.methods).toEqual(['server/discover', 'server/discover'])
  driver.result('server/discover', discovered).lists()
  expect(driver.established?.verdict.protocolVersion).toBe(MODERN)
  expect(driver.adopted).toEqual([`modern ${MODERN}`])
})

test('a server that refuses the very version it offers is asked once more, not for ever', () => {
  const refusal = { code: -32022, message: '', data: { supported: [MODERN] } }
  const driver = new Driver().error('server/discover', refusal).error('server/discover', refusal).error('initialize', refusal)
  expect(driver.methods).toEqual(['server/discover', 'server/discover', 'initialize'])
  expect(driver.rejected?.reason).toBe('rejected')
  expect(new Driver().error('server/discover', refusal).result('server/discover', discovered).methods).toEqual(expect.not.arrayContaining(['initialize']))
})

test('modern requests carry version, identity and capabilities', () => {
  const driver = new Driver().result('server/discover', discovered)
  for (const message of driver.sent) {
    expect(message).toMatchObject({ params: { _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': client, 'io.modelcontextprotocol/clientCapabilities': {} } } })
  }
})

test('a legacy server that answers with a version nobody speaks is rejected with both versions named', () => {
  const driver = new Driver({ era: 'legacy' }).result('initialize', { ...initialized, protocolVersion: '2023-01-01' })
  expect(driver.rejected).toMatchObject({ reason: 'rejected', why: expect.stringMatching(/2023-01-01.*2025-11-25/) as string })
  expect(driver.methods).toEqual(['initialize'])
})

test.each([null, 'text', {}, { protocolVersion: 7 }])('an InitializeResult of %j is rejected', (result) => {
  expect(new Driver({ era: 'legacy' }).result('initialize', result).rejected?.reason).toBe('rejected')
})

test('a fixed modern era never sends initialize', () => {
  const driver = new Driver({ era: 'modern' }).grace().error('server/discover', { code: -32601, message: 'Method not found' })
  expect(driver.armed).toEqual([])
  expect(driver.methods).toEqual(['server/discover'])
  expect(driver.rejected?.why).toContain(MODERN)
})

test('every page of every list is read before the server counts as established', () => {
  const driver = new Driver({ era: 'legacy' }).result('initialize', { ...initialized, capabilities: { tools: {}, resources: {} } })
  expect(driver.methods.slice(2)).toEqual(['tools/list', 'resources/list', 'resources/templates/list'])
  driver.result('tools/list', { tools: [1], nextCursor: 'next' })
  expect(driver.sent.at(-1)).toMatchObject({ method: 'tools/list', params: { cursor: 'next' } })
  driver.result('tools/list', { tools: [2] }).error('resources/list', { code: -32601, message: '' })
  expect(driver.established).toBeNull()
  driver.result('resources/templates/list', { resourceTemplates: [3] })
  expect(driver.established?.catalogue).toEqual({ tools: [1, 2], prompts: [], resources: [], resourceTemplates: [3] })
})

test('a server without lists is established at once', () => {
  const driver = new Driver({ era: 'legacy' }).result('initialize', { protocolVersion: '2024-11-05' })
  expect(driver.established).toMatchObject({ serverInfo: null, instructions: null, capabilities: {} })
})

test('a list that fails is named', () => {
  const driver = new Driver().result('server/discover', discovered).error('tools/list', { code: -32603, message: 'db down' })
  expect(driver.rejected?.why).toBe('the server cannot be used: it answered tools/list with error -32603 (db down)')
})

test('questions of the server are answered during the handshake, by a modern server they are ignored', () => {
  const ask = (method: string): HandshakeInput => ({ type: 'message', message: { type: 'request', id: method, method, params: undefined } })
  const opening = new Driver().input(ask('ping')).input(ask('roots/list')).input(ask('sampling/createMessage'))
  expect(opening.sent.slice(1)).toEqual([
    { jsonrpc: '2.0', id: 'ping', result: {} },
    { jsonrpc: '2.0', id: 'roots/list', result: { roots: [] } },
    { jsonrpc: '2.0', id: 'sampling/createMessage', error: { code: -32601, message: expect.any(String) as string } },
  ])
  const modern = new Driver().result('server/discover', discovered)
  const before = modern.sent.length
  expect(modern.input(ask('ping')).sent).toHaveLength(before)
})

test('over HTTP 401 is no evidence: nothing else is tried', () => {
  const driver = new Driver({ pinned: false }).refused('server/discover', 401)
  expect(driver.rejected?.reason).toBe('unauthorised')
  expect(driver.methods).toEqual(['server/discover'])
})

test('over HTTP an outage is no evidence', () => {
  expect(new Driver({ pinned: false }).refused('server/discover', 503).rejected?.reason).toBe('unreachable')
})

test.each([[400, { code: -32000, message: 'Server not initialized' }], [500, { code: -32603, message: 'Internal' }], [404, null]])('over HTTP %i with %j leads to initialize', (status, error) => {
  const driver = new Driver({ pinned: false }).refused('server/discover', status, error).result('initialize', initialized).lists()
  expect(driver.established?.verdict.era).toBe('legacy')
})

test('over HTTP a modern refusal leads to the lists, and when they fail too, to initialize', () => {
  const modern = new Driver({ pinned: false }).refused('server/discover', 404, { code: -32601, message: '' })
  expect(modern.methods.slice(1)).toEqual(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])
  const legacy = modern.refused('tools/list', 404, { code: -32601, message: '' }).refused('prompts/list', 400, { code: -32000, message: 'no session' })
  expect(legacy.methods.at(-1)).toBe('initialize')
  legacy.result('initialize', initialized).lists()
  expect(legacy.established?.verdict.era).toBe('legacy')
})

test('a page at the wrong address is said to be that', () => {
  const driver = new Driver({ pinned: false }).refused('server/discover', 404).refused('initialize', 404)
  expect(driver.rejected).toMatchObject({ reason: 'rejected', why: 'the server answered with HTTP 404' })
})
