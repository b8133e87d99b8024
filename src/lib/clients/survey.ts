import { dirname, resolve } from 'node:path'
import { isRecord, readJson, readToml, type ExpandScope } from '../config/index.js'
import { McpctlError } from '../errors/index.js'
import { CLIENTS, type ClientId } from './client.js'
import { toDraft, type Draft } from './draft.js'
import { essenceOf, identityOf, type Essence } from './identity.js'
import { describePlace, isInside, localPlaces, personalHome, projectPlaces, userPlaces, type Place, type PlaceOptions } from './place.js'
import type { Translation } from './reference.js'
import { isSelf } from './self.js'
import { readTextFile, type TextFile } from './text-file.js'

/** One server of one client. */
export interface Found {
  readonly place: Place
  /** As it is called there. */
  readonly name: string
  readonly draft: Draft
  readonly essence: Essence
  /** Equal for entries that are one server. */
  readonly identity: string
  /** What is different here, in sentences that begin small. */
  readonly notes: readonly string[]
  /** Variables it needs that are not set now. */
  readonly missing: readonly string[]
  /** References nothing here can replace. */
  readonly unknown: readonly string[]
}

/** One list of servers of one file. */
export interface SurveyedPlace {
  readonly place: Place
  /** How it is called in a sentence. */
  readonly title: string
  readonly found: readonly Found[]
  /** Entries that are no servers of their own, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string; readonly isSelf: boolean }[]
  /** Why it could not be read; null: it could. */
  readonly trouble: string | null
  /** Belongs to a project that is not worked in here. */
  readonly isElsewhere: boolean
}

export interface SurveyOptions extends PlaceOptions {
  /** The folder of the configuration the servers are meant for. */
  readonly folder: string
  /** Addresses of mcpctl's own gateway. */
  readonly addresses?: readonly string[]
}

/** Looks through the files of all known clients; files that do not exist are left out. Never throws for a broken file. */
export async function surveyClients(options: SurveyOptions): Promise<SurveyedPlace[]> {
  const seen = new Set<string>()
  const surveyed: SurveyedPlace[] = []
  for (const place of [...projectPlaces(options), ...userPlaces(options)]) {
    const { places } = await surveyFile(place, options)
    // The same file reached by two ways, or a link, is one.
    for (const each of places) {
      const key = `${each.real} ${JSON.stringify(each.surveyed.place.path)}`
      if (!seen.has(key)) surveyed.push(each.surveyed)
      seen.add(key)
    }
  }
  return surveyed
}

/** Looks through one file. Throws what makes it unreadable. */
export async function surveyPlace(place: Place, options: SurveyOptions): Promise<SurveyedPlace[]> {
  const { places } = await surveyFile(place, options)
  const [first] = places
  if (first?.surveyed.trouble != null) throw new McpctlError('CONFIG_SYNTAX', first.surveyed.trouble, { hint: 'Correct the file, or let its client write it anew.', details: { file: place.file } })
  return places.map(({ surveyed }) => surveyed)
}

async function surveyFile(place: Place, options: SurveyOptions): Promise<{ places: { real: string; surveyed: SurveyedPlace }[] }> {
  const make = (surveyed: Partial<SurveyedPlace>, at: Place): SurveyedPlace => ({ place: at, title: describePlace(at), found: [], skipped: [], trouble: null, isElsewhere: false, ...surveyed })
  let file: TextFile
  let data: unknown
  try {
    file = readTextFile(place.file)
    if (!file.exists) return { places: [] }
    data = await parseClientFile(file)
  } catch (error) {
    if (!(error instanceof McpctlError)) throw error
    return { places: [{ real: place.file, surveyed: make({ trouble: error.message }, place) }] }
  }
  const local = place.client === 'claude-code' && place.scope === 'user' ? localPlaces(place.file, data) : []
  const places = [place, ...local].map((at) => {
    const isElsewhere = at.scope === 'local' && at.project !== null && !isInside(options.cwd, at.project)
    return { real: file.real, surveyed: make({ ...readServers(at, data, options), isElsewhere }, at) }
  })
  return { places }
}

/** The data of a client's file; null when it is empty. Throws CONFIG_SYNTAX with file:line:column. */
export async function parseClientFile({ file, text }: TextFile): Promise<unknown> {
  if (text.trim() === '') return null
  const { data } = /\.toml$/i.test(file) ? await readToml(file, text) : await readJson(file, text)
  return data
}

/** What stands at the place's path; undefined: nothing. */
export function listAt(data: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined), data)
}

