import type { LimitsSpec } from '../core/index.js'
import { showSize } from './explain.js'
import type { Knobs } from './knobs.js'
import { spotOf, type Layers } from './layer.js'
import { fromEnvironment, fromFlag, type Sourced, type SettingsOverrides } from './setting-override.js'
import type { Settings } from './settings.js'

/** What a server may use at most. Records a soft mark of memory that is not below the limit. */
export function resolveLimits(layers: Layers, knobs: Knobs, { settings, overrides }: { readonly settings: Settings; readonly overrides: SettingsOverrides }): LimitsSpec {
  const memory = knobs.pick<number | undefined>({
    flag: fromFlag(overrides.memoryLimitBytes),
    environment: fromEnvironment(settings, 'MCP_MEMORY_LIMIT', settings.memoryLimitBytes),
    get: ({ limits }) => limits?.memory,
    fallback: undefined,
  })
  const memorySoft = knobs.pick<number | undefined>({ get: ({ limits }) => limits?.memorySoft, fallback: undefined })
  const cpu = knobs.pick<number | undefined>({
    flag: fromFlag(overrides.cpuQuotaPercent),
    environment: fromEnvironment(settings, 'MCP_CPU_QUOTA', settings.cpuQuotaPercent),
    get: ({ limits }) => limits?.cpu,
    fallback: undefined,
  })
  const pids = knobs.pick<number | undefined>({ get: ({ limits }) => limits?.pids, fallback: undefined })
  knobs.say('limits.memory', { ...memory, value: memory.value === undefined ? null : showSize(memory.value) })
  knobs.say('limits.memorySoft', { ...memorySoft, value: memorySoft.value === undefined ? null : showSize(memorySoft.value) })
  knobs.say('limits.cpu', { ...cpu, value: cpu.value === undefined ? null : `${cpu.value}%` })
  knobs.say('limits.pids', { ...pids, value: pids.value ?? null })
  const required = knobs.plain('limits.required', { get: ({ limits }) => limits?.required, fallback: false })
  checkSoftMark(layers, knobs, { memory, memorySoft })
  return {
    ...(memory.value === undefined ? {} : { memoryBytes: memory.value }),
    ...(memorySoft.value === undefined ? {} : { memorySoftBytes: memorySoft.value }),
    ...(cpu.value === undefined ? {} : { cpuPercent: cpu.value }),
    ...(pids.value === undefined ? {} : { pids: pids.value }),
    ...(required ? { required } : {}),
  }
}

interface Marks {
  readonly memory: Sourced<number | undefined>
  readonly memorySoft: Sourced<number | undefined>
}

/** The two may come from different places: the soft mark is judged against the limit that is in effect. */
function checkSoftMark({ entry }: Layers, knobs: Knobs, { memory, memorySoft }: Marks): void {
  if (memory.value === undefined || memorySoft.value === undefined || memorySoft.value < memory.value) return
  const layer = knobs.layerOf(({ limits }) => limits?.memorySoft) ?? entry
  const whose = layer === entry ? '' : ` of ${entry.spot.field}`
  const from = /^(flag|environment) /.test(memory.origin) ? ` (from ${memory.origin})` : ''
  const hint = 'Make memorySoft the smaller of the two: a server above it is recycled when it is idle, one above memory is ended at once.'
  spotOf(layer, 'limits').at('memorySoft').problem(`is ${showSize(memorySoft.value)}, which is not below limits.memory${whose}, ${showSize(memory.value)}${from}`, hint, showSize(memorySoft.value))
}
