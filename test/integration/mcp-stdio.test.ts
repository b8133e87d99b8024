import { PassThrough, Writable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { LinkError, openStdioLink, RpcError, type EraVerdict, type OversizeLine } from '../../src/lib/mcp/index.js'
import { cleanUp, client, establish, fixture, keep, names, openChild, probe, until } from './mcp-support.js'

afterEach(cleanUp)

const call = { timeoutMs: 25_000 }

async function failure(promise: Promise<unknown>): Promise<LinkError> {
  const error = await promise.then(() => new Error('it did not fail'), (reason: unknown) => reason)
  if (!(error instanceof LinkError)) throw error
  return error
}

test.each([
  ['mcp-legacy', 'legacy', 'fixture-legacy'],
  ['mcp-modern', 'modern', 'fixture-modern'],
  ['mcp-dual', 'modern', 'fixture-dual'],
  ['mcp-code-zero', 'legacy', 'fixture-legacy'],
])('%s is opened as %s, its lists are read and its tools can be called', async (name, era, serverName) => {
  const { link, stages } = openChild(fixture(name))
  const established = await establish(link)
  expect(established.verdict.era).toBe(era)
  expect(established.serverInfo).toEqual({ name: serverName, version: '1.0.0' })
  expect(established.instructions).toBe('Be kind.')
  expect(names(established.catalogue.tools)).toEqual(['echo', 'wait', 'exit', 'pid'])
  expect(established.catalogue).toMatchObject({ prompts: [{ name: 'greet' }], resources: [{ uri: 'note://one' }], resourceTemplates: [{ name: 'any' }] })
  // Fields nobody here knows survive.
  expect(established.catalogue.tools[0]).toMatchObject({ 'x-unknown': { kept: true } })
  expect(await link.request('tools/call', { name: 'echo', arguments: { text: 'ü' } }, call)).toMatchObject({ content: [{ type: 'text', text: 'ü' }] })
  await probe(link)
  expect(stages[0]).toBe('waiting for the answer to server/discover')
  expect(stages).toContain('reading tools/list')
})

test('an error of the server arrives unchanged', async () => {
  const { link } = openChild(fixture('mcp-legacy'))
  await establish(link)
  const error = await link.request('tools/call', { name: 'nope' }, call).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RpcError)
  expect(error).toMatchObject({ code: -32602, message: 'Unknown tool: nope' })
})

test('a server that answers ping with an error lives', async () => {
  const { link } = openChild(fixture('mcp-legacy'), ['--no-ping'])
  await establish(link)
  await expect(probe(link)).resolves.toBeUndefined()
})

test('a server that is silent on server/discover is opened with initialize after the grace, on the same process', async () => {
  const { link, stages, child } = openChild(fixture('mcp-silent'))
  const established = await establish(link, { graceMs: 100 })
  expect(established.verdict.era).toBe('legacy')
  expect(stages).toContain('waiting for the answer to server/discover or to initialize')
  expect(child.exitCode).toBeNull()
})

test('a server that exits on the probe asks for a fresh process, and works there with what was learned', async () => {
  const first = openChild(fixture('mcp-exits-on-probe'))
  expect((await failure(establish(first.link))).reason).toBe('exits-on-probe')
  const second = openChild(fixture('mcp-exits-on-probe'))
  const remembered: EraVerdict = { era: 'legacy', protocolVersion: '2025-11-25', exitsOnProbe: true, decidedAt: 7 }
  const established = await establish(second.link, { remembered })
  expect(established.verdict).toEqual(remembered)
  expect(second.stages[0]).toBe('waiting for the answer to initialize')
})

test('a slow server of both eras is opened on its one process, whichever era its pipe is pinned to', async () => {
  const { link } = openChild(fixture('mcp-dual'), ['--delay', '400'])
  const established = await establish(link, { graceMs: 100 })
  expect(established.verdict.era).toBe('legacy')
  expect(established.remember.era).toBe('modern')
  const next = openChild(fixture('mcp-dual'), ['--delay', '400'])
  expect((await establish(next.link, { graceMs: 100, remembered: established.remember })).verdict.era).toBe('modern')
})

test('banners, log lines, broken text, byte order marks and split characters around the messages lose nothing', async () => {
  const { link, noise, child } = openChild(fixture('mcp-banner'))
  const established = await establish(link)
  expect(established.serverInfo?.name).toBe('fixture-bänner')
  expect(noise).toEqual(['*** Fixture server 1.0 ***', '{"level":"info","msg":"started"}', '{not json}', '{\xff\xfe}'])
  link.close()
  await new Promise((resolve) => child.once('close', resolve))
  expect(noise.at(-1)).toBe('goodbye')
  expect(link.counters.noise).toBe(5)
})

test('an error with id null for the probe does not cost the grace', async () => {
  const { link } = openChild(fixture('mcp-code-zero'), ['--null-id'])
  expect((await establish(link, { graceMs: 60_000 })).verdict.era).toBe('legacy')
})

