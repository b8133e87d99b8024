import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { LinkError, openHttpLink, RpcError, type HttpLinkOptions, type Link } from '../../src/lib/mcp/index.js'
import { cleanUp, client, establish, fixture, freePort, keep, names, probe, realServer, startChild, startHttp, until } from './mcp-support.js'

afterEach(cleanUp)

const call = { timeoutMs: 25_000 }

async function open(url: string, options: Partial<HttpLinkOptions> = {}): Promise<Link> {
  return keep(await openHttpLink({ client, url, headers: {}, transport: 'http', ...options }))
}

async function failure(promise: Promise<unknown>): Promise<LinkError> {
  const error = await promise.then(() => new Error('it did not fail'), (reason: unknown) => reason)
  if (!(error instanceof LinkError)) throw error
  return error
}

test.each([
  ['legacy', 'legacy', 1], ['legacy-sse', 'legacy', 1], ['modern', 'modern', 0], ['dual', 'modern', 0], ['discover-500', 'legacy', 1], ['code-404', 'legacy', 1],
])('an HTTP server in mode %s is opened as %s and its tools can be called', async (mode, era, initialized) => {
  const { url, stats } = await startHttp(mode)
  const link = await open(url)
  const established = await establish(link)
  expect(established.verdict.era).toBe(era)
  expect(names(established.catalogue.tools)).toContain('echo')
  expect(established.catalogue.prompts).toHaveLength(1)
  expect(await link.request('tools/call', { name: 'echo', arguments: { text: 'ü' } }, call)).toMatchObject({ content: [{ text: 'ü' }] })
  await probe(link)
  expect(await stats()).toMatchObject({ initialize: initialized, earlyLists: 0 })
})

test('a legacy session is named in every request after initialize and ended when the link closes', async () => {
  const { url, stats } = await startHttp('legacy')
  const link = await open(url)
  await establish(link)
  await link.request('tools/list', undefined, call)
  const { headers } = await stats() as { headers: { method: string; version: string | null; session: boolean }[] }
  const after = headers.slice(headers.findIndex((entry) => entry.method === 'initialize'))
  expect(after[0]).toEqual({ method: 'initialize', version: null, session: false })
  expect(after.length).toBeGreaterThan(3)
  for (const entry of after.slice(1)) expect(entry).toMatchObject({ version: '2025-11-25', session: true })
  link.close()
  await until(async () => (await stats())['deleted'] === 1)
})

test('a session the server forgot closes the link', async () => {
  const { url } = await startHttp('legacy')
  const closed: string[] = []
  const link = await open(url, { onClosed: (why) => closed.push(why) })
  await establish(link)
  await fetch(new URL('/drop-sessions', url), { method: 'POST' })
  expect((await failure(link.request('tools/list', undefined, call))).reason).toBe('closed')
  expect(closed).toEqual(['the server no longer knows the session'])
})

test('notifications in the stream of an answer are delivered', async () => {
  const { url } = await startHttp('legacy-sse')
  const heard: unknown[] = []
  const link = await open(url, { onNotification: (_method, params) => heard.push(params?.['data']) })
  await establish(link)
  heard.length = 0
  await link.request('tools/call', { name: 'echo' }, call)
  expect(heard).toEqual(['tools/call'])
})

test('names and arguments that headers cannot carry raw reach a modern server', async () => {
  const { url } = await startHttp('modern')
  const link = await open(url)
  await establish(link)
  expect(await link.request('tools/call', { name: 'größe', arguments: { region: '東京 ' } }, call)).toMatchObject({ content: [{ text: '東京 ' }] })
})

test('an error behind a failing status arrives as the error it is', async () => {
  const { url } = await startHttp('modern')
  const link = await open(url)
  await establish(link)
  const error = await link.request('no/such', undefined, call).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RpcError)
  expect(error).toMatchObject({ code: -32601 })
})

test('giving up a modern request closes its connection, giving up a legacy one sends a message too', async () => {
  const modern = await startHttp('modern')
  const modernLink = await open(modern.url)
  await establish(modernLink)
  expect((await failure(modernLink.request('tools/call', { name: 'wait' }, { timeoutMs: 50 }))).reason).toBe('timeout')
  await until(async () => (await modern.stats())['aborted'] === 1)
  const legacy = await startHttp('legacy')
  const legacyLink = await open(legacy.url)
  await establish(legacyLink)
  expect((await failure(legacyLink.request('tools/call', { name: 'wait' }, { timeoutMs: 50 }))).reason).toBe('timeout')
  await until(async () => (await legacy.stats())['cancelled'] === 1)
  expect((await modern.stats())['cancelled']).toBe(0)
})

