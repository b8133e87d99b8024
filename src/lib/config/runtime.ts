import type { ReadOptions, SourceDocument } from './document.js'
import { hasRuntimeChanges, runtimeFile, type FindOptions } from './find.js'
import { isRecord } from './kind.js'
import { readDocument } from './read-document.js'
import { OWN_KEY } from './server-entry.js'
import { ROOT_KEYS } from './shape.js'

/** What was changed beside the files people write (`mcpctl add`, `disable`): servers of its own, and switches for any. */
export interface RuntimeDocument {
  readonly file: string
  /** The servers that were added; null: nothing was changed at all. */
  readonly document: SourceDocument | null
  /** Servers that were switched on or off, by the name their file gives them. */
  readonly enabled: ReadonlyMap<string, boolean>
}

/** Changes as data, when they are not to be read from the file. */
export interface RuntimeDraft {
  readonly servers: Readonly<Record<string, unknown>>
  readonly enabled: Readonly<Record<string, boolean>>
}

/**
 * The changes that are in effect: the draft, else those in the home. `isNamed`: their file was asked for by its path, so
 * it counts although nothing is in it. Throws CONFIG_UNREADABLE or CONFIG_SYNTAX.
 */
export async function readRuntime(options: FindOptions, read: ReadOptions, { draft, isNamed }: { readonly draft: RuntimeDraft | undefined; readonly isNamed: boolean }): Promise<RuntimeDocument> {
  const file = runtimeFile(options)
  const written: SourceDocument = draft !== undefined || !hasRuntimeChanges(options) ? { file, data: draft ?? {}, files: [file], locate: () => undefined, problems: [] } : await readDocument(file, read)
  const data = isRecord(written.data) ? written.data : {}
  const servers = isRecord(data['servers']) ? data['servers'] : {}
  const switches = isRecord(data['enabled']) ? data['enabled'] : {}
  const document = { ...written, data: { servers }, origin: `runtime change (${file})` }
  return {
    file,
    // With switches alone it counts as well: servers it had before are gone from it, and not from the configuration of somebody else.
    document: isNamed || Object.keys(servers).length + Object.keys(switches).length > 0 ? document : null,
    enabled: new Map(Object.entries(switches).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean')),
  }
}

/** The document as if its servers were switched on and off in it. */
export function withSwitches(document: SourceDocument, { enabled, file }: RuntimeDocument): SourceDocument {
  const { data } = document
  if (enabled.size === 0 || !isRecord(data)) return document
  const key = ROOT_KEYS.find((each) => data[each] !== undefined)
  const servers = key === undefined ? undefined : data[key]
  if (key === undefined || !isRecord(servers)) return document
  const switched = new Set(Object.keys(servers).filter((name) => enabled.has(name) && isRecord(servers[name])))
  if (switched.size === 0) return document
  const changed = Object.fromEntries(Object.entries(servers).map(([name, entry]) => [name, switched.has(name) && isRecord(entry) ? withSwitch(entry, enabled.get(name) === true) : entry]))
  return { ...document, data: { ...data, [key]: changed }, files: [...new Set([...document.files, file])], switched }
}

/** Under our own key it is understood in every kind of file. */
function withSwitch({ enabled: _enabled, disabled: _disabled, ...rest }: Record<string, unknown>, isOn: boolean): Record<string, unknown> {
  const own = rest[OWN_KEY]
  const { disabled: _ownDisabled, ...kept } = isRecord(own) ? own : {}
  return own !== undefined && !isRecord(own) ? rest : { ...rest, [OWN_KEY]: { ...kept, enabled: isOn } }
}
