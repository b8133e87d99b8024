import { describe, expect, it } from 'vitest'
import { isTelemetryWanted, readTelemetrySettings } from '../../../src/lib/telemetry/settings.js'

const BASE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }
const read = (env: Record<string, string> = {}) => readTelemetrySettings({ ...BASE, ...env })
const settingsOf = (env: Record<string, string> = {}) => {
  const { settings } = read(env)
  if (settings === null) throw new Error('off')
  return settings
}

describe('the environment', () => {
  it('asks for nothing when it names no endpoint', () => {
    expect(isTelemetryWanted({ OTEL_SERVICE_NAME: 'x', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false)
    expect(readTelemetrySettings({})).toEqual({ settings: null, warnings: [] })
  })

  it('gives what the specification gives where it says nothing', () => {
    expect(read()).toEqual({
      settings: {
        url: new URL('http://localhost:4318/v1/traces'), headers: {}, gzip: false, timeoutMs: 10_000, certificates: { ca: null, cert: null, key: null },
        sampling: { ratio: 1, followsParent: true }, batch: { delayMs: 5000, exportTimeoutMs: 30_000, maxQueue: 2048, maxBatch: 512 }, resource: { 'service.name': 'mcpctl' },
      },
      warnings: [],
    })
  })

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' }, 'http://c:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/otlp' }, 'https://c/otlp/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:1/mine' }, 'http://t:1/mine'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:1' }, 'http://t:1/'],
  ])('%j sends to %s', (env, url) => {
    expect(settingsOf(env).url.href).toBe(url)
  })

  it('is read to the last variable', () => {
    expect(settingsOf({
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20abc, X-Team = a%2Cb', OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-team=traces', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip', OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/ca.pem', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25', OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '100', OTEL_BSP_EXPORT_TIMEOUT: '2000',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=dev,service.name=other,team=a%3Db', OTEL_SERVICE_NAME: 'gateway',
    })).toMatchObject({
      headers: { authorization: 'Bearer abc', 'x-team': 'traces' }, gzip: true, timeoutMs: 500, certificates: { ca: '/ca.pem', cert: null, key: null },
      sampling: { ratio: 0.25, followsParent: true }, batch: { delayMs: 100, exportTimeoutMs: 2000, maxQueue: 10, maxBatch: 10 },
      resource: { 'deployment.environment': 'dev', team: 'a=b', 'service.name': 'gateway' },
    })
    expect(settingsOf({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=other' }).resource['service.name']).toBe('other')
  })

  it.each([
    ['always_on', { ratio: 1, followsParent: false }],
    ['always_off', { ratio: 0, followsParent: false }],
    ['traceidratio', { ratio: 0.5, followsParent: false }],
    ['parentbased_always_on', { ratio: 1, followsParent: true }],
    ['parentbased_always_off', { ratio: 0, followsParent: true }],
  ])('chooses the sampler %s', (sampler, sampling) => {
    expect(read({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: '0.5' })).toMatchObject({ settings: { sampling }, warnings: [] })
  })

  it.each([
    [{ OTEL_SDK_DISABLED: 'TRUE' }],
    [{ OTEL_TRACES_EXPORTER: 'none' }],
  ])('%j turns it off without a word', (env) => {
    expect(read(env as unknown as Record<string, string>)).toEqual({ settings: null, warnings: [] })
  })

  it.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /OTEL_EXPORTER_OTLP_PROTOCOL is "grpc".*http\/json.*4318/],
    [{ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' }, /OTEL_EXPORTER_OTLP_TRACES_PROTOCOL/],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER is "zipkin"/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT is not an address/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense' }, /OTEL_EXPORTER_OTLP_ENDPOINT is not an address/],
  ])('%j cannot work, and says so', (env, warning) => {
    const { settings, warnings } = read(env)
    expect(settings).toBeNull()
    expect(warnings).toEqual([expect.stringMatching(warning)])
  })

  it.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, /http\/protobuf.*sent as that/],
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /jaeger_remote.*parentbased_always_on/],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, /OTEL_TRACES_SAMPLER_ARG is "2", not a number from 0 to 1/],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: 'many' }, /OTEL_BSP_MAX_QUEUE_SIZE is "many"/],
    [{ OTEL_BSP_SCHEDULE_DELAY: '99999999999' }, /OTEL_BSP_SCHEDULE_DELAY/],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=b,novalue' }, /OTEL_RESOURCE_ATTRIBUTES: a part/],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=%zz' }, /OTEL_RESOURCE_ATTRIBUTES: a part/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'bad name=x' }, /OTEL_EXPORTER_OTLP_HEADERS: a header is left out/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'x=a%0d%0ab' }, /OTEL_EXPORTER_OTLP_HEADERS: a header is left out/],
  ])('%j works all the same, and says what is not as it was meant', (env, warning) => {
    const { settings, warnings } = read(env)
    expect(settings).not.toBeNull()
    expect(warnings).toEqual([expect.stringMatching(warning)])
  })

  it('never shows the value of a header', () => {
    expect(JSON.stringify(read({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=canary%0a77,canary-88' }).warnings)).not.toContain('canary')
  })
})
