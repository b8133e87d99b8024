import net from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import type { Facts } from '../../../src/lib/verbs/doctor-facts.js'
import { checkTelemetry } from '../../../src/lib/verbs/doctor-network.js'

/** No daemon: the environment of this command counts. */
const check = (env: NodeJS.ProcessEnv): ReturnType<typeof checkTelemetry> => checkTelemetry({ io: { env }, daemon: Promise.resolve({ state: 'absent' }) } as unknown as Facts)

it('telemetry that nobody asked for, or that is switched off, is fine', async () => {
  expect(await check({})).toMatchObject([{ state: 'ok', detail: expect.stringContaining('is off') as string }])
  expect(await check({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' })).toMatchObject([{ state: 'ok' }])
})

it('telemetry to nowhere, or in a language that is not spoken, is told, without what may be secret', async () => {
  expect(await check({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' })).toMatchObject([{ state: 'warn', detail: expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT') as string }])
  expect(await check({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toMatchObject([{ state: 'warn', detail: expect.stringContaining('grpc') as string }])
  const found = await check({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:s3cret@127.0.0.1:1/x?key=s3cret' })
  expect(found).toMatchObject([{ state: 'warn', detail: 'nothing listens at http://127.0.0.1:1: traces are lost' }])
  expect(JSON.stringify(found)).not.toContain('s3cret')
})

it('telemetry to a collector that listens is fine', async () => {
  const server = net.createServer((socket) => socket.destroy())
  onTestFinished(() => void server.close())
  const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port)))
  expect(await check({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })).toMatchObject([{ state: 'ok', detail: `a collector listens at http://127.0.0.1:${port}` }])
})
