import type { JsonObject } from '../mcp/index.js'
import { fitName, fullName, markName, maxLength, toLegal, type Named, type Naming } from './name.js'
import type { MergeWarnings } from './merge-warnings.js'

/** A tool or prompt on its way into the merged catalogue. */
export interface Candidate extends Named {
  /** The server that defines it, as it is configured. */
  readonly from: string
  readonly definition: JsonObject
}

/**
 * Gives every candidate a name of its own, in order: name -> candidate. Names that need no change go first, so that a
 * changed one never takes another's. What is left out (`none`: the name belongs to a server before it) is noted.
 */
export function assignNames(kind: 'tool' | 'prompt', all: readonly Candidate[], naming: Naming, warnings: MergeWarnings): Map<string, Candidate> {
  const candidates = naming.prefix === 'none' ? dropShared(kind, all, warnings) : all
  const shared = naming.prefix === 'on-collision' ? sharedNames(candidates) : null
  const isPrefixed = (candidate: Candidate): boolean => candidate.keepsName !== true && (shared === null ? naming.prefix === 'always' : shared.has(toLegal(candidate.visible)))
  const taken = new Set<string>()
  const names = new Map<Candidate, string>()
  const claim = (candidate: Candidate, name: string): boolean => {
    if (taken.has(name)) return false
    taken.add(name)
    names.set(candidate, name)
    return true
  }
  const changed = candidates.filter((candidate) => {
    const prefixed = isPrefixed(candidate)
    const name = prefixed ? candidate.server + naming.separator + candidate.visible : candidate.visible
    return name.length > maxLength(naming) || fullName(candidate, naming.separator, prefixed) !== name || !claim(candidate, name)
  })
  for (const candidate of changed) {
    const prefixed = isPrefixed(candidate)
    if (claim(candidate, fitName(candidate, naming, prefixed))) continue
    let attempt = 0
    while (!claim(candidate, markName(candidate, naming, prefixed, attempt))) attempt++
    warnings.note(kind, candidate.server, candidate.own, `shown as "${names.get(candidate) ?? ''}", because another ${kind} has the name it would have had`)
  }
  return new Map(candidates.map((candidate) => [names.get(candidate) ?? '', candidate]))
}

/** Without prefixes the first server that uses a name has it. Two of one server's own keep both. */
function dropShared(kind: 'tool' | 'prompt', candidates: readonly Candidate[], warnings: MergeWarnings): Candidate[] {
  const owners = new Map<string, string>()
  return candidates.filter(({ server, own, visible }) => {
    const owner = owners.get(visible)
    if (owner === undefined) owners.set(visible, server)
    else if (owner !== server) {
      warnings.note(kind, server, own, `hidden, because server "${owner}" before it uses the same name and names get no prefix`)
      return false
    }
    return true
  })
}

function sharedNames(candidates: readonly Candidate[]): Set<string> {
  const owners = new Map<string, string>()
  const shared = new Set<string>()
  for (const { server, visible } of candidates) {
    const name = toLegal(visible)
    const owner = owners.get(name)
    if (owner === undefined) owners.set(name, server)
    else if (owner !== server) shared.add(name)
  }
  return shared
}
