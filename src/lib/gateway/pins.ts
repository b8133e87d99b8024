import { integrityOf } from '../base/integrity.js'
import { canonicalDefinition, type DefinitionKind, type HeldDefinition, type PinSpec } from '../core/index.js'
import { isJsonObject, type Catalogue, type JsonObject } from '../mcp/index.js'
import { trouble, type Failure } from './failure.js'

const LISTS = [['tool', 'tools'], ['prompt', 'prompts']] as const
const hashes: Readonly<Record<DefinitionKind, WeakMap<object, string>>> = { tool: new WeakMap(), prompt: new WeakMap() }
const judged = new WeakMap<Catalogue, { readonly pins: PinSpec; readonly sorted: SortedCatalogue }>()

/** A server's lists without what its pins hold back, and what that is. */
export interface SortedCatalogue {
  readonly catalogue: Catalogue
  readonly held: readonly HeldDefinition[]
}

/** What the lock knows a definition by. Worked out once for each. */
export function definitionHash(kind: DefinitionKind, definition: JsonObject): string {
  const known = hashes[kind].get(definition)
  if (known !== undefined) return known
  const hash = integrityOf(canonicalDefinition(kind, definition))
  hashes[kind].set(definition, hash)
  return hash
}

/** Takes the definitions out that are not the pinned ones: changed since, or unknown. Without pins all of them stay. */
export function holdBack(catalogue: Catalogue, pins: PinSpec | null): SortedCatalogue {
  if (pins === null) return { catalogue, held: [] }
  const known = judged.get(catalogue)
  if (known !== undefined && known.pins === pins) return known.sorted
  const held = LISTS.flatMap(([kind, list]) => catalogue[list].flatMap((definition) => judge(kind, definition, pins[list])))
  const isHeld = (kind: DefinitionKind, definition: unknown): boolean => held.some((one) => one.kind === kind && one.name === nameOf(definition))
  const sorted: SortedCatalogue = {
    catalogue: held.length === 0 ? catalogue : {
      ...catalogue,
      tools: catalogue.tools.filter((definition) => !isHeld('tool', definition)),
      prompts: catalogue.prompts.filter((definition) => !isHeld('prompt', definition)),
    },
    held,
  }
  judged.set(catalogue, { pins, sorted })
  return sorted
}

/** Definitions without a name are left out anyway. */
function judge(kind: DefinitionKind, definition: unknown, pinned: Readonly<Record<string, string>>): HeldDefinition[] {
  const name = nameOf(definition)
  if (name === null || !isJsonObject(definition)) return []
  const pin = Object.hasOwn(pinned, name) ? pinned[name] : undefined
  if (pin === definitionHash(kind, definition)) return []
  return [{ kind, name, cause: pin === undefined ? 'new' : 'changed' }]
}

function nameOf(definition: unknown): string | null {
  const name = isJsonObject(definition) ? definition['name'] : undefined
  return typeof name === 'string' && name !== '' ? name : null
}

interface HeldName {
  /** As clients may know it. */
  readonly name: string
  readonly server: string
  readonly from: string
  readonly held: HeldDefinition
}

/** Calls that name a definition that is held back, by the names clients may know it under. */
export class HeldNames {
  readonly #held = new Map<string, HeldName>()

  /** `shown`: the name it would have if it were shown without its server's name in front. `from`: the server as it is configured. */
  add({ server, from }: { readonly server: string; readonly from: string }, held: HeldDefinition, { shown, separator }: { readonly shown: string; readonly separator: string }): void {
    for (const name of [shown, `${server}${separator}${shown}`]) {
      const key = `${held.kind} ${name}`
      if (!this.#held.has(key)) this.#held.set(key, { name, server, from, held })
    }
  }

  /** Those whose tools somebody may see; of others he is not to know either. */
  within(admits: (shown: string, tool: { readonly server: string; readonly from: string; readonly name: string }) => boolean): HeldNames {
    const left = new HeldNames()
    for (const [key, each] of this.#held) {
      const { name, server, from, held } = each
      if (held.kind !== 'tool' || admits(name, { server, from, name: held.name })) left.#held.set(key, each)
    }
    return left
  }

  /** The answer to a call of it; null: nothing of that name is held back. */
  failureFor(kind: DefinitionKind, name: string): Failure | null {
    const found = this.#held.get(`${kind} ${name}`)
    if (found === undefined) return null
    const { server, held: { cause } } = found
    const why = cause === 'new' ? 'is not in mcp.lock' : 'is not what mcp.lock says any more'
    return trouble(`${kind} "${name.slice(0, 256)}" is quarantined: its definition ${why}`, { reason: 'quarantined', server, outcome: 'not-delivered', hint: `mcpctl approve ${server}` })
  }
}
