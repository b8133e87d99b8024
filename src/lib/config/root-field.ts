import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { RootSpec } from '../core/index.js'
import { group } from './field-group.js'
import { filledText, isRecord, list, type Kind } from './kind.js'
import { maskText } from './secret.js'
import { expandTilde } from './settings.js'
import type { Spot } from './spot.js'

const ACCEPTS = 'a path, a URI or an object with uri and name'

/** A scheme of one letter is a drive. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i

/** A path, from the folder of the configuration, or a URI as it is. */
const place: Kind<string> = {
  ...filledText,
  accepts: 'a path or a URI',
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    if (read === undefined) return undefined
    if (SCHEME.test(read) && (read.includes('://') || /^file:/i.test(read))) return checkUri(read, spot)
    return pathToFileURL(resolve(spot.source.folder, expandTilde(read, spot.source.userHome))).href
  },
}

function checkUri(uri: string, spot: Spot): string | undefined {
  const shown = maskText(uri.slice(0, 200))
  if (!URL.canParse(uri)) {
    spot.problem(`is ${JSON.stringify(shown)}, which is not a URI`, 'Write a path, or a URI such as file:///home/me/project.', shown)
    return undefined
  }
  const { href, protocol } = new URL(uri)
  if (protocol !== 'file:') return href
  try {
    fileURLToPath(href)
    return href
  } catch {
    spot.problem(`is ${JSON.stringify(shown)}, which names no file on this machine`, 'Write three slashes and the full path, file:///home/me/project, or the path alone.', shown)
    return undefined
  }
}

const rootGroup = group<{ uri: string; name: string }>(ACCEPTS, {
  uri: { kind: place, summary: 'The path or URI.' },
  name: { kind: filledText, summary: 'How it is called.' },
})

const root: Kind<RootSpec> = {
  ...rootGroup,
  schema: { anyOf: [place.schema, { ...rootGroup.schema, required: ['uri'] }] },
  read: (value, spot) => {
    if (typeof value === 'string') {
      const uri = place.read(value, spot)
      return uri === undefined ? undefined : { uri }
    }
    if (isRecord(value) && value['uri'] === undefined) spot.problem('has no uri', 'Add "uri": a path or a URI.')
    const { uri, name } = rootGroup.read(value, spot) ?? {}
    return uri === undefined ? undefined : { uri, ...(name === undefined ? {} : { name }) }
  },
}

/** Folders and other places, as the URIs the protocol wants. */
export const roots: Kind<RootSpec[]> = list(root, 'a path, a URI or a list of them', { orSingle: true })

/** The roots for show: what came from outside stays the reference it is written as. */
export function showRoots(read: readonly RootSpec[], spot: Spot): string[] {
  const { templates } = spot.source
  return read.map(({ uri }, index) => maskText([spot, spot.at(index), spot.at(index, 'uri')].map(({ field }) => templates.get(field)).find((each) => each !== undefined) ?? uri))
}
