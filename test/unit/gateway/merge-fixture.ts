import { DEFAULT_TRAFFIC, type TrafficSpec } from '../../../src/lib/core/index.js'
import type { Member } from '../../../src/lib/gateway/merge.js'
import type { Naming } from '../../../src/lib/gateway/name.js'

export const ALWAYS: Naming = { prefix: 'always', separator: '__', maxNameLength: 64 }
export const NONE: Naming = { ...ALWAYS, prefix: 'none' }
export const ON_COLLISION: Naming = { ...ALWAYS, prefix: 'on-collision' }

export interface MemberParts {
  readonly traffic?: Partial<TrafficSpec>
  readonly tools?: readonly unknown[]
  readonly prompts?: readonly unknown[]
  readonly resources?: readonly unknown[]
  readonly resourceTemplates?: readonly unknown[]
}

/** A server with these lists; a text stands for a tool or prompt of that name, or a resource of that URI. */
export function member(server: string, { traffic = {}, tools = [], prompts = [], resources = [], resourceTemplates = [] }: MemberParts): Member {
  const full = (list: readonly unknown[], key: string): unknown[] => list.map((entry) => (typeof entry === 'string' ? { [key]: entry } : entry))
  return {
    server,
    traffic: { ...DEFAULT_TRAFFIC, ...traffic },
    catalogue: { tools: full(tools, 'name'), prompts: full(prompts, 'name'), resources: full(resources, 'uri'), resourceTemplates: full(resourceTemplates, 'uriTemplate') },
  }
}

export function namesOf(definitions: readonly Record<string, unknown>[]): unknown[] {
  return definitions.map((definition) => definition['name'])
}