test('all pages are read, a repeating cursor ends them with a warning, a failing page rejects', async () => {
  const pages = await establish(openChild(fixture('mcp-pages'), ['--pages', '5']).link)
  expect(names(pages.catalogue.tools)).toEqual(['tool-1', 'tool-2', 'tool-3', 'tool-4', 'tool-5'])
  expect(pages.warnings).toEqual([])
  const loop = await establish(openChild(fixture('mcp-pages'), ['--loop']).link)
  expect(names(loop.catalogue.tools)).toEqual(['tool-1', 'tool-2', 'tool-3'])
  expect(loop.warnings).toEqual([expect.stringContaining('repeats its cursor')])
  const broken = await failure(establish(openChild(fixture('mcp-pages'), ['--broken']).link))
  expect(broken).toMatchObject({ reason: 'rejected', message: expect.stringContaining('the second page is gone') as string })
})

test('questions of the server are answered during the handshake', async () => {
  const established = await establish(openChild(fixture('mcp-asks-roots')).link)
  expect(established.catalogue.tools).toMatchObject([
    { name: 'ping', description: '{}' },
    { name: 'roots/list', description: '{"roots":[]}' },
    { name: 'sampling/createMessage', description: expect.stringContaining('-32601') as string },
    { name: 'ping', description: '{}' },
  ])
})

test('a server of a version nobody speaks is rejected with a sentence', async () => {
  const error = await failure(establish(openChild(fixture('mcp-legacy'), ['--version', '2031-01-01']).link))
  expect(error.reason).toBe('rejected')
  expect(error.message).toContain('2031-01-01')
})

test('the fixed eras are honoured', async () => {
  expect((await establish(openChild(fixture('mcp-dual')).link, { era: 'legacy' })).verdict.era).toBe('legacy')
  expect((await failure(establish(openChild(fixture('mcp-legacy')).link, { era: 'modern' }))).reason).toBe('rejected')
  expect((await failure(establish(openChild(fixture('mcp-modern')).link, { era: 'legacy' }))).reason).toBe('rejected')
})

test('giving up the start says what it waited for', async () => {
  const controller = new AbortController()
  const { link, stages } = openChild(fixture('mcp-legacy'), ['--slow-lists', '60000'])
  const end = failure(establish(link, { signal: controller.signal }))
  await until(() => stages.some((stage) => stage.startsWith('reading')))
  controller.abort()
  expect(await end).toMatchObject({ reason: 'aborted', message: expect.stringContaining('while reading') as string })
})

test('closing the link during the handshake is no evidence about the server', async () => {
  const { link } = openChild(fixture('mcp-silent'))
  const end = failure(establish(link))
  link.close()
  expect((await end).reason).toBe('closed')
  expect((await failure(link.request('tools/list', undefined, call))).reason).toBe('closed')
})

test('requests under way fail when the server dies, and the owner hears of it once', async () => {
  const { link, closed } = openChild(fixture('mcp-legacy'))
  await establish(link)
  const waiting = Array.from({ length: 20 }, () => failure(link.request('tools/call', { name: 'wait' }, call)))
  const last = failure(link.request('tools/call', { name: 'exit', arguments: { code: 3 } }, call))
  expect(new Set((await Promise.all([...waiting, last])).map((error) => error.reason))).toEqual(new Set(['closed']))
  expect(closed).toEqual(['the server closed its output'])
  expect(link.closed).toBe(true)
  link.close()
  expect(closed).toHaveLength(1)
})

