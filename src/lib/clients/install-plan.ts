import { isDeepStrictEqual } from 'node:util'
import type { ServerSpec } from '../core/index.js'
import { isRecord, readJson, readToml } from '../config/index.js'
import { McpctlError } from '../errors/index.js'
import { putToml, removeToml, type TomlValue } from './edit-toml.js'
import { openJsonEditor } from './edit-json.js'
import { clientEntry, describeEntry, type Reach } from './entry.js'
import { isCovered, isSameProgram, essenceOfSpec } from './identity.js'
import type { Place } from './place.js'
import { isPlainSelf, isSelf } from './self.js'
import { listAt, parseClientFile, surveyPlace, type Found, type SurveyOptions } from './survey.js'
import { lineEndOf, readTextFile, type TextFile } from './text-file.js'

/** Which of a client's own entries give way. */
export type TakeOver = 'covered' | 'all' | 'none'

export interface InstallOrder {
  /** How the entry is called. */
  readonly name: string
  readonly reach: Reach
  readonly takeOver: TakeOver
  /** What mcpctl runs. */
  readonly specs: readonly ServerSpec[]
  /** Servers that do not work at the moment, and how they are: what a client has of them it keeps. */
  readonly unwell?: ReadonlyMap<string, string>
  readonly survey: SurveyOptions
}

/** What would be done to one file. */
export interface InstallPlan {
  readonly place: Place
  readonly before: TextFile
  readonly after: string
  readonly isChanged: boolean
  readonly entry: Readonly<Record<string, TomlValue>>
  /** Entries that go; those mcpctl runs by the name it has for them. */
  readonly removed: readonly { readonly name: string; readonly runsAs: string | null }[]
  /** Entries that stay, and why. */
  readonly kept: readonly { readonly name: string; readonly reason: string }[]
  /** What its author has to see to besides, in sentences that begin small. */
  readonly notes: readonly string[]
}

/**
 * Plans the change of one client's file: its list gets one entry, mcpctl; entries that give way are removed from every list
 * in the file. Everything else stays byte for byte, and the result is read again and compared before it is offered.
 * Throws CONFIG_SYNTAX or CONFIG_INVALID when the file cannot be changed safely.
 */
export async function planInstall(place: Place, order: InstallOrder): Promise<InstallPlan> {
  const before = readTextFile(place.file)
  const data = before.exists ? await parseClientFile(before) : null
  const places = before.exists ? await surveyPlace(place, order.survey) : []
  const list = listAt(data, place.path)
  if (list !== undefined && list !== null && !isRecord(list)) throw unsafe(place, `"${place.path.join('.')}" is not an object of servers`)
  const siblings = isRecord(list) ? list : {}
  checkName(place, order.name, siblings[order.name], order.survey.addresses)
  const entry = clientEntry(place.client, order.reach, Object.values(siblings))
  const decisions = places.flatMap(({ found }) => found).map((each) => decide(each, order))
  const selves = Object.entries(siblings).filter(([name, raw]) => name !== order.name && isSelf(name, raw, order.survey.addresses) && isPlainSelf(raw)).map(([name]) => ({ path: [...place.path, name], name }))
  const removed = decisions.filter((decision) => decision.goes)
  const paths = [...removed.map(({ found }) => [...found.place.path, found.name]), ...selves.map(({ path }) => path)]
  const after = await edit(place, before.text, { paths, put: [...place.path, order.name], entry })
  await verify(place, { after, data, paths, entry, put: [...place.path, order.name] })
  return {
    place,
    before,
    after,
    isChanged: after !== before.text || !before.exists,
    entry,
    removed: [...removed.map(({ found, runsAs }) => ({ name: found.name, runsAs })), ...selves.map(({ name }) => ({ name, runsAs: null }))],
    kept: [
      ...decisions.filter(({ goes }) => !goes).map(({ found, reason }) => ({ name: found.name, reason })),
      ...places.flatMap(({ skipped }) => skipped).filter(({ isSelf: own }) => !own).map(({ name, reason }) => ({ name, reason })),
    ],
    notes: notesOn(place, data, order.name),
  }
}

/** Gemini CLI can be told which servers it may use at all. */
function notesOn(place: Place, data: unknown, name: string): string[] {
  const allowed = place.client === 'gemini' ? listAt(data, ['mcp', 'allowed']) : undefined
  return Array.isArray(allowed) && !allowed.includes(name) ? [`mcp.allowed in the file does not list "${name}", so Gemini CLI will not use it: add it there`] : []
}

interface Decision {
  readonly found: Found
  readonly goes: boolean
  readonly runsAs: string | null
  readonly reason: string
}

function decide(found: Found, { specs, takeOver, unwell }: InstallOrder): Decision {
  const spec = specs.find((each) => isCovered(found.essence, each))
  const runsAs = spec?.enabled === true ? spec.name : null
  if (takeOver === 'all') return { found, goes: true, runsAs, reason: '' }
  if (takeOver === 'none') return { found, goes: false, runsAs, reason: runsAs === null ? 'asked to keep it' : `asked to keep it, though mcpctl runs it as ${runsAs}: it would run twice` }
  const how = runsAs === null ? undefined : unwell?.get(runsAs)
  if (how !== undefined) return { found, goes: false, runsAs, reason: `mcpctl has it as ${runsAs}, but there it is ${how} (mcpctl why ${runsAs})` }
  if (runsAs !== null) return { found, goes: true, runsAs, reason: '' }
  if (spec) return { found, goes: false, runsAs, reason: `mcpctl knows it as ${spec.name}, but it is disabled there` }
  const near = specs.find((each) => isSameProgram(found.essence, essenceOfSpec(each)))
  return { found, goes: false, runsAs, reason: near === undefined ? 'mcpctl does not run it' : `mcpctl runs ${near.name}, which is not quite the same` }
}

