import { readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { TraceEvent, TracedMessage } from '../../src/lib/core/index.js'
import { run, runOk, start } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { cleanUp, startHttp } from '../integration/mcp-support.js'
import { openSocket } from './gateway-client.js'
import { daemonFacts, errorOf, fixture, kill, untilGone, useHome } from './support.js'

const home = useHome()
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  await cleanUp()
})

const SECRET = 'canary-77ab-secret'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CLIENT_SPAN = '00f067aa0ba902b7'
const TRACEPARENT = `00-${TRACE}-${CLIENT_SPAN}-01`

type Shown = TracedMessage & { readonly body?: { readonly params?: { readonly _meta?: Record<string, unknown> } } }

/** `mcpctl trace --json ARGS` as it runs: every event so far. */
function watch(...args: string[]) {
  const command = start(['trace', '--json', ...args], { home: home(), deadlineMs: 60_000 })
  let text = ''
  command.stdout.on('data', (part: Buffer) => (text += part.toString()))
  const events = (): TraceEvent[] => text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as TraceEvent)
  const messages = (): Shown[] => events().filter((event): event is Shown => event.type === 'message')
  return { command, events, messages, text: () => text, until: (wanted: (message: Shown) => boolean): Promise<Shown> => waitFor(() => messages().find(wanted), { timeoutMs: 28_000, what: `a message that fits ${wanted.toString()}` }) }
}

interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly name: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
}

async function collector(): Promise<{ url: string; spans: SentSpan[]; bodies: string[] }> {
  const spans: SentSpan[] = []
  const bodies: string[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      bodies.push(body)
      const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] }
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  }))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, bodies }
}

