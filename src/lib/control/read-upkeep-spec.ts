import type { HealthSpec, LimitsSpec, ProbeSpec, ServerSpec } from '../core/index.js'
import { readBoolean, readDelay, readInteger, readLimit, readList, readNullable, readNumber, readOneOf, readRecord, readString, refuse } from './read.js'

/*
 * How a server is limited, probed and replaced. A command older than these fields leaves them out: what is absent has
 * the default of the configuration.
 */

const DEFAULT_DRAIN_MS = 5_000
const DEFAULT_HUNG_MS = 30_000

export function readReplacement(spec: Record<string, unknown>, field: string): Pick<ServerSpec, 'drainTimeoutMs' | 'replace'> {
  return {
    drainTimeoutMs: readDelay(spec['drainTimeoutMs'] ?? DEFAULT_DRAIN_MS, `${field}.drainTimeoutMs`),
    replace: readOneOf(spec['replace'] ?? (isAlone(spec) ? 'in-place' : 'beside'), `${field}.replace`, ['beside', 'in-place']),
  }
}

/** Two of these would want the same address or files. */
function isAlone(spec: Record<string, unknown>): boolean {
  return spec['transport'] === 'none' || (spec['launch'] != null && spec['endpoint'] != null)
}

export function readHealth(spec: Record<string, unknown>, field: string): HealthSpec {
  const health = readRecord(spec['health'], field)
  return {
    intervalMs: readLimit(health['intervalMs'], `${field}.intervalMs`),
    timeoutMs: readLimit(health['timeoutMs'], `${field}.timeoutMs`),
    hungAfterMs: readLimit(health['hungAfterMs'] ?? DEFAULT_HUNG_MS, `${field}.hungAfterMs`),
    probe: readProbe(health['probe'] ?? { type: spec['transport'] === 'none' ? 'none' : 'mcp' }, `${field}.probe`),
  }
}

function readProbe(value: unknown, field: string): ProbeSpec {
  const probe = readRecord(value, field)
  const type = readOneOf(probe['type'], `${field}.type`, ['mcp', 'none', 'http', 'tcp', 'command'])
  switch (type) {
    case 'mcp':
    case 'none':
      return { type }
    case 'http':
      return { type, url: readHttpUrl(probe['url'], `${field}.url`) }
    case 'tcp':
      return { type, host: readFilled(probe['host'], `${field}.host`), port: readInteger(probe['port'], `${field}.port`, [1, 65_535]) }
    case 'command':
      return { type, command: readFilled(probe['command'], `${field}.command`), args: readList(probe['args'], `${field}.args`, readString) }
  }
}

export function readLimits(value: unknown, field: string): LimitsSpec {
  const limits = readRecord(value, field)
  const positive = (name: string): number | null => readNullable(limits[name], `${field}.${name}`, readPositive)
  const memoryBytes = positive('memoryBytes')
  const memorySoftBytes = positive('memorySoftBytes')
  const cpuPercent = positive('cpuPercent')
  const pids = positive('pids')
  const required = readNullable(limits['required'], `${field}.required`, readBoolean)
  return {
    ...(memoryBytes === null ? {} : { memoryBytes }),
    ...(memorySoftBytes === null ? {} : { memorySoftBytes }),
    ...(cpuPercent === null ? {} : { cpuPercent }),
    ...(pids === null ? {} : { pids }),
    ...(required === null ? {} : { required }),
  }
}

/** A limit of nothing would end every server at once. */
function readPositive(value: unknown, field: string): number {
  const number = readNumber(value, field)
  return number > 0 ? number : refuse(field, 'a number above zero')
}

function readFilled(value: unknown, field: string): string {
  const text = readString(value, field)
  return text === '' ? refuse(field, 'text that is not empty') : text
}

function readHttpUrl(value: unknown, field: string): string {
  const url = readString(value, field)
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? url : refuse(field, 'an http or https URL')
}
