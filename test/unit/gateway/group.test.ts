import { afterEach, describe, expect, test, vi } from 'vitest'
import { DEFAULT_BREAKER, type MembershipSpec } from '../../../src/lib/core/index.js'
import type { CallEnd, CallObserver, ObservedCall } from '../../../src/lib/gateway/index.js'
import { LinkError } from '../../../src/lib/mcp/index.js'
import { createRig, type FakeServer } from './rig.js'

afterEach(() => { vi.useRealTimers() })

const CATALOGUE = {
  tools: [{ name: 'look', inputSchema: {}, annotations: { readOnlyHint: true } }, { name: 'write', inputSchema: {} }],
  prompts: [{ name: 'greet' }], resources: [{ uri: 'note://one', name: 'one' }],
}
const membership = (parts: Partial<MembershipSpec> = {}): MembershipSpec => ({ group: 'search', strategy: 'priority', sticky: 'none', priority: 1, weight: 1, ...parts })
const member = (parts: Partial<MembershipSpec> = {}, server: FakeServer = {}): FakeServer => ({ catalogue: CATALOGUE, ...server, traffic: { ...server.traffic, membership: membership(parts) } })

function open(servers: Parameters<typeof createRig>[0] = { main: member(), backup: member({ priority: 2 }) }, observer?: CallObserver) {
  const rig = createRig(servers, {}, observer)
  const client = rig.client({ door: 'stdio' })
  client.initialize({ elicitation: {} })
  const call = (tool: string): number => client.request('tools/call', { name: `search__${tool}` })
  /** Who has been given how many calls. */
  const shares = (): Record<string, number> => Object.fromEntries(Object.keys(servers).map((name) => [name, rig.link(name).of('tools/call').length]))
  const fails = (name: string, reason: ConstructorParameters<typeof LinkError>[0], parts: { status?: number; isUndelivered?: boolean } = {}): void => {
    const passed = rig.link(name).passed.at(-1)
    passed?.request.receiver.failed(new LinkError(reason, 'it went wrong', parts))
  }
  return { rig, client, call, shares, fails }
}

/** The server is gone and about to come back, as its source tells it. */
function kill(rig: ReturnType<typeof createRig>, name: string): void {
  rig.link(name).end()
  rig.change(name, { presence: 'coming', up: null, reason: 'it is being restarted' })
}

describe('a group', () => {
  test('is seen under its own name with what any of its members has, the first one\'s definitions', () => {
    const { rig } = open({
      other: { catalogue: { tools: [{ name: 'x' }] } },
      backup: member({ priority: 2 }, { catalogue: { tools: [{ name: 'look', title: 'of the backup' }, { name: 'more' }] } }),
      main: member({}, { catalogue: { tools: [{ name: 'look', title: 'of the main' }] } }),
    })
    const all = rig.client()
    const id = all.request('tools/list')
    expect(all.answerTo(id)).toMatchObject({ result: { tools: [{ name: 'other__x' }, { name: 'search__look', title: 'of the main' }, { name: 'search__more' }] } })
    expect(rig.gateway.viewOfServer('search')).toMatchObject({ servers: ['search'] })
    for (const [view, names] of [['search', ['search__look', 'search__more']], ['main', ['main__look']]] as const) {
      const one = rig.client({ view: rig.view(view) })
      const result = one.answerTo(one.request('tools/list'))?.['result'] as { tools: { name: string }[] }
      expect(result.tools.map(({ name }) => name)).toEqual(names)
    }
  })

  test('sends a call only to members that list the tool and may show it', () => {
    const { client, shares } = open({
      main: member({}, { catalogue: { tools: [{ name: 'look' }] } }),
      denied: member({ priority: 2 }, { traffic: { deny: ['write'] } }),
      backup: member({ priority: 3 }),
    })
    client.request('tools/call', { name: 'search__write' })
    expect(shares()).toEqual({ main: 0, denied: 0, backup: 1 })
  })

  test('with one name and one server is that server, renamed', () => {
    const { rig, call } = open({ main: member() })
    call('look')
    expect(rig.link('main').of('tools/call')).toHaveLength(1)
  })

  test('goes on without its main, and back to it when it is up again', () => {
    const { rig, call, client, shares } = open()
    call('look')
    rig.link('main').answer(1, {})
    kill(rig, 'main')
    call('write')
    expect(shares()).toEqual({ main: 1, backup: 1 })
    const renewed = rig.replace('main', member())
    const id = call('write')
    expect(renewed.of('tools/call')).toHaveLength(1)
    renewed.answer(1, { content: [] })
    expect(client.answerTo(id)).toMatchObject({ result: { content: [] } })
  })

  test('shares calls out by its strategy', () => {
    const { call, shares } = open({ a: member({ strategy: 'weighted', weight: 3 }), b: member({ strategy: 'weighted', weight: 1 }) })
    for (let i = 0; i < 40; i++) call('look')
    expect(shares()).toEqual({ a: 30, b: 10 })
  })

  test('keeps a session with one member where that is wanted', () => {
    const { rig, call, shares } = open({ a: member({ strategy: 'round-robin', sticky: 'session' }), b: member({ strategy: 'round-robin', sticky: 'session' }) })
    for (let i = 0; i < 5; i++) call('look')
    const other = rig.client()
    for (let i = 0; i < 3; i++) other.request('tools/call', { name: 'search__look' })
    expect(shares()).toEqual({ a: 5, b: 3 })
    kill(rig, 'a')
    call('look')
    // Those that a had under way, too: they only read.
    expect(shares()).toMatchObject({ b: 3 + 5 + 1 })
  })
})

