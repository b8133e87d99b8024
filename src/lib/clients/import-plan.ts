import { extname } from 'node:path'
import { isRecord, readDocument } from '../config/index.js'
import type { ServerSpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { openJsonEditor } from './edit-json.js'
import { putToml, type TomlValue } from './edit-toml.js'
import { putYaml } from './edit-yaml.js'
import type { Distinct } from './gather.js'
import { differenceOf, essenceOfSpec, isCovered, isSameProgram } from './identity.js'
import { isEqual } from './install-plan.js'
import { listAt } from './survey.js'
import { toEntry, type Written } from './write-config.js'

/**
 * What becomes of one server. `same`: the configuration has it; `differs`: it has one of the name that starts the same with
 * other arguments or variables; `conflict`: one of the name that is something else.
 */
export interface ImportStep {
  readonly action: 'add' | 'same' | 'differs' | 'conflict'
  readonly distinct: Distinct
  /** For people: what it is the same as, or what it differs in. */
  readonly detail: string | null
}

/** Compares servers that were found with those the configuration has. */
export function planImport(servers: readonly Distinct[], specs: readonly ServerSpec[]): ImportStep[] {
  return servers.map((distinct) => {
    const essences = distinct.sources.map(({ essence }) => essence)
    const twin = specs.find((spec) => essences.some((essence) => isCovered(essence, spec)))
    if (twin) return { action: 'same', distinct, detail: twin.name === distinct.name ? null : `it is there as ${twin.name}` }
    const namesake = specs.find(({ name }) => name.toLowerCase() === distinct.name.toLowerCase())
    const [essence] = essences
    if (namesake === undefined || essence === undefined) return { action: 'add', distinct, detail: null }
    const other = essenceOfSpec(namesake)
    return { action: isSameProgram(essence, other) ? 'differs' : 'conflict', distinct, detail: `the ${namesake.name} that is there has ${differenceOf(essence, other)}` }
  })
}

/**
 * The text of a configuration file in our own format (JSON, YAML or TOML) with servers added, everything else as it was. The
 * result is read as data and compared before it is returned. Throws CONFIG_INVALID when the way the file is written does not
 * allow it.
 */
export async function addServers(file: string, text: string, servers: readonly Written[]): Promise<string> {
  const { data } = await readDocument(file, { evaluationTimeoutMs: 1, onFile: () => undefined })
  const rootKey = isRecord(data) && data['servers'] === undefined && isRecord(data['mcpServers']) ? 'mcpServers' : 'servers'
  let after = text
  try {
    for (const { name, draft } of servers) after = await add(file, after, [rootKey, name], toEntry(draft))
  } catch (cause) {
    throw unsafe(file, cause instanceof Error ? cause.message : String(cause), cause)
  }
  const before = isRecord(data) ? data : {}
  const wanted = { ...before, [rootKey]: { ...(listAt(before, [rootKey]) as object | undefined), ...Object.fromEntries(servers.map(({ name, draft }) => [name, toEntry(draft)])) } }
  if (!isEqual(await parseText(file, after), wanted)) throw unsafe(file, 'the way it is written does not allow it to be changed safely')
  return after
}

async function add(file: string, text: string, path: readonly [string, string], entry: Record<string, unknown>): Promise<string> {
  const extension = extname(file).toLowerCase()
  if (extension === '.yaml' || extension === '.yml') return putYaml(text, path, entry)
  if (extension === '.toml') return putToml(text, path, entry as Record<string, TomlValue>)
  return (await openJsonEditor()).put(text, path, entry)
}

async function parseText(file: string, text: string): Promise<unknown> {
  const extension = extname(file).toLowerCase()
  if (extension === '.toml') return (await import('smol-toml')).parse(text)
  if (extension === '.yaml' || extension === '.yml') return (await import('yaml')).parse(text, { merge: true }) as unknown
  return (await import('jsonc-parser')).parse(text, [], { allowTrailingComma: true }) as unknown
}

function unsafe(file: string, why: string, cause?: unknown): McpctlError {
  return new McpctlError('CONFIG_INVALID', `${file} was left as it is: ${why}`, { hint: 'See what to put in with mcpctl import --dry-run, and put it in by hand.', details: { file }, ...(cause === undefined ? {} : { cause }) })
}
