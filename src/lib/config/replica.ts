import { VARIANT_MARK, type ServerSpec } from '../core/index.js'
import { spotOf } from './layer.js'
import { instancesOf, type ResolvedServer } from './resolved.js'

/** Tells each process of a server that has several which one it is, from 1. */
export const INSTANCE_VARIABLE = 'MCPCTL_INSTANCE'

/** Records why there cannot be several processes of a server. */
export function checkInstances({ entry, spec }: ResolvedServer): void {
  const { instances = 1 } = entry.values
  if (instances === 1) return
  const spot = spotOf(entry, 'instances')
  const say = (message: string, hint: string): void => spot.problem(message, hint, String(instances))
  if (!spec.launch) say(`is ${instances}, but nothing is started here: the server runs elsewhere`, 'Write one server for each address, all with the same "namespace": then they stand in for each other.')
  else if (spec.endpoint) say(`is ${instances}, but all of them would answer at the same url`, 'Write one server for each port, all with the same "namespace": then they stand in for each other.')
  else if (spec.isolation === 'per-session') say(`is ${instances}, but with isolation per-session each client session has a process of its own`, 'Remove one of the two.')
}

/**
 * The servers with those that run several times in place of the one that is written: `search@1`, `search@2`, ... Who
 * depends on such a server depends on all of them.
 */
export function expandReplicas(servers: readonly ResolvedServer[]): ServerSpec[] {
  const namesOf = new Map(servers.map((server) => [server.spec.name, replicaNames(server)]))
  return servers.flatMap((server) => {
    const { spec } = server
    const dependsOn = [...new Set(spec.dependsOn.flatMap((name) => namesOf.get(name) ?? [name]))]
    const whole = dependsOn.length === spec.dependsOn.length && dependsOn.every((name, index) => name === spec.dependsOn[index]) ? spec : { ...spec, dependsOn }
    if (instancesOf(server) === 1) return [whole]
    return replicaNames(server).map((name, index) => replicaOf(whole, name, String(index + 1)))
  })
}

function replicaNames(server: ResolvedServer): string[] {
  const { name } = server.spec
  const count = instancesOf(server)
  return count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}${VARIANT_MARK}${index + 1}`)
}

function replicaOf(spec: ServerSpec, name: string, instance: string): ServerSpec {
  const { launch } = spec
  if (!launch) return { ...spec, name }
  const ownEnv = launch.ownEnv.includes(INSTANCE_VARIABLE) ? launch.ownEnv : [...launch.ownEnv, INSTANCE_VARIABLE]
  return { ...spec, name, launch: { ...launch, env: { ...launch.env, [INSTANCE_VARIABLE]: instance }, ownEnv } }
}
