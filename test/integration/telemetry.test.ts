import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { openTelemetry, readTelemetrySettings, type Telemetry, type TracedCall } from '../../src/lib/telemetry/index.js'
import { waitFor } from '../helpers/wait.js'

interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly spans: Record<string, unknown>[]
}

type Answer = (response: http.ServerResponse) => void

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A collector that answers with these, one after the other, then takes everything. */
async function collector(answers: Answer[] = []): Promise<{ url: string; got: Received[]; connections: () => number }> {
  const got: Received[] = []
  let connections = 0
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const bytes = Buffer.concat(parts)
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
      const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] }
      got.push({ method: request.method, url: request.url, headers: request.headers, spans: resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)) })
      const answer = answers.shift() ?? ((to) => void to.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
      answer(response)
    })
  })
  server.on('connection', () => void connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(() => new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  }))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got, connections: () => connections }
}

function telemetry(url: string, env: Record<string, string> = {}): { telemetry: Telemetry; warnings: string[] } {
  const { settings } = readTelemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '10', ...env })
  if (settings === null) throw new Error('off')
  const warnings: string[] = []
  const opened = openTelemetry({ settings, version: '1.2.3', addressOf: () => null, mask: (_server, text) => text, warn: (sentence) => void warnings.push(sentence) })
  open.push(() => opened.close(0))
  return { telemetry: opened, warnings }
}

let serial = 0
function makeCall(to: Telemetry): void {
  const call: TracedCall = { serial: ++serial, server: 'files', method: 'tools/call', target: 'echo', session: 's1', era: 'legacy', client: null, startedAt: Date.now(), bytesIn: 1, traceparent: null, tracestate: null }
  to.began(call)
  to.ended(call, { outcome: 'ok', durationMs: 1, bytesOut: 1, code: null, waitedMs: 0 })
}

describe('a collector over HTTP', () => {
  it('gets the spans of each call in the JSON of OTLP, with the headers that were asked for, over one connection', async () => {
    const { url, got, connections } = await collector()
    const { telemetry: sending, warnings } = telemetry(`${url}/base/`, { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc', OTEL_SERVICE_NAME: 'my-gateway' })
    makeCall(sending)
    await waitFor(() => got.length === 1)
    makeCall(sending)
    await waitFor(() => sending.counts.sent === 4)
    expect(got[0]).toMatchObject({ method: 'POST', url: '/base/v1/traces', headers: { 'content-type': 'application/json', authorization: 'Bearer abc', 'user-agent': 'mcpctl/1.2.3' } })
    expect(got.map(({ spans }) => spans.map(({ kind }) => kind))).toEqual([[2, 3], [2, 3]])
    expect(got[0]?.spans[0]).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string, spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string, startTimeUnixNano: expect.stringMatching(/^\d{19}$/) as string })
    expect(connections()).toBe(1)
    expect(warnings).toEqual([])
  })

  it('gets them packed where that is asked for', async () => {
    const { url, got } = await collector()
    const { telemetry: sending } = telemetry(url, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' })
    makeCall(sending)
    await waitFor(() => got.length === 1)
    expect(got[0]).toMatchObject({ headers: { 'content-encoding': 'gzip' }, spans: [{ name: 'tools/call echo' }, {}] })
  })

  it('that is busy gets the same spans again', async () => {
    const { url, got } = await collector([(to) => void to.writeHead(503, { 'retry-after': '0' }).end('busy'), (to) => void to.destroy()])
    const { telemetry: sending, warnings } = telemetry(url)
    makeCall(sending)
    await waitFor(() => sending.counts.sent === 2, { timeoutMs: 20_000 })
    expect(got.map(({ spans }) => spans.map(({ spanId }) => spanId))).toEqual([got[0]?.spans.map(({ spanId }) => spanId), got[0]?.spans.map(({ spanId }) => spanId), got[0]?.spans.map(({ spanId }) => spanId)])
    expect(warnings).toEqual([])
  })

  it('that refuses them, or a part of them, is not asked again', async () => {
    const partly = (to: http.ServerResponse): void => void to.end(JSON.stringify({ partialSuccess: { rejectedSpans: '1', errorMessage: 'one is too old' } }))
    const { url, got } = await collector([(to) => void to.writeHead(401).end('no'), partly])
    const { telemetry: sending, warnings } = telemetry(url)
    makeCall(sending)
    await waitFor(() => sending.counts.dropped === 2)
    makeCall(sending)
    await waitFor(() => sending.counts.sent === 1)
    expect(sending.counts).toEqual({ sent: 1, dropped: 3 })
    expect(got).toHaveLength(2)
    expect(warnings).toEqual(['spans are dropped: the collector refuses them (HTTP 401)', 'the collector left out spans: one is too old'])
  })

  it('gets at the end what waits for its time', async () => {
    const { url, got } = await collector()
    const { telemetry: sending } = telemetry(url, { OTEL_BSP_SCHEDULE_DELAY: '600000' })
    makeCall(sending)
    await sending.close(20_000)
    expect(got[0]?.spans).toHaveLength(2)
  })

  it('that does not answer, or is not there, holds up the end no longer than it may', async () => {
    const { url } = await collector([() => undefined, () => undefined])
    for (const address of [url, 'http://127.0.0.1:1']) {
      // Nothing else would end the wait: the collector has ten minutes.
      const { telemetry: sending, warnings } = telemetry(address, { OTEL_BSP_SCHEDULE_DELAY: '600000', OTEL_EXPORTER_OTLP_TIMEOUT: '600000', OTEL_BSP_EXPORT_TIMEOUT: '600000' })
      makeCall(sending)
      await sending.close(200)
      expect(sending.counts).toEqual({ sent: 0, dropped: 2 })
      expect(warnings).toHaveLength(1)
    }
  })
})

it('says at once that a certificate cannot be read', () => {
  expect(() => telemetry('https://127.0.0.1:1', { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' })).toThrow(/ENOENT.*\/nowhere\/ca\.pem/)
})

it('says at once that a key cannot be used, instead of at the first span', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcpctl-otel-'))
  try {
    const key = join(folder, 'key.pem')
    writeFileSync(key, '-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n')
    expect(() => telemetry('https://127.0.0.1:1', { OTEL_EXPORTER_OTLP_CLIENT_KEY: key })).toThrow()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