describe('a call of a group whose member fails under it', () => {
  test('is repeated on another one when it only reads, and answered once', () => {
    const { rig, client, call } = open()
    const id = call('look')
    kill(rig, 'main')
    expect(client.answerTo(id)).toBeUndefined()
    rig.link('backup').answer(1, { content: [{ type: 'text', text: 'backup' }] })
    rig.link('main').answer(1, { content: [{ type: 'text', text: 'main' }] })
    expect(client.answers.filter((answer) => answer['id'] === id)).toMatchObject([{ result: { content: [{ text: 'backup' }] } }])
  })

  test('is answered with an honest error when it may have been carried out', () => {
    const { rig, client, call, shares } = open()
    const id = call('write')
    kill(rig, 'main')
    expect(client.answerTo(id)).toMatchObject({ error: { data: { reason: 'closed', outcome: 'unknown' } } })
    expect(shares()).toMatchObject({ backup: 0 })
  })

  test('is repeated when the configuration says that the tool may be', () => {
    const { rig, call, shares } = open({ main: member({}, { traffic: { repeatable: ['wr*'] } }), backup: member({ priority: 2 }) })
    call('write')
    kill(rig, 'main')
    expect(shares()).toMatchObject({ backup: 1 })
  })

  test.each([
    ['broken', 'unreachable', { status: 500 }], ['overloaded', 'unreachable', { status: 503 }], ['unauthorised', 'unauthorised', { status: 401 }], ['cut off', 'unreachable', {}], ['hung', 'timeout', {}],
  ] as const)('goes to another one when the first is %s', (_what, reason, parts) => {
    const { client, call, fails, shares, rig } = open()
    const [read, write] = [call('look'), call('write')]
    fails('main', reason, parts)
    expect(client.answerTo(write)).toMatchObject({ error: { data: { outcome: 'unknown' } } })
    rig.link('main').passed.at(0)?.request.receiver.failed(new LinkError(reason, 'it went wrong', parts))
    expect(shares()).toMatchObject({ backup: 1 })
    expect(client.answerTo(read)).toBeUndefined()
  })

  test('goes to another one even when it writes, if it certainly was not delivered', () => {
    const { client, call, fails, rig, shares } = open()
    const id = call('write')
    fails('main', 'unreachable', { isUndelivered: true })
    expect(shares()).toMatchObject({ backup: 1 })
    rig.link('backup').answer(1, { content: [] })
    expect(client.answerTo(id)).toMatchObject({ result: {} })
    rig.link('main').refusal = new LinkError('overloaded', 'it does not read')
    call('write')
    expect(shares()).toMatchObject({ backup: 2 })
  })

  test('takes an error answer of the server for what it is: an answer', () => {
    const { client, call, rig, shares } = open()
    const id = call('look')
    rig.link('main').answerText(1, '{"jsonrpc":"2.0","id":', ',"error":{"code":-32602,"message":"no"}}')
    expect(client.answerTo(id)).toMatchObject({ error: { code: -32602 } })
    expect(shares()).toMatchObject({ backup: 0 })
  })

  test('is tried by no member twice, and ends with the last one\'s error', () => {
    const { client, call, fails, shares } = open({ a: member(), b: member({ priority: 2 }), c: member({ priority: 3 }) })
    const id = call('look')
    for (const name of ['a', 'b', 'c']) fails(name, 'unreachable', { status: 500 })
    expect(shares()).toEqual({ a: 1, b: 1, c: 1 })
    expect(client.answerTo(id)).toMatchObject({ error: { data: { reason: 'unreachable', outcome: 'unknown', server: 'search' } } })
  })

  test('hangs for one limit per attempt', async () => {
    vi.useFakeTimers()
    const { client, call, rig, shares } = open({ main: member({}, { traffic: { timeoutMs: 1000 } }), backup: member({ priority: 2 }) })
    const [read, write] = [call('look'), call('write')]
    await vi.advanceTimersByTimeAsync(1001)
    expect(shares()).toMatchObject({ backup: 1 })
    expect(rig.link('main').takenBack).toEqual([1, 2])
    expect(client.answerTo(write)).toMatchObject({ error: { data: { reason: 'timeout', outcome: 'unknown' } } })
    await vi.advanceTimersByTimeAsync(900)
    expect(client.answerTo(read)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(101)
    expect(client.answerTo(read)).toMatchObject({ error: { data: { reason: 'timeout' } } })
  })

  test('is not given up for an answer that had arrived in time and was only read late', async () => {
    vi.useFakeTimers()
    const { client, call, rig, shares } = open({ main: member({}, { traffic: { timeoutMs: 1000 } }), backup: member({ priority: 2 }) })
    const id = call('write')
    await vi.advanceTimersByTimeAsync(1000)
    rig.link('main').answer(1, { content: [] })
    await vi.advanceTimersByTimeAsync(1000)
    expect(client.answerTo(id)).toMatchObject({ result: { content: [] } })
    expect(shares()).toEqual({ main: 1, backup: 0 })
  })

  test('leaves the line before a member whose breaker opens, at once and whether or not it writes', async () => {
    vi.useFakeTimers()
    const { call, rig, shares } = open({
      main: member({}, { traffic: { timeoutMs: 10_000, concurrency: { max: 1, queue: 10, queueTimeoutMs: 60_000 }, breaker: { ...DEFAULT_BREAKER, failures: 1 } } }),
      backup: member({ priority: 2 }),
    })
    call('look')
    await vi.advanceTimersByTimeAsync(9_000)
    for (const tool of ['look', 'write', 'write']) call(tool)
    expect(shares()).toEqual({ main: 1, backup: 0 })
    await vi.advanceTimersByTimeAsync(1_001)
    expect(shares()).toEqual({ main: 1, backup: 4 })
    expect(rig.gateway.gateFigures().waiting).toBe(0)
  })

  test('goes elsewhere even when it writes, if it only stood in line until its time was over', async () => {
    vi.useFakeTimers()
    const { call, client, rig, shares } = open({
      main: member({}, { traffic: { timeoutMs: 1_000, tools: { look: { timeoutMs: 10_000 } }, concurrency: { max: 1, queue: 10, queueTimeoutMs: 60_000 } } }),
      backup: member({ priority: 2 }),
    })
    call('look')
    const stood = call('write')
    await vi.advanceTimersByTimeAsync(1_001)
    expect(shares()).toEqual({ main: 1, backup: 1 })
    rig.link('backup').answer(1, { content: [] })
    expect(client.answerTo(stood)).toMatchObject({ result: { content: [] } })
  })

  test('is not held against a member that had it for the last moments of its time only', async () => {
    vi.useFakeTimers()
    const { call, rig, shares } = open({
      main: member({}, { traffic: { timeoutMs: 1_000, concurrency: { max: 1, queue: 10, queueTimeoutMs: 60_000 }, breaker: { ...DEFAULT_BREAKER, failures: 1 } } }),
      backup: member({ priority: 2 }),
    })
    for (let count = 0; count < 3; count++) call('look')
    await vi.advanceTimersByTimeAsync(300)
    rig.link('main').answer(1, { content: [] })
    await vi.advanceTimersByTimeAsync(350)
    rig.link('main').answer(2, { content: [] })
    await vi.advanceTimersByTimeAsync(351)
    expect(shares()).toEqual({ main: 3, backup: 1 })
    expect(rig.gateway.breaker('main')).toMatchObject({ state: 'closed' })
    call('look')
    await vi.advanceTimersByTimeAsync(1_001)
    expect(rig.gateway.breaker('main')).toMatchObject({ state: 'open', reason: expect.stringContaining('did not answer within 1000 ms') })
  })

  test('tells of a member that answers others meanwhile that it is slow, not that it hangs', async () => {
    vi.useFakeTimers()
    const { call, rig, shares } = open({ main: member({}, { traffic: { timeoutMs: 1_000, breaker: { ...DEFAULT_BREAKER, failures: 2 } } }), backup: member({ priority: 2 }) })
    for (const isAnswering of [true, false]) {
      rig.link('main').isAnswering = isAnswering
      for (const tool of ['look', 'look']) call(tool)
      await vi.advanceTimersByTimeAsync(1_001)
      expect(rig.gateway.breaker('main')).toMatchObject({ state: isAnswering ? 'closed' : 'open' })
      expect(rig.suspected).toEqual(isAnswering ? [] : ['main hung'])
      await vi.advanceTimersByTimeAsync(120_000)
      rig.replace('main', member({}, { traffic: { timeoutMs: 1_000, breaker: { ...DEFAULT_BREAKER, failures: 2 } } }))
    }
    expect(shares()).toMatchObject({ backup: 4 })
  })

  test('is told of once for each member that had it, under that one\'s name', () => {
    const ends: string[] = []
    const begun: string[] = []
    const observer: CallObserver = { began: (one: ObservedCall) => void begun.push(one.server), ended: (one: ObservedCall, end: CallEnd) => void ends.push(`${one.server} ${end.outcome} ${end.code}`) }
    const { call, fails, rig } = open(undefined, observer)
    call('look')
    fails('main', 'unreachable', { status: 500 })
    rig.link('backup').answer(1, { content: [] })
    expect(ends).toEqual(['main lost moved', 'backup ok null'])
    expect(begun).toEqual(['main', 'backup'])
  })
})

describe('a call that finds no member up', () => {
  test('goes to the first that comes up', async () => {
    const { rig, call, client } = open({ main: member({}, { isUp: false }), backup: member({ priority: 2 }, { isUp: false }) })
    rig.change('main', {})
    // Only what was listed can be routed to.
    rig.raise('backup')
    await rig.settle()
    kill(rig, 'backup')
    const id = call('write')
    expect(client.answerTo(id)).toBeUndefined()
    rig.raise('main')
    await rig.settle()
    expect(rig.link('main').of('tools/call')).toHaveLength(1)
    rig.link('main').answer(1, { content: [] })
    expect(client.answerTo(id)).toMatchObject({ result: {} })
  })

  test('is given up in time, and at once when nobody will come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { rig, call, client } = open()
    for (const name of ['main', 'backup']) kill(rig, name)
    const waiting = call('look')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(client.answerTo(waiting)).toMatchObject({ error: { data: { reason: 'starting', outcome: 'not-delivered' } } })
    for (const name of ['main', 'backup']) rig.change(name, { presence: 'down', reason: 'it failed' })
    const refused = call('look')
    expect(client.answerTo(refused)).toMatchObject({ error: { data: { reason: 'down', outcome: 'not-delivered' }, message: expect.stringContaining('main: it failed; backup: it failed') as string } })
  })

  test('is told why, also when all have been down for long and nothing is listed any more', async () => {
    const { rig, call, client } = open({ main: member({}, { catalogue: { ...CATALOGUE, tools: [...CATALOGUE.tools, { name: 'more' }] } }), backup: member({ priority: 2 }) })
    const list = (method: string, kind: string): unknown => (client.answerTo(client.request(method))?.['result'] as Record<string, unknown> | undefined)?.[kind]
    const failed = async (name: string): Promise<void> => {
      rig.link(name).end()
      rig.change(name, { presence: 'down', up: null, reason: 'it failed' })
      await rig.settle()
    }
    await failed('main')
    // The backup goes on; what only the main had is down with it.
    expect(list('tools/list', 'tools')).toHaveLength(2)
    expect(client.answerTo(call('more'))).toMatchObject({ error: { code: -32603, message: 'server "main" is down: it failed', data: { reason: 'down', server: 'search', outcome: 'not-delivered' } } })
    await failed('backup')
    expect(list('tools/list', 'tools')).toEqual([])
    const all = 'none of the servers behind "search" takes calls: main: it failed; backup: it failed'
    const asked = [call('look'), client.request('prompts/get', { name: 'search__greet' }), client.request('resources/read', { uri: 'note://one' })]
    for (const id of asked) expect(client.answerTo(id)).toMatchObject({ error: { code: -32603, message: all, data: { reason: 'down', server: 'search', outcome: 'not-delivered' } } })
    expect(client.answerTo(call('nonsense'))).toMatchObject({ error: { code: -32602 } })
    expect(client.session.reachable?.()).toEqual([{ name: 'search', presence: 'down', reason: 'it failed', tools: 0 }])
    rig.replace('main', member())
    await rig.settle()
    expect(list('tools/list', 'tools')).toHaveLength(2)
    expect(client.answerTo(call('look'))).toBeUndefined()
  })

  test('is not told of what it may not see', async () => {
    const rig = createRig({ main: member({}), other: { catalogue: CATALOGUE } })
    for (const name of ['main', 'other']) rig.change(name, { presence: 'down', up: null, reason: 'it failed' })
    await rig.settle()
    const client = rig.client({ view: { ...rig.view('other'), only: { servers: null, allow: ['*__look'], deny: [], manage: false } } })
    const code = (name: string): unknown => (client.answerTo(client.request('tools/call', { name }))?.['error'] as { code: number }).code
    expect(['other__look', 'other__write', 'search__look'].map(code)).toEqual([-32603, -32602, -32602])
  })

  test('can be taken back while it waits', async () => {
    const { rig, call, client } = open()
    for (const name of ['main', 'backup']) kill(rig, name)
    const id = call('look')
    client.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }))
    const renewed = rig.replace('main', member())
    await rig.settle()
    expect(renewed.of('tools/call')).toHaveLength(0)
  })
})

