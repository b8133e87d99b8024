import type { ServerSpec } from './spec.js'

/** The named servers and everything they depend on, directly or not. Unknown names are passed over. */
export function withDependencies(names: Iterable<string>, specOf: (name: string) => ServerSpec | undefined): Set<string> {
  const found = new Set<string>()
  // A set is walked in the order things were added, also those added on the way.
  for (const name of names) if (specOf(name)) found.add(name)
  for (const name of found) for (const dependency of specOf(name)?.dependsOn ?? []) if (specOf(dependency)) found.add(dependency)
  return found
}

/** A circle in `dependsOn` as the path that closes it ("a", "b", "a"), or null. */
export function findCycle(dependsOn: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (name: string): string[] | null => {
    const at = path.indexOf(name)
    if (at >= 0) return [...path.slice(at), name]
    if (done.has(name)) return null
    path.push(name)
    for (const dependency of dependsOn.get(name) ?? []) {
      const cycle = visit(dependency)
      if (cycle) return cycle
    }
    path.pop()
    done.add(name)
    return null
  }
  for (const name of dependsOn.keys()) {
    const cycle = visit(name)
    if (cycle) return cycle
  }
  return null
}
