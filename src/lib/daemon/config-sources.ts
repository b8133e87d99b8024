import type { ConfigFailedParams, ConfigOrigin } from '../control/index.js'
import type { ConfigSnapshot } from '../core/index.js'
import type { ConfigWatch } from './config-watch.js'

/** The configurations the servers came from: where they are, whether their newest version is in effect. */
export interface ConfigSources {
  /** Its newest version is in effect. Null: who applied it did not say how it was loaded. */
  applied(source: string, origin: ConfigOrigin | null): void
  failed(params: ConfigFailedParams): void
  describe(sources: readonly string[]): ConfigSnapshot[]
}

export function createConfigSources(watch: ConfigWatch): ConfigSources {
  const troubles = new Map<string, string>()
  return {
    applied(source, origin) {
      troubles.delete(source)
      watch.applied(source, origin)
    },
    failed({ source, error, files }) {
      troubles.set(source, error.message)
      watch.failed(source, files)
    },
    describe: (sources) => sources.map((source) => ({ source, trouble: troubles.get(source) ?? watch.trouble(source), watched: watch.isWatched(source) })),
  }
}