describe('a call in rounds', () => {
  const modern = { main: member({}, { era: 'modern' as const }), backup: member({ priority: 2 }, { era: 'modern' as const }) }
  const ASK = { resultType: 'input_required', requestState: 'state-1', inputRequests: { name: { method: 'elicitation/create', params: { message: 'name?' } } } }

  test('comes back to the member that asked, whoever is preferred by then', async () => {
    const { rig } = open(modern)
    const client = rig.client({ kind: 'modern' })
    kill(rig, 'main')
    client.modern('tools/call', { name: 'search__look' }, { elicitation: {} })
    rig.link('backup').answer(rig.link('backup').of('tools/call')[0]?.id ?? 0, ASK)
    rig.replace('main', modern.main)
    await rig.settle()
    client.modern('tools/call', { name: 'search__look', requestState: 'state-1', inputResponses: { name: { action: 'accept' } } }, { elicitation: {} })
    expect(rig.link('backup').of('tools/call')).toHaveLength(2)
    const unknown = client.modern('tools/call', { name: 'search__look', requestState: 'another' }, { elicitation: {} })
    expect(client.answerTo(unknown)).toMatchObject({ error: { code: -32602 } })
  })

  test('of a legacy client stays with its member, and ends with an error when that one dies', async () => {
    const { rig, client, call } = open(modern)
    const id = call('look')
    rig.link('main').answer(rig.link('main').of('tools/call')[0]?.id ?? 0, ASK)
    const asked = client.heard.find(({ method }) => method === 'elicitation/create')
    client.line(JSON.stringify({ jsonrpc: '2.0', id: asked?.['id'], result: { action: 'accept', content: {} } }))
    await rig.settle()
    expect(rig.link('main').of('tools/call')).toHaveLength(2)
    kill(rig, 'main')
    expect(rig.link('backup').of('tools/call')).toHaveLength(0)
    expect(client.answerTo(id)).toMatchObject({ error: { data: { outcome: 'unknown' } } })
  })
})

