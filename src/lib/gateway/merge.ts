import { nearest } from '../base/index.js'
import type { HeldDefinition, TrafficSpec } from '../core/index.js'
import { isJsonObject, type Catalogue, type JsonObject } from '../mcp/index.js'
import { assignNames, type Candidate } from './assign-names.js'
import { MergeWarnings } from './merge-warnings.js'
import type { Naming } from './name.js'
import { HeldNames } from './pins.js'
import { createToolFilter } from './tool-filter.js'
import { compileUriTemplate, type UriMatcher } from './uri-template.js'

export interface Member {
  /** As clients know it. Several members may have the same: then the first that has a name defines it. */
  readonly server: string
  /** As it is configured; default: the same. */
  readonly from?: string
  readonly traffic: TrafficSpec
  readonly catalogue: Catalogue
  /** The names of this one are never prefixed. */
  readonly keepsNames?: boolean
  /** What its pins took out of its catalogue. */
  readonly held?: readonly HeldDefinition[]
}

export interface Route {
  readonly server: string
  /** The server that defines it, as it is configured. */
  readonly from: string
  /** The server's own name. */
  readonly name: string
  /** The definition as the server gave it. */
  readonly definition: JsonObject
}

/** What one client sees, and where each part of it comes from. */
export interface Merged {
  /** As shown to clients, in the members' order, then the server's; unknown fields of a definition are kept. */
  readonly tools: readonly JsonObject[]
  readonly prompts: readonly JsonObject[]
  readonly resources: readonly JsonObject[]
  readonly resourceTemplates: readonly JsonObject[]
  /** By the name clients see. */
  readonly toolRoutes: ReadonlyMap<string, Route>
  readonly promptRoutes: ReadonlyMap<string, Route>
  /** Exact URI -> server; the first in order that has it. */
  readonly resourceOwners: ReadonlyMap<string, string>
  /** The server whose template fits the URI; where several fit, the one that spells out most, then the first. */
  templateOwner(uri: string): string | null
  /** By the text of the template, for completion. */
  templateOwnerOf(template: string): string | null
  /** What is quarantined. */
  readonly held: HeldNames
  /** What was left out or renamed, one sentence each. */
  readonly warnings: readonly string[]
}

/** A name longer than this is nobody's slip of the finger. */
const MAX_MISTYPED_LENGTH = 256

/**
 * One catalogue out of many. The result depends on the members' content and order alone, so it is the same after every
 * restart. Tools and prompts are renamed (see `assignNames`), URIs never: results mention them, so they must hold.
 * Tasks of 2025-11-25 are not passed on: `execution` is taken off, and tools that need it are hidden.
 */
export function mergeCatalogues(members: readonly Member[], naming: Naming): Merged {
  const warnings = new MergeWarnings()
  const tools = assignNames('tool', onlyFirst(members.flatMap((member) => toolsOf(member, warnings))), naming, warnings)
  const prompts = assignNames('prompt', onlyFirst(members.flatMap((member) => definitionsOf(member, 'prompts', warnings).map(({ own, definition }) => ({ server: member.server, from: member.from ?? member.server, own, visible: own, definition, keepsName: member.keepsNames === true })))), naming, warnings)
  const traffic = new Map(members.map((member) => [member.from ?? member.server, member.traffic]))
  const resources = ownUris('resource', members, warnings)
  const templates = ownUris('resource template', members, warnings)
  return {
    tools: [...tools].map(([name, candidate]) => showTool(name, candidate, traffic.get(candidate.from))),
    prompts: [...prompts].map(([name, { definition }]) => (definition['name'] === name ? definition : { ...definition, name })),
    resources: resources.shown,
    resourceTemplates: templates.shown,
    toolRoutes: toRoutes(tools),
    promptRoutes: toRoutes(prompts),
    resourceOwners: resources.owners,
    templateOwner: createTemplateRouter(templates.owners, warnings),
    templateOwnerOf: (template) => templates.owners.get(template) ?? null,
    held: heldNames(members, naming),
    warnings: warnings.toSentences(),
  }
}

function heldNames(members: readonly Member[], { separator }: Naming): HeldNames {
  const names = new HeldNames()
  for (const { server, from = server, traffic, held = [] } of members) {
    const filter = held.length === 0 ? null : createToolFilter(traffic)
    for (const one of held) {
      if (one.kind === 'tool' && filter?.admits(one.name) === false) continue
      names.add({ server, from }, one, { separator, shown: one.kind === 'tool' ? (filter?.specOf(one.name)?.name ?? one.name) : one.name })
    }
  }
  return names
}

/** Names of tools that may have been meant by one that does not exist, as clients see them, best first. */
export function nearestTools(merged: Merged, name: string): string[] {
  if (name.length > MAX_MISTYPED_LENGTH) return []
  const routes = [...merged.toolRoutes]
  const bare = routes.filter(([, route]) => route.name === name).map(([shown]) => shown)
  const close = nearest(name, merged.toolRoutes.keys())
  const ownNames = new Set(nearest(name, new Set(routes.map(([, route]) => route.name))))
  const closeOwn = routes.filter(([, route]) => ownNames.has(route.name)).map(([shown]) => shown)
  return [...new Set([...bare, ...close, ...closeOwn])].slice(0, 3)
}

