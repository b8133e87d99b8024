import { basename, dirname } from 'node:path'
import type { SourceDocument } from './document.js'
import { rejectUnknown } from './field-group.js'
import { readGateway, type StatedGateway } from './gateway.js'
import { readGroups, type StatedGroup } from './group.js'
import { isRecord } from './kind.js'
import { readProfiles, type StatedProfile } from './profile.js'
import { isCodeFile } from './read-document.js'
import { describeKind } from './secret.js'
import { readEntry, OWN_KEY, type StatedEntry } from './server-entry.js'
import { checkServerName } from './server-name.js'
import type { Source, Spot } from './spot.js'

/** The names under which clients keep their servers. */
export const ROOT_KEYS = ['servers', 'mcpServers', 'context_servers', 'mcp_servers'] as const

/** What only mcpctl understands at the root: in other clients' files under `x-mcpctl`. */
const OWN_BLOCKS = ['defaults', 'groups', 'gateway', 'profiles'] as const

export type OwnBlock = (typeof OWN_BLOCKS)[number]

const OWN_ROOT_FIELDS: readonly string[] = ['servers', 'mcpServers', ...OWN_BLOCKS, OWN_KEY, '$schema']

/** Folders in which clients keep their project file: the project is the folder around. */
const CLIENT_FOLDERS: ReadonlySet<string> = new Set(['.cursor', '.vscode', '.codex', '.gemini', '.roo', '.kiro', '.zed', '.github', '.copilot', '.qoder', '.trae'])

/** A configuration file taken apart. */
export interface ConfigContent {
  readonly source: Source
  readonly defaults: StatedEntry | null
  readonly gateway: StatedGateway | null
  readonly groups: ReadonlyMap<string, StatedGroup>
  readonly profiles: ReadonlyMap<string, StatedProfile>
  readonly entries: ReadonlyMap<string, StatedEntry>
}

/** The project folder a configuration file belongs to. */
export function projectFolder(file: string): string {
  const folder = dirname(file)
  return CLIENT_FOLDERS.has(basename(folder)) ? dirname(folder) : folder
}

/**
 * Whether the file is in our own format, where every field must be known: `mcp.config.*`, code, the user's own file,
 * and any file with `servers` at its root that has none of VS Code's marks.
 */
export function isOwnFormat(document: SourceDocument, isUserFile: boolean): boolean {
  const name = basename(document.file)
  if (isUserFile || isCodeFile(document.file) || /^mcp\.config\./i.test(name)) return true
  if (!isRecord(document.data) || /^\.?mcp\.json$/i.test(name)) return false
  return 'servers' in document.data && !('inputs' in document.data)
}

/** Reads servers, defaults, groups, gateway and profiles of a file, recording every problem in its source. */
export function readContent(source: Source, root: Spot, isUserFile: boolean): ConfigContent {
  const { data } = source.document
  if (!isRecord(data)) {
    root.problem(`the configuration must be an object, not ${describeKind(data)}`, 'Write { "servers": { "NAME": { "command": "..." } } }.')
    return { source, defaults: null, gateway: null, groups: new Map(), profiles: new Map(), entries: new Map() }
  }
  if (source.isOwn) checkRootFields(data, root)
  checkOwnBlocks(data, root)
  const defaults = ownBlock(data, root, 'defaults')
  const gateway = ownBlock(data, root, 'gateway')
  const groups = ownBlock(data, root, 'groups')
  const profiles = ownBlock(data, root, 'profiles')
  return {
    source,
    defaults: defaults && readEntry(defaults.value, defaults.spot, true),
    gateway: gateway && readGateway(gateway.value, gateway.spot),
    groups: groups ? readGroups(groups.value, groups.spot, isUserFile) : new Map(),
    profiles: profiles ? readProfiles(profiles.value, profiles.spot, isUserFile) : new Map(),
    entries: readServers(data, root, isUserFile || [defaults, groups, gateway, profiles].some((block) => block !== null)),
  }
}

function checkRootFields(data: Record<string, unknown>, root: Spot): void {
  for (const [key, value] of Object.entries(data)) {
    const isKnown = OWN_ROOT_FIELDS.includes(key) || ROOT_KEYS.some((each) => each === key) || key.startsWith('x-')
    if (value === undefined || isKnown) continue
    rejectUnknown(root.at(key), OWN_ROOT_FIELDS)
  }
}

function checkOwnBlocks(data: Record<string, unknown>, root: Spot): void {
  const own = data[OWN_KEY]
  if (own === undefined) return
  if (!isRecord(own)) root.at(OWN_KEY).problem(`must be an object, not ${describeKind(own)}`, 'Put the fields of mcpctl inside it.')
  else for (const key of Object.keys(own)) if (!OWN_BLOCKS.some((each) => each === key)) rejectUnknown(root.at(OWN_KEY, key), OWN_BLOCKS)
}

/** A block of ours: under `x-mcpctl`, or, in our own format, at the root. */
function ownBlock(data: Record<string, unknown>, root: Spot, key: OwnBlock): { value: unknown; spot: Spot } | null {
  const own = data[OWN_KEY]
  if (isRecord(own) && own[key] !== undefined) return { value: own[key], spot: root.at(OWN_KEY, key) }
  return root.source.isOwn && data[key] !== undefined ? { value: data[key], spot: root.at(key) } : null
}

function readServers(data: Record<string, unknown>, root: Spot, mayBeAbsent: boolean): Map<string, StatedEntry> {
  const entries = new Map<string, StatedEntry>()
  const [key, second] = ROOT_KEYS.filter((each) => data[each] !== undefined)
  if (key === undefined) {
    const hint = 'Write { "servers": { "NAME": { "command": "..." } } }; other clients call it "mcpServers".'
    if (!mayBeAbsent) root.problem('the configuration names no servers', hint)
    return entries
  }
  if (second !== undefined) rejectSecondList(root.at(second), key)
  const servers = data[key]
  const spot = root.at(key)
  if (!isRecord(servers)) {
    spot.problem(`must be an object of server names, not ${describeKind(servers)}`, 'Write { "NAME": { "command": "..." } }.')
    return entries
  }
  const seen = new Map<string, string>()
  for (const [name, value] of Object.entries(servers)) {
    if (value === undefined) continue
    const serverSpot = spot.at(name)
    checkServerName(name, serverSpot, seen)
    if (!root.source.isOwn && isExtension(value)) serverSpot.warn('is run by an extension of its client and left out')
    else {
      const entry = readEntry(value, serverSpot)
      if (entry) entries.set(name, entry)
    }
  }
  return entries
}

/** In another client's file the second list may be meant for somebody else. */
function rejectSecondList(spot: Spot, key: string): void {
  if (spot.source.isOwn) spot.problem(`stands beside "${key}": there must be one list of servers`, 'Move all servers into one of the two.')
  else spot.warn(`is left out: the servers are taken from "${key}"`)
}

/** Zed: an entry that only configures a server which an extension brings along. */
function isExtension(value: unknown): boolean {
  if (!isRecord(value) || 'command' in value || 'url' in value) return false
  return value['source'] === 'extension' || 'settings' in value
}
