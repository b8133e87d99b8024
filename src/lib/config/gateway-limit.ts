import { DEFAULT_GATEWAY, type GatewaySettings } from '../core/index.js'
import { explain, showDuration, showSize, type ExplainedValue } from './explain.js'
import type { StatedGateway } from './gateway.js'
import type { GatewayFields } from './gateway-field.js'
import { showRate, toConcurrency, toRate } from './protection.js'
import { fromEnvironment, type Sourced } from './setting-override.js'
import type { Settings } from './settings.js'
import type { Stated } from './field-group.js'

type Limits = Pick<GatewaySettings, 'rate' | 'concurrency' | 'cacheBytes' | 'management' | 'workflows' | 'rest' | 'audit'>

/** What callers may ask for, what is kept, and what else is served. Each field is looked for by itself: one file may state the one, another the other. */
export function resolveLimitSettings(blocks: readonly StatedGateway[], settings: Settings, explained: ExplainedValue[]): Limits {
  const find = <T>(get: (values: Stated<GatewayFields>) => T | undefined, fallback: T): Sourced<T> => {
    for (const { values, spot } of blocks) {
      const value = get(values)
      if (value !== undefined) return { value, origin: spot.source.document.file }
    }
    return { value: fallback, origin: 'default' }
  }
  const say = (field: string, sourced: Sourced<unknown>, value: ExplainedValue['value']): void => {
    explained.push(explain(`gateway.${field}`, { value, origin: sourced.origin }))
  }
  const rateOf = (who: 'caller' | 'total'): GatewaySettings['rate']['caller'] => {
    const found = find(({ rate }) => rate?.[who], null)
    const spec = toRate(found.value)
    say(`rate.${who}`, found, showRate(spec))
    return spec
  }
  const flag = (field: string, get: (values: Stated<GatewayFields>) => boolean | undefined, fallback: boolean): boolean => {
    const found = find(get, fallback)
    say(field, found, found.value)
    return found.value
  }
  const rate = { caller: rateOf('caller'), total: rateOf('total') }
  const stated = find(({ concurrency }) => concurrency, null)
  const concurrency = toConcurrency(stated.value)
  say('concurrency', stated, concurrency && `${concurrency.max}, ${concurrency.queue} may wait ${showDuration(concurrency.queueTimeoutMs)}`)
  const cacheBytes = fromEnvironment(settings, 'MCP_CACHE_SIZE', settings.cacheSizeBytes) ?? find(({ cache }) => cache?.maxSize, DEFAULT_GATEWAY.cacheBytes)
  say('cache.maxSize', cacheBytes, showSize(cacheBytes.value))
  const tools = find(({ management }) => management?.tools, DEFAULT_GATEWAY.management.tools)
  say('management.tools', tools, tools.value)
  const allowCommands = flag('management.allowCommands', ({ management }) => management?.allowCommands, DEFAULT_GATEWAY.management.allowCommands)
  return {
    rate,
    concurrency,
    cacheBytes: cacheBytes.value,
    management: { tools: tools.value, allowCommands },
    workflows: flag('workflows', (values) => values.workflows, DEFAULT_GATEWAY.workflows),
    rest: flag('rest', (values) => values.rest, DEFAULT_GATEWAY.rest),
    audit: flag('audit', (values) => values.audit, DEFAULT_GATEWAY.audit),
  }
}