describe('a tool that only some members call harmless', () => {
  const plain = { catalogue: { tools: [{ name: 'look', inputSchema: {} }] } }
  test.each([
    ['is not asked again when the member that had it does not say so', member({ priority: 1 }, { catalogue: CATALOGUE, isUp: false }), {}, 'unknown'],
    ['is asked again when the configuration says so', member({ priority: 1 }, { catalogue: CATALOGUE, isUp: false }), { repeatable: ['look'] }, null],
  ] as const)('%s', (_title, main, traffic, outcome) => {
    const { rig, client, call } = open({ main: { ...main, isUp: true }, second: member({ priority: 2 }, { ...plain, traffic }), third: member({ priority: 3 }) })
    rig.change('main', { presence: 'coming', up: null })
    const id = call('look')
    expect(rig.link('second').of('tools/call')).toHaveLength(1)
    rig.link('second').end()
    expect(rig.link('third').of('tools/call')).toHaveLength(outcome === null ? 1 : 0)
    if (outcome !== null) expect(client.answerTo(id)).toMatchObject({ error: { data: { outcome } } })
  })
})

describe('an error', () => {
  test('says that the outcome is unknown when an earlier attempt may have reached a server', () => {
    const { rig, client, call } = open({ main: member(), backup: member({ priority: 2 }, { traffic: { concurrency: { max: 1, queue: 0, queueTimeoutMs: 1000 } } }) })
    const [first, second] = [call('look'), call('look')]
    rig.change('main', { presence: 'down' })
    rig.link('main').end()
    // There is room for one of them at the other member.
    expect(rig.link('backup').of('tools/call')).toHaveLength(1)
    expect(client.answerTo(first)).toBeUndefined()
    expect(client.answerTo(second)).toMatchObject({ error: { data: { outcome: 'unknown' } } })
    const third = call('look')
    expect(client.answerTo(third)).toMatchObject({ error: { data: { outcome: 'not-delivered' } } })
  })

  test('says so as well when the only server does not come back', () => {
    const { rig, client } = open({ solo: { catalogue: CATALOGUE } })
    const id = client.request('tools/call', { name: 'solo__look' })
    kill(rig, 'solo')
    const other = client.request('tools/call', { name: 'solo__write' })
    rig.change('solo', { presence: 'down' })
    expect(client.answerTo(id)).toMatchObject({ error: { data: { reason: 'down', outcome: 'unknown' } } })
    expect(client.answerTo(other)).toMatchObject({ error: { data: { reason: 'down', outcome: 'not-delivered' } } })
  })
})

