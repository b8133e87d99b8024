import type { ManagementSettings } from '../core/index.js'
import { group, type Stated } from './field-group.js'
import { choice, isRecord, reject, size, truth, type Kind } from './kind.js'
import { rate, type RateFields } from './traffic-field.js'

/** What `gateway.rate` can say. */
export interface CallRateFields {
  caller: Stated<RateFields> | null
  total: Stated<RateFields> | null
}

/** What `gateway.cache` can say. */
export interface StoreFields {
  maxSize: number
}

/** What `gateway.management` can say. */
export interface ManagementFields {
  tools: ManagementSettings['tools']
  allowCommands: boolean
}

export const gatewayRate = group<CallRateFields>('an object with caller and total', {
  caller: { kind: rate, summary: 'From one caller.' },
  total: { kind: rate, summary: 'From all together.' },
})

/** Less would keep no answer of a usual size. */
export const LEAST_CACHE_BYTES = 64 * 1024

export const gatewayCache = group<StoreFields>('an object with maxSize', {
  maxSize: { kind: size(LEAST_CACHE_BYTES), summary: 'Of all of them together; the ones used longest ago go first.' },
})

const managementGroup = group<ManagementFields>('true, false, or an object with tools and allowCommands', {
  tools: { kind: choice(['auto', 'on', 'off']), summary: 'auto: for clients of mcpctl proxy, and for callers whose key says so.' },
  allowCommands: { kind: truth, summary: 'true: manage may add servers that are commands, not only addresses.' },
})

export const management: Kind<Stated<ManagementFields>> = {
  ...managementGroup,
  name: 'either',
  schema: { anyOf: [{ type: 'boolean' }, managementGroup.schema] },
  read: (value, spot) => {
    if (typeof value === 'boolean') return { tools: value ? 'on' : 'off' }
    return isRecord(value) ? managementGroup.read(value, spot) : reject(value, spot, managementGroup.accepts)
  },
}