test('401 says whether credentials were sent, and never which', async () => {
  const { url, stats } = await startHttp('unauthorised')
  const without = await failure(establish(await open(url)))
  expect(without.reason).toBe('unauthorised')
  expect(without.hint).toContain('No Authorization header')
  const wrong = await failure(establish(await open(url, { headers: { Authorization: 'Bearer hunter2' } })))
  expect(wrong.hint).toContain('not accepted')
  expect(JSON.stringify([wrong.message, wrong.hint, wrong.stack])).not.toContain('hunter2')
  // 401 is never evidence about the era, so initialize was not tried.
  expect(await stats()).toMatchObject({ initialize: 0, discover: 2 })
  const right = await establish(await open(url, { headers: { authorization: 'Bearer letmein' } }))
  expect(right.verdict.era).toBe('legacy')
})

test('credentials and keys in the url never show up in a message', async () => {
  const port = await freePort()
  const error = await failure(establish(await open(`http://user:hunter2@127.0.0.1:${port}/key-hunter2/mcp?token=hunter2`)))
  expect(error).toMatchObject({ reason: 'unreachable', message: `nothing listens on http://127.0.0.1:${port}` })
  expect(`${error.message}${error.hint ?? ''}${error.stack ?? ''}`).not.toContain('hunter2')
})

test.each([
  ['redirect', 'rejected', /redirects elsewhere \(HTTP 307\)/],
  ['html', 'rejected', /HTTP 404/],
  ['outage', 'unreachable', /HTTP 503/],
])('a server in mode %s is %s', async (mode, reason, sentence) => {
  const { url } = await startHttp(mode === 'html' ? 'html' : mode)
  const error = await failure(establish(await open(url)))
  expect(error.reason).toBe(reason)
  expect(error.message).toMatch(sentence)
  expect(`${error.message}${error.hint ?? ''}`).not.toContain('secret')
})

test('an unknown host, a self-signed certificate, TLS on a plain port and a port without HTTP are told apart', async () => {
  const dns = await failure(establish(await open('http://no-such-host.invalid/mcp')))
  expect(dns).toMatchObject({ reason: 'unreachable', message: expect.stringMatching(/no-such-host\.invalid/) as string })
  const { url } = await startHttp('legacy')
  const plain = await failure(establish(await open(url.replace('http:', 'https:'))))
  expect(plain.message).toMatch(/does not speak TLS/)
  const folder = mkdtempSync(join(tmpdir(), 'mcpctl-tls-'))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', join(folder, 'key'), '-out', join(folder, 'cert')], { stdio: 'ignore' })
  const tls = createTlsServer({ key: readFileSync(join(folder, 'key')), cert: readFileSync(join(folder, 'cert')) })
  const junk = createServer((socket) => { socket.on('error', () => undefined).end('220 mail ready\r\n') })
  await Promise.all([tls, junk].map((server) => new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })))
  try {
    const selfSigned = await failure(establish(await open(`https://127.0.0.1:${(tls.address() as AddressInfo).port}/mcp`)))
    expect(selfSigned.message).toMatch(/self-signed/)
    const mail = await failure(establish(await open(`http://127.0.0.1:${(junk.address() as AddressInfo).port}/mcp`)))
    expect(mail.message).toMatch(/does not answer in HTTP/)
  } finally {
    tls.close()
    junk.close()
    rmSync(folder, { recursive: true })
  }
})

test('an address that is none and a header that HTTP does not allow are refused without showing values', async () => {
  expect((await failure(open('mailto:hunter2@example.org'))).reason).toBe('rejected')
  const error = await failure(establish(await open('http://127.0.0.1:9/mcp', { headers: { 'X-Key': 'hunter2\n' } })))
  expect(error).toMatchObject({ reason: 'unsendable', message: expect.stringContaining('x-key') as string })
  expect(`${error.message}${error.stack ?? ''}`).not.toContain('hunter2')
})

test('a local server that is still booting is waited for, and its boot time is not taken for silence', async () => {
  // The boot is longer than the grace, and the grace longer than a busy machine needs for an answer.
  const eraOf = async (mode: string): Promise<string> => {
    const port = await freePort()
    startChild(fixture('mcp-http'), ['--mode', mode, '--port', String(port), '--boot-delay', '3000'])
    const stages: string[] = []
    const link = await open(`http://127.0.0.1:${port}/mcp`, { untilListening: true, onStage: (stage) => stages.push(stage) })
    const established = await establish(link, { graceMs: 2000 })
    expect(stages).toContain(`waiting for http://127.0.0.1:${port} to listen`)
    return established.verdict.era
  }
  expect(await Promise.all(['modern', 'dual', 'legacy'].map(eraOf))).toEqual(['modern', 'modern', 'legacy'])
})

