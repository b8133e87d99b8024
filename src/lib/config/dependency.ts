import { nearest } from '../base/index.js'
import { findCycle, type ServerSpec } from '../core/index.js'
import type { Spot } from './spot.js'

/** A server with the place of its `dependsOn`. */
export interface Dependent {
  readonly spec: ServerSpec
  readonly spot: Spot
}

/**
 * Records dependencies that cannot be: on nobody, on itself, in a circle. One on a disabled server is a warning.
 * `known`: every name there is, those of unusable entries too, which have problems of their own.
 */
export function checkDependencies(dependents: readonly Dependent[], known: ReadonlySet<string>): void {
  const specs = new Map(dependents.map(({ spec }) => [spec.name, spec]))
  for (const dependent of dependents) {
    for (const name of dependent.spec.dependsOn) {
      if (specs.has(name) || !known.has(name)) checkDependency(dependent, name, specs)
    }
  }
  reportCycles(dependents)
}

function checkDependency({ spec, spot }: Dependent, name: string, specs: ReadonlyMap<string, ServerSpec>): void {
  const other = specs.get(name)
  if (name === spec.name) spot.problem('names the server itself', 'Remove it from its own list.', name)
  else if (!other) {
    const [guess] = nearest(name, [...specs.keys()].filter((each) => each !== spec.name), 1)
    const hint = guess === undefined ? `Servers in this configuration: ${[...specs.keys()].join(', ')}.` : `Did you mean "${guess}"?`
    spot.problem(`names ${JSON.stringify(name.slice(0, 80))}, and there is no such server`, hint, name.slice(0, 80))
  } else if (spec.enabled && !other.enabled) spot.warn(`names "${name}", which is disabled`)
}

function reportCycles(dependents: readonly Dependent[]): void {
  const edges = new Map(dependents.map(({ spec }) => [spec.name, spec.dependsOn.filter((name) => name !== spec.name)]))
  for (let cycle = findCycle(edges); cycle; cycle = findCycle(edges)) {
    const [first = '', second = ''] = cycle
    const spot = dependents.find(({ spec }) => spec.name === first)?.spot
    spot?.problem(`goes in a circle: ${cycle.join(' -> ')}`, 'Remove one of these dependencies: in a circle none of them can start first.', cycle.join(' -> '))
    // Cut here to find the next one.
    edges.set(first, (edges.get(first) ?? []).filter((name) => name !== second))
  }
}