describe('trace', () => {
  test('shows calls, errors and a restart as they happen, without secrets, and the collector gets their spans', async () => {
    const { url: webUrl } = await startHttp('legacy')
    const { url: collectorUrl, spans, bodies } = await collector()
    home().config({
      files: { ...fixture('mcp-legacy.mjs'), era: 'legacy', env: { API_KEY: SECRET }, restart: { backoff: { initial: '50ms', max: '100ms' } } },
      web: { url: webUrl, headers: { Authorization: `Bearer ${SECRET}` } },
    })
    await runOk(['start'], { home: home(), env: { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl, OTEL_SERVICE_NAME: 'tested', OTEL_BSP_SCHEDULE_DELAY: '600000' } })

    // Everything so far is only remembered; what is asked for is taken from that.
    const past = (await runOk(['trace', 'files', '--no-follow', '--json', '--method', 'initialize'], { home: home() })).jsonLines()
    expect(past).toMatchObject([{ schemaVersion: 1, type: 'message', direction: 'out', kind: 'request', method: 'initialize', remembered: true }, { direction: 'in', kind: 'result', method: 'initialize' }])

    const { command, events, messages, text, until } = watch('--body', '--last', '1')
    await waitFor(() => messages().length === 2, { timeoutMs: 28_000, what: 'one remembered message of each server' })
    const client = await openSocket(home())
    await client.initialize()
    expect(JSON.stringify(await client.call('files__echo', { text: SECRET }, { traceparent: TRACEPARENT, tracestate: 'vendor=1' }))).toContain(SECRET)
    const asked = await until(({ kind, target, server }) => kind === 'request' && target === 'echo' && server === 'files')
    expect(asked).toMatchObject({ summary: '{"text":"***"}', generation: 1, direction: 'out', remembered: false })
    expect(await until(({ kind, target }) => kind === 'result' && target === 'echo')).toMatchObject({ id: asked.id, summary: '***', method: 'tools/call', failed: false })
    await client.call('web__echo', { text: 'over http' })
    expect(await until(({ kind, server, target }) => kind === 'result' && server === 'web' && target !== null)).toMatchObject({ summary: 'over http', target: 'echo' })
    // It ends before it answers, and comes back: the trace goes on with the new process.
    const lost = await client.call('files__exit', { code: 3 })
    expect(lost.error).toBeDefined()
    expect(await until(({ kind }) => kind === 'given-up')).toMatchObject({ target: 'exit', failed: true, summary: expect.stringContaining('before it answered') as string })
    await waitFor(() => events().some((event) => event.type === 'phase' && event.phase === 'ready' && event.generation === 2))
    expect(events().flatMap((event) => (event.type === 'phase' ? [event.phase] : []))).toEqual(expect.arrayContaining(['starting', 'ready']))
    expect(await until(({ generation, method, kind }) => generation === 2 && method === 'initialize' && kind === 'result')).toBeDefined()
    await client.close()

    const errors = await runOk(['trace', 'files', '--no-follow', '--errors'], { home: home() })
    expect(errors).toMatchObject({ stdout: '', stderr: 'the daemon remembers no such message\n' })
    expect(errorOf(await run(['trace', 'fils', '--json'], { home: home() }))).toMatchObject({ code: 'SERVER_UNKNOWN', hint: 'Did you mean files?' })

    await runOk(['stop'], { home: home() })
    expect((await command).exitCode).toBe(0)
    expect(events().some(({ type }) => type === 'closing')).toBe(true)

    // What waited for its time was sent at the end: two spans a call, one trace, one below the other.
    const [served, passed] = spans.filter(({ name }) => name === 'tools/call echo')
    expect(served).toMatchObject({ traceId: TRACE, parentSpanId: CLIENT_SPAN, kind: 2, status: {} })
    expect(passed).toMatchObject({ traceId: TRACE, parentSpanId: served?.spanId, kind: 3 })
    expect(asked.body?.params?._meta).toMatchObject({ traceparent: `00-${TRACE}-${passed?.spanId ?? ''}-01`, tracestate: 'vendor=1' })
    const ended = spans.filter(({ name }) => name === 'tools/call exit')
    expect(ended.map(({ kind, status }) => [kind, status.code])).toEqual([[2, 2], [3, 2]])
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
    expect(spans).toHaveLength(6)
    expect(bodies[0]).toContain('"service.name","value":{"stringValue":"tested"}')
    for (const said of [text(), bodies.join(''), readFileSync(home().paths.daemonLog, 'utf8')]) expect(said).not.toContain(SECRET)
  })

  test('needs a daemon, ends when it is enough or the daemon is gone, and leaves the context of calls as it came', async () => {
    expect(await run(['trace'], { home: home() })).toMatchObject({ exitCode: 3, stdout: '' })
    expect(await run(['trace', '--grep', '('], { home: home() })).toMatchObject({ exitCode: 2, stdout: '' })

    home().config({ files: { ...fixture('mcp-legacy.mjs'), era: 'legacy' } })
    await runOk(['start'], { home: home() })
    const short = watch('--duration', '1s')
    const human = start(['trace', 'files'], { home: home() })
    let lines = ''
    human.stdout.on('data', (part: Buffer) => (lines += part.toString()))
    const picky = watch('files', '--body', '--tool', 'ech*', '--slow', '0', '--grep', 'fine')
    const asking = watch('files', '--body', '--tool', 'ech*')
    const client = await openSocket(home())
    await client.initialize()
    // There is no telling from outside when somebody has begun to look: it is called until all have seen it.
    const answered = await waitFor(async () => {
      await client.call('files__echo', { text: 'fine' }, { traceparent: TRACEPARENT, baggage: 'a=b' })
      return lines.includes('fine') && asking.messages().length > 0 && picky.messages()[0]
    }, { pollMs: 100, timeoutMs: 28_000 })
    expect(answered).toMatchObject({ kind: 'result', target: 'echo', failed: false })
    expect((await asking.until(({ kind }) => kind === 'request')).body?.params?._meta).toEqual({ traceparent: TRACEPARENT, baggage: 'a=b' })
    expect(lines).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}→ #\d+ +tools\/call echo +\d+ B +\{"text":"fine"\}$/m)
    expect(lines).toMatch(/← #\d+ +tools\/call echo +[\d.]+ms \d+ B +fine$/m)
    expect((await short.command).exitCode).toBe(0)
    await client.close()

    const { pid, watchdogPid } = daemonFacts(home())
    kill(pid)
    await untilGone(watchdogPid)
    expect(await human).toMatchObject({ exitCode: 0, stderr: 'the daemon ended\n' })
    expect([(await picky.command).exitCode, (await asking.command).exitCode]).toEqual([0, 0])
    expect(readFileSync(home().paths.daemonLog, 'utf8')).not.toContain('telemetry')
  })
})