describe('a resource of a group', () => {
  test('is watched at the preferred member that is up, and moves with it', async () => {
    const { rig, client } = open()
    client.request('resources/subscribe', { uri: 'note://one' })
    await rig.settle()
    const subscribed = (name: string): number => rig.link(name).requests.filter(({ method }) => method === 'resources/subscribe').length
    expect([subscribed('main'), subscribed('backup')]).toEqual([1, 0])
    kill(rig, 'main')
    await rig.settle()
    expect(subscribed('backup')).toBe(1)
    rig.says('backup', 'notifications/resources/updated', { uri: 'note://one' })
    expect(client.heard.filter(({ method }) => method === 'notifications/resources/updated')).toHaveLength(1)
  })
})

describe('a server made for a profile', () => {
  test('is seen there alone, in place of the server with its name', () => {
    const rig = createRig({
      db: { catalogue: CATALOGUE }, 'db@kairos': { catalogue: CATALOGUE, traffic: { profile: 'kairos', membership: membership({ group: 'db' }) } }, web: { catalogue: CATALOGUE },
    }, { profiles: { kairos: { servers: ['db'], tags: [] }, other: { servers: ['db', 'web'], tags: [] } } })
    const call = (view: ReturnType<typeof rig.gateway.viewOfProfile>): void => {
      const client = rig.client(view === null ? {} : { view })
      client.request('tools/call', { name: 'db__look' })
    }
    call(rig.gateway.viewOfProfile('kairos'))
    expect(rig.link('db@kairos').of('tools/call')).toHaveLength(1)
    call(rig.gateway.viewOfProfile('other'))
    call(null)
    expect(rig.link('db').of('tools/call')).toHaveLength(2)
    expect(rig.gateway.viewOfServer('db@kairos')).toBeNull()
    const client = rig.client({ view: { servers: ['db@kairos'], tags: [], prefix: null, separator: null } })
    expect(client.answerTo(client.request('tools/list'))).toMatchObject({ result: { tools: [] } })
  })
})
