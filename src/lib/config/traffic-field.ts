import type { CacheSpec } from '../core/index.js'
import { group, type Stated } from './field-group.js'
import { choice, duration, integer, isRecord, list, reject, truth, type Kind } from './kind.js'
import { textOf, type Schema } from './schema-part.js'
import { toolPattern } from './tool-field.js'

/** What `breaker` can say; `isOff` for `false`. */
export interface BreakerFields {
  isOff: boolean
  failures: number
  errorRate: number | null
  minCalls: number
  window: number
  recovery: number
  maxRecovery: number
  trials: number
}

export interface RateFields {
  perMinute: number
  burst: number
}

export interface ConcurrencyFields {
  max: number
  queue: number
  queueTimeout: number
}

/** What `cache` of a server can say; `isOff` for `false`. */
export interface CacheFields {
  isOff: boolean
  ttl: number
  tools: string[]
  resources: boolean
  prompts: boolean
  scope: CacheSpec['scope']
}

/** An object, or something shorter that stands for one. */
function orShort<T>(accepts: string, whole: Kind<T>, short: { readonly schema: readonly Schema[]; readonly read: Kind<T>['read'] }): Kind<T> {
  return {
    ...whole,
    name: 'either',
    accepts,
    schema: { anyOf: [...short.schema, whole.schema] },
    read: (value, spot) => (isRecord(value) ? whole.read(value, spot) : short.read(value, spot)),
  }
}

/** A group in which one field has to be there. */
function needing<T extends object>(whole: Kind<Stated<T>>, name: keyof T & string): Kind<Stated<T>> {
  return {
    ...whole,
    schema: { ...whole.schema, required: [name] },
    read: (value, spot) => {
      if (isRecord(value) && value[name] === undefined) spot.problem(`has no ${name}`, `Add "${name}".`)
      return whole.read(value, spot)
    },
  }
}

/** A share from above 0 to 100 percent: "50%", or a number of percent; null: never, written false. */
const errorRate: Kind<number | null> = {
  name: 'cpu',
  accepts: 'a share of the calls such as "50%", or false for none',
  schema: { anyOf: [{ const: false }, { type: 'number', exclusiveMinimum: 0, maximum: 100 }, textOf('^\\s*(?!0+(?:\\.0+)?\\s*%)(?:100(?:\\.0+)?|\\d{1,2}(?:\\.\\d+)?)\\s*%\\s*$')] },
  read: (value, spot) => {
    if (value === false) return null
    const text = typeof value === 'string' ? /^\s*(\d{1,3}(?:\.\d+)?)\s*%\s*$/.exec(value)?.[1] : undefined
    const percent = typeof value === 'number' ? value : Number(text)
    return percent > 0 && percent <= 100 ? percent : reject(value, spot, errorRate.accepts)
  },
}

const BREAKER_ACCEPTS = 'false, or an object with failures, errorRate, minCalls, window, recovery, maxRecovery and trials'

const breakerGroup = group<BreakerFieldsAsWritten>(BREAKER_ACCEPTS, {
  failures: { kind: integer(1, 10_000), summary: 'So many failed calls in a row open it.' },
  errorRate: { kind: errorRate, summary: 'Such a share of failed calls inside the window opens it too.' },
  minCalls: { kind: integer(1, 1_000_000), summary: 'Calls there must be in the window before the share counts.' },
  window: { kind: duration(1000), summary: 'The window.' },
  recovery: { kind: duration(10), summary: 'Time until the first trial call; doubled with each one that fails.' },
  maxRecovery: { kind: duration(10), summary: 'The longest time until a trial call.' },
  trials: { kind: integer(1, 100), summary: 'Trial calls that must go well, one after the other, to close it.' },
}, ({ recovery, maxRecovery }, spot) => {
  if (recovery !== undefined && maxRecovery !== undefined && recovery > maxRecovery) spot.problem('has a recovery above its max', 'Make recovery the smaller of the two.')
})

type BreakerFieldsAsWritten = Omit<BreakerFields, 'isOff'>

/** `false`: calls are sent however many fail. */
export const breaker: Kind<Stated<BreakerFields>> = switchable(BREAKER_ACCEPTS, breakerGroup)