test('a request that takes too long or is given up is told to the server, and its late answer is counted', async () => {
  const { input, output, link, sent } = pipes()
  await openByHand({ output, link, sent })
  const timedOut = failure(link.request('tools/call', { name: 'a' }, { timeoutMs: 10 }))
  expect((await timedOut).reason).toBe('timeout')
  const controller = new AbortController()
  const givenUp = failure(link.request('tools/call', { name: 'b' }, { ...call, signal: controller.signal }))
  controller.abort()
  expect((await givenUp).reason).toBe('aborted')
  await until(() => sent.filter((message) => message['method'] === 'notifications/cancelled').length === 2)
  const ids = sent.filter((message) => message['method'] === 'tools/call').map((message) => message['id'])
  expect(sent.filter((message) => message['method'] === 'notifications/cancelled').map((message) => (message['params'] as { requestId: unknown }).requestId)).toEqual(ids)
  for (const id of ids) output.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{}}\n`)
  output.write('{"jsonrpc":"2.0","id":"1","result":{}}\n{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}\n')
  await until(() => link.counters.unknownAnswers === 4)
  expect(input.destroyed).toBe(false)
})

test('a second answer to the same request is counted and dropped', async () => {
  const { output, link, sent } = pipes()
  await openByHand({ output, link, sent })
  const answer = link.request('x', undefined, call)
  await until(() => sent.at(-1)?.['method'] === 'x')
  const id = String(sent.at(-1)?.['id'])
  output.write(`{"jsonrpc":"2.0","id":${id},"result":{"n":1}}\n{"jsonrpc":"2.0","id":${id},"result":{"n":2}}\n`)
  expect(await answer).toEqual({ n: 1 })
  await until(() => link.counters.unknownAnswers === 1)
})

test('a server that does not read is not fed without end: requests fail fast, and work again once it reads', async () => {
  const taken: (() => void)[] = []
  const input = new Writable({ highWaterMark: 1024, write: (_chunk, _encoding, done) => { taken.push(done) } })
  const output = new PassThrough()
  const link = keep(openStdioLink({ client, input, output, onNoise: () => undefined }))
  const open = establish(link, { era: 'legacy' })
  output.write('{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}\n')
  await open
  const text = 'x'.repeat(1024 * 1024)
  const results = Array.from({ length: 8 }, () => link.request('big', { text }, { timeoutMs: 200 }).catch((error: unknown) => error))
  expect(input.writableLength).toBeLessThan(4.1 * 1024 * 1024)
  const reasons = (await Promise.all(results)).map((error) => (error as LinkError).reason)
  expect(reasons.filter((reason) => reason === 'overloaded').length).toBeGreaterThanOrEqual(4)
  link.notify('lost', { text })
  expect(link.counters.unsent).toBeGreaterThan(0)
  const drain = setInterval(() => { for (const done of taken.splice(0)) done() }, 1)
  await until(() => input.writableLength === 0)
  clearInterval(drain)
  expect((await failure(link.request('small', undefined, { timeoutMs: 10 }))).reason).toBe('timeout')
})

test('an answer over the line bound fails its own request at once, and the link goes on', async () => {
  const oversize: OversizeLine[] = []
  const { output, link, sent } = pipes({ maxLineBytes: 10_000, onOversize: (line) => oversize.push(line) })
  await openByHand({ output, link, sent })
  for (const form of [(id: string) => `{"jsonrpc":"2.0","id":${id},"result":"${'x'.repeat(20_000)}"}\n`, (id: string) => `{"result":"${'x'.repeat(20_000)}","jsonrpc":"2.0","id":${id}}\n`]) {
    const answer = failure(link.request('big', undefined, call))
    await until(() => sent.at(-1)?.['method'] === 'big')
    output.write(form(String(sent.at(-1)?.['id'])))
    expect((await answer).reason).toBe('malformed')
    sent.push({})
  }
  expect(oversize).toHaveLength(2)
  const fine = link.request('small', undefined, call)
  await until(() => sent.at(-1)?.['method'] === 'small')
  output.write(`{"jsonrpc":"2.0","id":${String(sent.at(-1)?.['id'])},"result":{}}\n`)
  expect(await fine).toEqual({})
})

test('requests of a legacy server reach the hook, and what it does not take gets the default answer', async () => {
  const { output, link, sent } = pipes({
    onRequest: ({ method }) => method === 'sampling/createMessage' ? Promise.resolve({ role: 'assistant' }) : method === 'bad' ? Promise.reject(new RpcError({ code: 5, message: 'no', data: { x: 1 } })) : undefined,
  })
  await openByHand({ output, link, sent })
  for (const method of ['sampling/createMessage', 'bad', 'ping', 'other']) output.write(`{"jsonrpc":"2.0","id":"${method}","method":"${method}"}\n`)
  await until(() => sent.filter((message) => message['method'] === undefined).length === 4)
  expect(sent.find((message) => message['id'] === 'sampling/createMessage')).toMatchObject({ result: { role: 'assistant' } })
  expect(sent.find((message) => message['id'] === 'bad')).toMatchObject({ error: { code: 5, message: 'no', data: { x: 1 } } })
  expect(sent.find((message) => message['id'] === 'ping')).toMatchObject({ result: {} })
  expect(sent.find((message) => message['id'] === 'other')).toMatchObject({ error: { code: -32601 } })
})

test('a server that was gone before the link was opened is reported, not waited for', async () => {
  const output = new PassThrough()
  output.end()
  output.resume()
  await new Promise((resolve) => output.once('end', resolve))
  const link = keep(openStdioLink({ client, input: new PassThrough(), output, onNoise: () => undefined }))
  expect((await failure(establish(link))).reason).toBe('exits-on-probe')
})

interface Pipes {
  input: PassThrough
  output: PassThrough
  link: ReturnType<typeof openStdioLink>
  sent: Record<string, unknown>[]
}

/** A link over pipes the test holds in its own hands. */
function pipes(options: Partial<Parameters<typeof openStdioLink>[0]> = {}): Pipes {
  const input = new PassThrough()
  const output = new PassThrough()
  const sent: Record<string, unknown>[] = []
  let rest = ''
  input.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) sent.push(JSON.parse(line) as Record<string, unknown>)
  })
  return { input, output, sent, link: keep(openStdioLink({ client, input, output, onNoise: () => undefined, ...options })) }
}

async function openByHand({ output, link, sent }: Omit<Pipes, 'input'>): Promise<void> {
  const open = establish(link, { era: 'legacy' })
  await until(() => sent.length > 0)
  output.write('{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}\n')
  await open
}
