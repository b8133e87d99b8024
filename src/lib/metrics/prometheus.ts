import { compatFamilies } from './prometheus-compat.js'
import { daemonFamilies } from './prometheus-daemon.js'
import { gateFamilies } from './prometheus-gate.js'
import { serverFamilies } from './prometheus-server.js'
import { writeFamilies, type Family, type Format } from './prometheus-text.js'
import { toolFamilies } from './prometheus-tool.js'
import type { PrometheusView } from './prometheus-view.js'

/** The page of `/metrics`, piece by piece; whoever sends it lets others have their turn in between. `compat`: with the names that hold servers' names. */
export function writePrometheus(view: PrometheusView, format: Format, compat: boolean): Generator<string, void, undefined> {
  return writeFamilies(allFamilies(view, compat), format)
}

function* allFamilies(view: PrometheusView, compat: boolean): Generator<Family> {
  yield* daemonFamilies(view)
  yield* gateFamilies(view.gate)
  yield* serverFamilies(view.servers)
  yield* toolFamilies(view.servers)
  if (compat) yield* compatFamilies(view.servers)
}