/** The name must be free, or ours already. */
function checkName(place: Place, name: string, raw: unknown, addresses: readonly string[] | undefined): void {
  if (raw === undefined || isSelf(name, raw, addresses)) return
  throw new McpctlError('CONFIG_INVALID', `${place.file} has a server "${name}" already, which is not mcpctl`, { hint: 'Give the entry another name: mcpctl install --name NAME.', details: { file: place.file, name } })
}

interface Edit {
  readonly paths: readonly (readonly string[])[]
  readonly put: readonly string[]
  readonly entry: Readonly<Record<string, TomlValue>>
}

async function edit(place: Place, text: string, { paths, put, entry }: Edit): Promise<string> {
  try {
    if (isToml(place)) {
      const current = listAt((await readToml(place.file, text)).data, put)
      // What is there already is left as its author wrote it.
      const isThere = isEqual(current, plain(entry))
      const rest = paths.reduce((each, path) => removeToml(each, path), text)
      return isThere ? rest : putToml(rest, put, entry)
    }
    const editor = await openJsonEditor()
    const current = text.trim() === '' ? undefined : listAt((await readJson(place.file, text)).data, put)
    const isThere = isEqual(current, plain(entry))
    const rest = paths.reduce((each, path) => editor.remove(each, path), text)
    return isThere ? rest : editor.put(rest, put, entry)
  } catch (error) {
    throw error instanceof McpctlError ? error : unsafe(place, error instanceof Error ? error.message : String(error))
  }
}

/** The text has to say exactly what was meant: the old data without what goes, with what comes. */
async function verify(place: Place, { after, data, paths, entry, put }: Edit & { readonly after: string; readonly data: unknown }): Promise<void> {
  const wanted = structuredClone(isRecord(data) ? data : {})
  for (const path of paths) deleteAt(wanted, path)
  setAt(wanted, put, plain(entry))
  const found = await (isToml(place) ? readToml : readJson)(place.file, after).catch(() => null)
  if (found !== null && isEqual(withoutEmpty(found.data, put), withoutEmpty(wanted, put))) return
  throw unsafe(place, 'the way it is written does not allow it to be changed safely', describeEntry(place, put.at(-1) ?? '', entry))
}

/** TOML forgets a table when its last member goes. */
function withoutEmpty(data: unknown, put: readonly string[]): unknown {
  if (!isRecord(data)) return data
  const [first = ''] = put
  const list = data[first]
  return isRecord(list) && Object.keys(list).length === 0 ? Object.fromEntries(Object.entries(data).filter(([key]) => key !== first)) : data
}

function isToml(place: Place): boolean {
  return /\.toml$/i.test(place.file)
}

function plain(entry: Readonly<Record<string, TomlValue>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined))
}

function deleteAt(data: unknown, path: readonly string[]): void {
  const parent = listAt(data, path.slice(0, -1))
  if (isRecord(parent)) delete parent[path.at(-1) ?? '']
}

function setAt(data: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = data
  for (const key of path.slice(0, -1)) {
    const next = node[key]
    if (isRecord(next)) node = next
    else {
      const made: Record<string, unknown> = {}
      node[key] = made
      node = made
    }
  }
  node[path.at(-1) ?? ''] = value
}

/** Equal as data: the order of members does not count, nor what an object was made by. */
export function isEqual(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(structuredClone(a), structuredClone(b))
}

function unsafe(place: Place, why: string, entry?: string): McpctlError {
  return new McpctlError('CONFIG_INVALID', `${place.file} was left as it is: ${why}`, {
    hint: entry === undefined ? 'Correct it, or put the entry in by hand: see docs/clients.md.' : `Put this in by hand: ${entry.replaceAll(/\s*\n\s*/g, ' ')}`,
    details: { file: place.file },
  })
}

/** The text that takes only this change back: entries that went return, ours goes, everything else stays as it is now. */
export async function planPartialUndo(place: Place, original: TextFile, now: TextFile, name: string): Promise<string> {
  const before = await parseClientFile(original)
  const current = await parseClientFile(now)
  const back = missingEntries(place, before, current)
  const own = [...place.path, name]
  const hadOwn = listAt(before, own)
  if (isToml(place)) {
    const without = hadOwn === undefined ? removeToml(now.text, own) : putToml(now.text, own, hadOwn as Record<string, TomlValue>)
    return back.reduce((text, { path, value }) => putToml(text, path, value as Record<string, TomlValue>), without)
  }
  const editor = await openJsonEditor()
  const without = hadOwn === undefined ? editor.remove(now.text, own) : editor.put(now.text, own, hadOwn)
  const text = back.reduce((each, { path, value }) => editor.put(each, path, value), without)
  return text === '' ? `{}${lineEndOf(now.text)}` : text
}

/** Entries of every list of the file that were there before and are not now. */
function missingEntries(place: Place, before: unknown, current: unknown): { path: string[]; value: unknown }[] {
  const lists = [[...place.path], ...(place.client === 'claude-code' ? Object.keys(recordAt(before, ['projects'])).map((project) => ['projects', project, 'mcpServers']) : [])]
  return lists.flatMap((path) => {
    const there = recordAt(current, path)
    return Object.entries(recordAt(before, path)).filter(([name]) => !Object.hasOwn(there, name)).map(([name, value]) => ({ path: [...path, name], value }))
  })
}

function recordAt(data: unknown, path: readonly string[]): Record<string, unknown> {
  const value = listAt(data, path)
  return isRecord(value) ? value : {}
}
