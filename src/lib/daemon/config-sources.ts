import { existsSync } from 'node:fs'
import type { ApplyParams, ConfigFailedParams, ConfigOrigin } from '../control/index.js'
import type { ConfigSnapshot } from '../core/index.js'
import type { ConfigWatch } from './config-watch.js'

/** The configurations the servers came from: where they are, whether their newest version is in effect. */
export interface ConfigSources {
  /** All files the servers of this configuration come from, and those that are gone since it was applied last. */
  filesOf(order: ApplyParams): readonly string[]
  /** Its newest version is in effect. */
  applied(order: ApplyParams): void
  failed(params: ConfigFailedParams): void
  /** How it was loaded; null: nobody said. */
  originOf(source: string): ConfigOrigin | null
  /** What there is to say when servers of these files are known; a file that is part of another configuration goes with that one. */
  describe(files: readonly string[]): ConfigSnapshot[]
}

export function createConfigSources(watch: ConfigWatch): ConfigSources {
  const troubles = new Map<string, string>()
  const known = new Map<string, readonly string[]>()
  const origins = new Map<string, ConfigOrigin>()
  return {
    filesOf({ source, sources = [] }) {
      const gone = (known.get(source) ?? []).filter((file) => !existsSync(file))
      return [...new Set([source, ...sources, ...gone])]
    },
    applied({ source, sources = [], origin }) {
      troubles.delete(source)
      known.set(source, [...new Set([source, ...sources])])
      if (origin != null) origins.set(source, origin)
      watch.applied(source, origin ?? null)
    },
    originOf: (source) => origins.get(source) ?? null,
    failed({ source, error, files }) {
      troubles.set(source, error.message)
      watch.failed(source, files)
    },
    describe(files) {
      const used = [...known].filter(([, parts]) => parts.some((part) => files.includes(part)))
      const covered = new Set(used.flatMap(([, parts]) => parts))
      const shown = new Set([...used.map(([source]) => source), ...files.filter((file) => !covered.has(file))])
      return [...shown].map((source) => {
        const parts = known.get(source) ?? []
        return { source, trouble: troubles.get(source) ?? watch.trouble(source), watched: watch.isWatched(source), ...(parts.length > 1 ? { files: parts } : {}) }
      })
    },
  }
}