/** `false` and `true`, or an object that means true. */
function switchable<T extends object>(accepts: string, whole: Kind<Stated<T>>): Kind<Stated<T & { isOff: boolean }>> {
  type Switched = Stated<T & { isOff: boolean }>
  const on: Kind<Switched> = {
    ...whole,
    read: (value, spot) => {
      const read = whole.read(value, spot)
      return read && ({ ...read, isOff: false } as Switched)
    },
  }
  return orShort(accepts, on, {
    schema: [{ type: 'boolean' }],
    read: (value, spot) => (typeof value === 'boolean' ? ({ isOff: !value } as Switched) : reject(value, spot, accepts)),
  })
}

/** A number that stands for an object with one field, or false for none (null). */
function numberOr<T extends object>(accepts: string, whole: Kind<Stated<T>>, short: { readonly kind: Kind<number>; readonly as: (value: number) => Stated<T> }): Kind<Stated<T> | null> {
  return orShort<Stated<T> | null>(accepts, whole, {
    schema: [{ const: false }, short.kind.schema],
    read: (value, spot) => {
      if (value === false) return null
      if (typeof value !== 'number') return reject(value, spot, accepts)
      const read = short.kind.read(value, spot)
      return read === undefined ? undefined : short.as(read)
    },
  })
}

const PER_MINUTE = integer(1, 100_000_000)

const rateGroup = needing(group<RateFields>('an object with perMinute and burst', {
  perMinute: { kind: PER_MINUTE, summary: 'Requests a minute on average.' },
  burst: { kind: PER_MINUTE, summary: 'Requests at once. Default: what ten seconds bring.' },
}), 'perMinute')

/** Requests a minute; null: as many as one wants. */
export const rate = numberOr('a number of requests a minute, an object with perMinute and burst, or false for no limit', rateGroup, {
  kind: PER_MINUTE,
  as: (perMinute) => ({ perMinute }),
})

const MAX_CALLS = integer(1, 1_000_000)

const concurrencyGroup = needing(group<ConcurrencyFields>('an object with max, queue and queueTimeout', {
  max: { kind: MAX_CALLS, summary: 'Calls under way at once.' },
  queue: { kind: integer(0, 1_000_000), summary: 'Calls that may wait for their turn; more are refused. Default 100.' },
  queueTimeout: { kind: duration(0), summary: 'The longest a call waits for its turn. Default 5s.' },
}), 'max')

/** Calls at once; null: as many as one wants. */
export const concurrency = numberOr('a number of calls at once, an object with max, queue and queueTimeout, or false for no limit', concurrencyGroup, {
  kind: MAX_CALLS,
  as: (max) => ({ max }),
})

const ttl = duration(1)

const CACHE_ACCEPTS = 'true, false, a time such as "60s", or an object with ttl, tools, resources, prompts and scope'

const cacheSwitch = switchable<Omit<CacheFields, 'isOff'>>(CACHE_ACCEPTS, group('an object with ttl, tools, resources, prompts and scope', {
  ttl: { kind: ttl, summary: 'How long an answer is kept that does not say so itself.' },
  tools: { kind: list(toolPattern, 'a pattern or a list of them', { orSingle: true }), summary: 'Tools whose answers are kept, by the names the server uses. Default: those that say they only read.' },
  resources: { kind: truth, summary: 'true: resources that were read are kept too.' },
  prompts: { kind: truth, summary: 'true: prompts are kept too.' },
  scope: { kind: choice<CacheSpec['scope']>(['caller', 'public']), summary: 'caller: an answer is kept for who asked; public: for everybody.' },
}))

/** Whether answers are kept, and which. */
export const cache: Kind<Stated<CacheFields>> = {
  ...cacheSwitch,
  schema: { anyOf: [ttl.schema, cacheSwitch.schema] },
  read: (value, spot) => {
    if (typeof value !== 'number' && typeof value !== 'string') return cacheSwitch.read(value, spot)
    const ttlMs = ttl.read(value, spot)
    return ttlMs === undefined ? undefined : { isOff: false, ttl: ttlMs }
  },
}