function readServers(place: Place, data: unknown, options: SurveyOptions): Pick<SurveyedPlace, 'found' | 'skipped' | 'trouble'> {
  const list = listAt(data, place.path)
  if (list === undefined || list === null) return { found: [], skipped: [], trouble: null }
  if (!isRecord(list)) return { found: [], skipped: [], trouble: `${place.file}: "${place.path.join('.')}" is not an object of servers` }
  const found: Found[] = []
  const skipped: { name: string; reason: string; isSelf: boolean }[] = []
  const excluded = excludedNames(place.client, data)
  for (const [name, raw] of Object.entries(list)) {
    if (isSelf(name, raw, options.addresses)) skipped.push({ name, reason: 'it is mcpctl itself', isSelf: true })
    else {
      const read = readFound(place, name, raw, { options, inputs: inputsOf(data) })
      if ('reason' in read) skipped.push({ name, reason: read.reason, isSelf: false })
      else found.push(excluded.has(name) ? { ...read, draft: { ...read.draft, enabled: false } } : read)
    }
  }
  return { found, skipped, trouble: null }
}

interface Context {
  readonly options: SurveyOptions
  readonly inputs: ReadonlyMap<string, string>
}

/** Reads one entry of a place as a server of ours. */
function readFound(place: Place, name: string, raw: unknown, { options, inputs }: Context): Found | { reason: string } {
  const translation: Translation = {
    env: options.env,
    project: place.project === null ? null : resolve(place.project),
    folder: options.folder,
    inputs,
    expandsDollar: place.client === 'gemini',
    notes: new Set(),
    missing: new Set(),
    unknown: new Set(),
  }
  const draft = toDraft(raw, place.client, translation)
  if ('reason' in draft) return draft
  const essence = essenceOf(draft, scopeFor(options))
  return { place, name, draft, essence, identity: identityOf(essence), notes: [...translation.notes], missing: [...translation.missing], unknown: [...translation.unknown] }
}

/** What references mean when two entries are compared. */
export function scopeFor(options: SurveyOptions): ExpandScope {
  return { env: options.env, workspaceFolder: options.folder, userHome: personalHome(options), readFile: () => { throw new Error('not read here') } }
}

/** VS Code: what it asks for, by id. */
function inputsOf(data: unknown): Map<string, string> {
  const inputs = isRecord(data) && Array.isArray(data['inputs']) ? data['inputs'] : []
  return new Map(inputs.filter(isRecord).flatMap((input): [string, string][] => (typeof input['id'] === 'string' ? [[input['id'], typeof input['description'] === 'string' ? input['description'] : input['id']]] : [])))
}

/** Gemini CLI: names that its settings switch off. */
function excludedNames(client: ClientId, data: unknown): Set<string> {
  const excluded = client === 'gemini' ? listAt(data, ['mcp', 'excluded']) : undefined
  return new Set(Array.isArray(excluded) ? excluded.filter((name) => typeof name === 'string') : [])
}

/** The place of a file that was named: which client it belongs to is seen by its name, else by its content. */
export async function placeOfFile(file: string): Promise<Place> {
  const data = await parseClientFile(readTextFile(file))
  const parent = dirname(file).replaceAll('\\', '/')
  const client = clientOfFile(file.replaceAll('\\', '/'), data)
  const rootKey = ['servers', 'mcpServers', 'context_servers', 'mcp_servers'].find((key) => isRecord(data) && isRecord(data[key])) ?? CLIENTS[client].rootKey
  const isProject = /(?:^|\/)\.mcp\.json$/.test(file) || /\/\.(?:cursor|vscode|codex|gemini|zed)$/.test(parent)
  const project = isProject ? (/\.mcp\.json$/.test(file) ? dirname(file) : dirname(dirname(file))) : null
  return { client, scope: isProject ? 'project' : 'user', file, path: [rootKey], project }
}

function clientOfFile(file: string, data: unknown): ClientId {
  const byName: readonly (readonly [RegExp, ClientId])[] = [
    [/claude_desktop_config\.json$/, 'claude-desktop'], [/\/\.cursor\//, 'cursor'], [/windsurf|\.codeium/, 'windsurf'], [/\.gemini\//, 'gemini'], [/\.toml$/, 'codex'],
    [/\.vscode\/|\/Code(?: - Insiders)?\/User\//, 'vscode'], [/\/\.?zed\//i, 'zed'],
  ]
  const named = byName.find(([pattern]) => pattern.test(file))?.[1]
  if (named !== undefined) return named
  if (isRecord(data) && 'context_servers' in data) return 'zed'
  return isRecord(data) && 'inputs' in data ? 'vscode' : 'claude-code'
}