/** Servers that stand in for each other list the same: the first one's definition is shown. */
function onlyFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  const seen = new Map<string, Set<string>>()
  return candidates.filter(({ server, own }) => {
    const names = seen.get(server) ?? new Set()
    if (names.has(own)) return false
    seen.set(server, names.add(own))
    return true
  })
}

function toolsOf({ server, from = server, traffic, catalogue, keepsNames, held = [] }: Member, warnings: MergeWarnings): Candidate[] {
  const filter = createToolFilter(traffic)
  const all = definitionsOf({ server, catalogue }, 'tools', warnings)
  const unused = all.length === 0 ? [] : filter.unused(new Set([...all.map(({ own }) => own), ...held.map(({ name }) => name)]))
  for (const name of unused) warnings.note('tool', server, name, 'named in the configuration, but the server has no such tool')
  return all
    .filter(({ own, definition }) => {
      if (!filter.admits(own)) return false
      if (!needsTask(definition)) return true
      warnings.note('tool', server, own, 'hidden, because tools that run as tasks only are not passed on')
      return false
    })
    .map(({ own, definition }) => ({ server, from, own, visible: filter.specOf(own)?.name ?? own, definition, keepsName: keepsNames === true }))
}

function needsTask({ execution }: JsonObject): boolean {
  return isJsonObject(execution) && execution['taskSupport'] === 'required'
}

function showTool(name: string, { own, definition }: Candidate, traffic: TrafficSpec | undefined): JsonObject {
  const description = traffic !== undefined && Object.hasOwn(traffic.tools, own) ? traffic.tools[own]?.description : undefined
  const { execution, ...rest } = definition
  if (execution === undefined && description === undefined && own === name) return definition
  return { ...rest, name, ...(description === undefined ? {} : { description }) }
}

function definitionsOf({ server, catalogue }: Pick<Member, 'server' | 'catalogue'>, list: 'tools' | 'prompts', warnings: MergeWarnings): { own: string; definition: JsonObject }[] {
  const kind = list === 'tools' ? 'tool' : 'prompt'
  const seen = new Set<string>()
  return catalogue[list].flatMap((definition, index) => {
    const own = isJsonObject(definition) ? definition['name'] : undefined
    if (!isJsonObject(definition) || typeof own !== 'string' || own === '') warnings.note(kind, server, `#${index + 1}`, 'left out for want of a usable name')
    else if (seen.has(own)) warnings.note(kind, server, own, 'left out, because the server lists that name before')
    else {
      seen.add(own)
      return [{ own, definition }]
    }
    return []
  })
}

function toRoutes(names: ReadonlyMap<string, Candidate>): Map<string, Route> {
  return new Map([...names].map(([name, { server, from, own, definition }]) => [name, { server, from, name: own, definition }]))
}

function ownUris(kind: 'resource' | 'resource template', members: readonly Member[], warnings: MergeWarnings): { shown: JsonObject[]; owners: Map<string, string> } {
  const owners = new Map<string, string>()
  const firsts = new Map<string, Member>()
  const shown: JsonObject[] = []
  const member = kind === 'resource' ? 'uri' : 'uriTemplate'
  for (const each of members) {
    const { server, catalogue } = each
    for (const [index, entry] of (kind === 'resource' ? catalogue.resources : catalogue.resourceTemplates).entries()) {
      const uri = isJsonObject(entry) ? entry[member] : undefined
      if (!isJsonObject(entry) || typeof uri !== 'string' || uri === '') {
        warnings.note(kind, server, `#${index + 1}`, `left out for want of a usable "${member}"`)
        continue
      }
      const owner = owners.get(uri)
      if (owner === undefined) {
        owners.set(uri, server)
        firsts.set(uri, each)
        shown.push(entry)
      } else if (owner !== server || firsts.get(uri) === each) warnings.note(kind, server, uri, owner === server ? 'left out, because the server lists the same before' : `hidden, because server "${owner}" before it lists the same`)
    }
  }
  return { shown, owners }
}

function createTemplateRouter(owners: ReadonlyMap<string, string>, warnings: MergeWarnings): (uri: string) => string | null {
  const matchers: { server: string; matcher: UriMatcher }[] = []
  for (const [template, server] of owners) {
    const matcher = compileUriTemplate(template)
    if (matcher === null) warnings.note('resource template', server, template, 'shown, but no URI is recognised by it: it is no valid URI template')
    else matchers.push({ server, matcher })
  }
  // The sort is stable: equals stay in order.
  matchers.sort((a, b) => b.matcher.literalLength - a.matcher.literalLength)
  return (uri) => matchers.find(({ matcher }) => matcher.matches(uri))?.server ?? null
}
