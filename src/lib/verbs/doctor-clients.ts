import type { Found, SurveyedPlace } from '../clients/index.js'
import type { ServerSpec } from '../core/index.js'
import { configuredServers, runningSnapshot, type Facts } from './doctor-facts.js'
import { count, ok, warn, type Finding } from './doctor-finding.js'

/** How an entry of a client relates to a server that mcpctl runs. */
export type Relation = 'covered' | 'similar' | 'other'

/** Clients that start servers of their own although mcpctl runs the same. Reads their files, all that are known. */
export async function checkClients(facts: Facts): Promise<Finding[]> {
  const { surveyClients, isCovered, isSameProgram, essenceOfSpec } = await import('../clients/index.js')
  const url = (await runningSnapshot(facts))?.daemon.http.url ?? null
  const { cwd, env } = facts.io
  const [places, servers] = await Promise.all([surveyClients({ cwd, env, folder: cwd, addresses: url === null ? [] : [url] }), configuredServers(facts)])
  const relate = ({ essence }: Found, spec: ServerSpec): Relation => (isCovered(essence, spec) ? 'covered' : isSameProgram(essence, essenceOfSpec(spec)) ? 'similar' : 'other')
  // A project's file may be the very configuration that is in use.
  const own = new Set(servers.map(({ source }) => source))
  const others = places.filter(({ place, isElsewhere }) => !own.has(place.file) && !isElsewhere)
  return judgeClients(others, servers, relate)
}

export function judgeClients(places: readonly SurveyedPlace[], servers: readonly ServerSpec[], relate: (found: Found, spec: ServerSpec) => Relation): Finding[] {
  const findings = places.flatMap((surveyed) => judgePlace(surveyed, servers, relate))
  if (findings.length > 0) return findings
  const users = places.filter(({ skipped }) => skipped.some(({ isSelf }) => isSelf)).map(({ title }) => title)
  if (places.length === 0) return [ok('clients', 'no configuration of a client was found')]
  return [ok('clients', users.length === 0 ? 'no client starts a server that mcpctl runs' : `${[...new Set(users)].join(', ')} ${users.length === 1 ? 'comes' : 'come'} in through mcpctl, and no client starts a server that mcpctl runs`)]
}

function judgePlace({ place, title, found, trouble }: SurveyedPlace, servers: readonly ServerSpec[], relate: (found: Found, spec: ServerSpec) => Relation): Finding[] {
  if (trouble !== null) return [warn('clients', `${title}: ${trouble}`, `Correct ${place.file}, or let its client write it anew.`)]
  const started = found.filter(({ draft }) => draft.enabled)
  const related = (wanted: Relation): { entry: Found; spec: ServerSpec }[] =>
    started.flatMap((entry) => {
      const spec = servers.find((server) => relate(entry, server) === wanted)
      return spec === undefined || (wanted === 'similar' && servers.some((server) => relate(entry, server) === 'covered')) ? [] : [{ entry, spec }]
    })
  const same = related('covered')
  const similar = related('similar')
  return [
    ...(same.length === 0 ? [] : [warn('clients', `${title} still starts ${count(same.length, 'server')} of its own that mcpctl runs too: ${same.map(describe).join(', ')} (${place.file})`, `mcpctl install ${place.client}, then restart it`, aboutOne(same))]),
    ...(similar.length === 0 ? [] : [warn('clients', `${title} starts ${similar.map(describe).join(', ')} with other arguments or variables than mcpctl (${place.file})`, `Where one of the two is enough, make them equal: mcpctl install ${place.client} then takes it out there.`, aboutOne(similar))]),
  ]
}

function describe({ entry, spec }: { readonly entry: Found; readonly spec: ServerSpec }): string {
  return entry.name === spec.name ? entry.name : `${entry.name} (here ${spec.name})`
}

function aboutOne(related: readonly { readonly spec: ServerSpec }[]): { server?: string } {
  const [only] = related
  return related.length === 1 && only !== undefined ? { server: only.spec.name } : {}
}