test('a local server that never listens is waited for until the start is given up', async () => {
  const port = await freePort()
  const given = new AbortController()
  const link = await open(`http://127.0.0.1:${port}/mcp`, { untilListening: true, onStage: (stage) => { if (stage.endsWith('to listen')) given.abort() } })
  const error = await failure(establish(link, { signal: given.signal }))
  expect(error).toMatchObject({ reason: 'aborted', message: `the start was given up while waiting for http://127.0.0.1:${port} to listen` })
})

test('a server that accepts connections and never answers ends with the deadline', async () => {
  const server = createServer((socket) => { socket.on('error', () => undefined).resume() })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const link = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`)
  const error = await failure(establish(link, { signal: AbortSignal.timeout(200), graceMs: 50 }))
  expect(error.reason).toBe('aborted')
  link.close()
  await new Promise((resolve) => server.close(resolve))
})

test('a kept connection that turns out to be closed is replaced, except under a call that may not happen twice', async () => {
  const { url } = await startHttp('modern', ['--drop-reused'])
  const link = await open(url)
  await establish(link)
  for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 5 }, () => link.request('tools/list', undefined, call)))
  // One after the other, every second call meets the connection the first one left behind.
  const outcomes: string[] = []
  for (let round = 0; round < 4; round++) outcomes.push(await link.request('tools/call', { name: 'pid' }, call).then(() => 'answered', (error: unknown) => (error as LinkError).reason))
  expect(new Set(outcomes)).toEqual(new Set(['answered', 'unreachable']))
})

test('requests fail with a cause when the server dies, and the link survives until its owner closes it', async () => {
  const { url, child } = await startHttp('modern')
  const link = await open(url)
  await establish(link)
  const waiting = failure(link.request('tools/call', { name: 'wait' }, call))
  await new Promise((resolve) => { setImmediate(resolve) })
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  expect((await waiting).reason).toBe('unreachable')
  // Its connections break one by one: only when it is gone does its port refuse.
  await exited
  expect(await failure(probe(link))).toMatchObject({ reason: 'unreachable', message: expect.stringContaining('nothing listens') as string })
  expect(link.closed).toBe(false)
})

test('HTTP+SSE servers are opened with transport sse, in the order the protocol wants', async () => {
  const { url } = await startHttp('sse')
  const link = await open(url, { transport: 'sse' })
  const established = await establish(link)
  expect(established.verdict).toMatchObject({ era: 'legacy', protocolVersion: '2024-11-05' })
  expect(names(established.catalogue.tools)).toContain('echo')
  expect(await link.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, call)).toMatchObject({ content: [{ text: 'x' }] })
  await probe(link)
})

test('an HTTP+SSE server that ends its stream closes the link', async () => {
  const { url, child } = await startHttp('sse')
  const closed: string[] = []
  const link = await open(url, { transport: 'sse', onClosed: (why) => closed.push(why) })
  await establish(link)
  const waiting = failure(link.request('tools/call', { name: 'wait' }, call))
  // Messages leave in order: when the ping was answered, the call had been taken.
  await probe(link)
  child.kill('SIGKILL')
  expect((await waiting).reason).toBe('closed')
  expect(closed).toEqual(['the server ended its event stream'])
})

test('an HTTP+SSE server may not send us to another host', async () => {
  const { url } = await startHttp('sse', ['--foreign-endpoint'])
  expect(await failure(establish(await open(url, { transport: 'sse' })))).toMatchObject({ reason: 'rejected', message: expect.stringContaining('another host') as string })
})

test('the wrong HTTP transport is named as such', async () => {
  const streamable = await startHttp('legacy')
  expect((await failure(establish(await open(streamable.url, { transport: 'sse' })))).hint).toContain('transport: http')
  const sse = await startHttp('sse')
  expect(await failure(establish(await open(sse.url)))).toMatchObject({ reason: 'rejected' })
})

test.each([['streamableHttp', 'http', 'mcp'], ['sse', 'sse', 'sse']] as const)('the real everything server is opened over %s', async (mode, transport, path) => {
  const port = await freePort()
  startChild(realServer('everything'), [mode], { PORT: String(port) })
  const link = await open(`http://localhost:${port}/${path}`, { untilListening: true, transport })
  const established = await establish(link)
  expect(established.verdict.era).toBe('legacy')
  expect(names(established.catalogue.tools)).toContain('echo')
  expect(await link.request('tools/call', { name: 'echo', arguments: { message: 'hello' } }, call)).toMatchObject({ content: [{ text: expect.stringContaining('hello') as string }] })
})
