import {
  DEFAULT_BREAKER,
  DEFAULT_TRAFFIC,
  type BreakerSpec,
  type CacheSpec,
  type ConcurrencySpec,
  type MembershipSpec,
  type PinSpec,
  type RateSpec,
  type ToolSpec,
  type TrafficSpec,
} from '../core/index.js'
import { readBoolean, readDelay, readInteger, readLimit, readList, readMap, readMatching, readNullable, readNumber, readOneOf, readRecord, readString, readTexts, refuse, type Form } from './read.js'

/*
 * What the gateway does with the traffic of one server. A command older than a field leaves it out: what is absent has
 * its default.
 */

export function readTraffic(value: unknown, field: string): TrafficSpec {
  if (value === undefined) return DEFAULT_TRAFFIC
  const traffic = readRecord(value, field)
  const texts = (list: unknown, at: string): string[] => readList(list, at, readString)
  return {
    idleTimeoutMs: readNullable(traffic['idleTimeoutMs'], `${field}.idleTimeoutMs`, readLimit),
    timeoutMs: readNullable(traffic['timeoutMs'], `${field}.timeoutMs`, readLimit),
    allow: readNullable(traffic['allow'], `${field}.allow`, texts),
    deny: texts(traffic['deny'], `${field}.deny`),
    tools: readMap(traffic['tools'], `${field}.tools`, readTool),
    repeatable: texts(traffic['repeatable'] ?? [], `${field}.repeatable`),
    membership: readNullable(traffic['membership'], `${field}.membership`, readMembership),
    profile: readNullable(traffic['profile'], `${field}.profile`, readName),
    // Null is a decision: the server is sent calls however many fail.
    breaker: traffic['breaker'] === undefined ? DEFAULT_BREAKER : readNullable(traffic['breaker'], `${field}.breaker`, readBreaker),
    rate: readNullable(traffic['rate'], `${field}.rate`, readRate),
    concurrency: readNullable(traffic['concurrency'], `${field}.concurrency`, readConcurrency),
    cache: readNullable(traffic['cache'], `${field}.cache`, readCache),
    pins: readNullable(traffic['pins'], `${field}.pins`, readPins),
  }
}

function readTool(value: unknown, field: string): ToolSpec {
  const tool = readRecord(value, field)
  const name = readNullable(tool['name'], `${field}.name`, (text, at) => readMatching(text, at, TOOL_NAME))
  const description = readNullable(tool['description'], `${field}.description`, readString)
  const enabled = readNullable(tool['enabled'], `${field}.enabled`, readBoolean)
  const idleTimeoutMs = readNullable(tool['idleTimeoutMs'], `${field}.idleTimeoutMs`, readLimit)
  const timeoutMs = readNullable(tool['timeoutMs'], `${field}.timeoutMs`, readLimit)
  return {
    ...(name === null ? {} : { name }),
    ...(description === null ? {} : { description }),
    ...(enabled === null ? {} : { enabled }),
    ...(idleTimeoutMs === null ? {} : { idleTimeoutMs }),
    ...(timeoutMs === null ? {} : { timeoutMs }),
  }
}

function readPins(value: unknown, field: string): PinSpec {
  const pins = readRecord(value, field)
  return { tools: readTexts(pins['tools'], `${field}.tools`), prompts: readTexts(pins['prompts'], `${field}.prompts`) }
}

function readMembership(value: unknown, field: string): MembershipSpec {
  const membership = readRecord(value, field)
  return {
    group: readName(membership['group'], `${field}.group`),
    strategy: readOneOf(membership['strategy'], `${field}.strategy`, ['priority', 'round-robin', 'least-pending', 'weighted', 'random', 'latency']),
    sticky: readOneOf(membership['sticky'], `${field}.sticky`, ['none', 'session']),
    priority: readInteger(membership['priority'], `${field}.priority`, [0, 1_000_000]),
    weight: readAboveZero(membership['weight'], `${field}.weight`),
  }
}

function readBreaker(value: unknown, field: string): BreakerSpec {
  const breaker = readRecord(value, field)
  const count = (name: string): number => readInteger(breaker[name], `${field}.${name}`, COUNT)
  return {
    failures: count('failures'),
    errorPercent: readNullable(breaker['errorPercent'], `${field}.errorPercent`, readAboveZero),
    minCalls: count('minCalls'),
    windowMs: readLimit(breaker['windowMs'], `${field}.windowMs`),
    recoveryMs: readLimit(breaker['recoveryMs'], `${field}.recoveryMs`),
    maxRecoveryMs: readLimit(breaker['maxRecoveryMs'], `${field}.maxRecoveryMs`),
    trials: count('trials'),
  }
}

export function readRate(value: unknown, field: string): RateSpec {
  const rate = readRecord(value, field)
  return { perMinute: readAboveZero(rate['perMinute'], `${field}.perMinute`), burst: readInteger(rate['burst'], `${field}.burst`, COUNT) }
}

export function readConcurrency(value: unknown, field: string): ConcurrencySpec {
  const concurrency = readRecord(value, field)
  return {
    max: readInteger(concurrency['max'], `${field}.max`, COUNT),
    queue: readInteger(concurrency['queue'], `${field}.queue`, [0, MOST]),
    queueTimeoutMs: readDelay(concurrency['queueTimeoutMs'], `${field}.queueTimeoutMs`),
  }
}

function readCache(value: unknown, field: string): CacheSpec {
  const cache = readRecord(value, field)
  return {
    tools: readNullable(cache['tools'], `${field}.tools`, (list, at) => readList(list, at, readString)),
    resources: readBoolean(cache['resources'], `${field}.resources`),
    prompts: readBoolean(cache['prompts'], `${field}.prompts`),
    ttlMs: readLimit(cache['ttlMs'], `${field}.ttlMs`),
    scope: readOneOf(cache['scope'], `${field}.scope`, ['caller', 'public']),
  }
}

const MOST = 2 ** 31 - 1
const COUNT = [1, MOST] as const

function readAboveZero(value: unknown, field: string): number {
  const number = readNumber(value, field)
  return number > 0 ? number : refuse(field, 'a number above zero')
}

const TOOL_NAME: Form = { pattern: /^[A-Za-z0-9_.-]{1,128}$/, accepts: 'the name of a tool' }
const NAME: Form = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, accepts: 'a name as servers have' }

const readName = (value: unknown, field: string): string => readMatching(value, field, NAME)
