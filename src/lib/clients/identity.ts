import { basename, resolve } from 'node:path'
import type { ServerSpec } from '../core/index.js'
import { expandText, type ExpandScope } from '../config/index.js'
import type { Draft } from './draft.js'

/** Programs that are the same wherever they are installed. */
const WELL_KNOWN = new Set(['npx', 'npm', 'node', 'uvx', 'uv', 'pnpm', 'bunx', 'bun', 'deno', 'docker', 'podman', 'python', 'python3', 'pipx', 'dotnet', 'java', 'go'])

/** What decides whether two entries are one server, written so that equal things are equal texts. */
export interface Essence {
  readonly program: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly url: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly cwd: string | null
}

/**
 * The essence of an entry, its references replaced where they can be: `cmd /c npx`, a path to npx and npx are one, so are
 * `npx -y x`, `npx x` and `npx x@latest`; names of headers have no case.
 */
export function essenceOf(draft: Draft, scope: ExpandScope): Essence {
  const expand = (text: string): string => expandText(text, scope).text
  return {
    program: draft.command === undefined ? [] : programOf([draft.command, ...(draft.args ?? [])].map(expand)),
    env: mapValues(draft.env ?? {}, expand),
    url: draft.url === undefined ? null : addressOf(expand(draft.url)),
    headers: lowerKeys(mapValues(draft.headers ?? {}, expand)),
    cwd: draft.cwd === undefined ? null : resolve(scope.workspaceFolder, expand(draft.cwd).replace(/^~(?=$|[/\\])/, scope.userHome)),
  }
}

/** One text for equal essences. */
export function identityOf({ program, env, url, headers, cwd }: Essence): string {
  return JSON.stringify([program, sorted(env), url, sorted(headers), cwd])
}

/** Whether they start the same program or reach the same address, whatever they tell it. */
export function isSameProgram(a: Essence, b: Essence): boolean {
  return a.url === b.url && a.program[0] === b.program[0] && packageOf(a.program) === packageOf(b.program)
}

/** What they differ in, for people; never a value. */
export function differenceOf(a: Essence, b: Essence): string {
  if (a.url !== b.url) return a.url === null || b.url === null ? 'one is a program, the other an address' : 'another address'
  if (a.program[0] !== b.program[0]) return 'another program'
  if (JSON.stringify(a.program) !== JSON.stringify(b.program)) return packageOf(a.program) === packageOf(b.program) ? 'other arguments' : 'another program'
  const names = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): string[] => [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => one[name] !== other[name])
  const env = names(a.env, b.env)
  const headers = names(a.headers, b.headers)
  if (env.length > 0) return `another value of ${env.join(', ')}`
  return headers.length > 0 ? `another header ${headers.join(', ')}` : 'another working folder'
}

/** Whether a server that mcpctl runs does all that the entry asks for. */
export function isCovered(essence: Essence, spec: ServerSpec): boolean {
  const { launch, endpoint } = spec
  const isSameStart = essence.program.length === 0 ? launch === null : launch !== null && JSON.stringify(programOf([launch.command, ...launch.args])) === JSON.stringify(essence.program)
  const url = endpoint === null ? null : addressOf(endpoint.url)
  const isSameAddress = essence.url === (essence.program.length > 0 && essence.url === null ? null : url)
  const isSamePlace = essence.cwd === null || essence.cwd === launch?.cwd
  return isSameStart && isSameAddress && isSamePlace && contains(launch?.env ?? {}, essence.env) && contains(lowerKeys(endpoint?.headers ?? {}), essence.headers)
}

/** The essence of a server as mcpctl runs it. */
export function essenceOfSpec({ launch, endpoint }: ServerSpec): Essence {
  return {
    program: launch === null ? [] : programOf([launch.command, ...launch.args]),
    env: Object.fromEntries((launch?.ownEnv ?? []).map((name) => [name, launch?.env[name] ?? ''])),
    url: endpoint === null ? null : addressOf(endpoint.url),
    headers: lowerKeys(endpoint?.headers ?? {}),
    cwd: null,
  }
}

function contains(all: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => all[name] === value)
}

function programOf(words: readonly string[]): string[] {
  const [command = '', ...args] = words
  const name = basename(command.replaceAll('\\', '/')).replace(/\.(?:cmd|exe|bat|ps1)$/i, '').toLowerCase()
  if (name === 'cmd' && /^\/c$/i.test(args[0] ?? '')) return programOf(args.slice(1))
  const program = WELL_KNOWN.has(name) ? name : command
  return [program, ...(program === 'npx' ? withoutNoise(args) : args)]
}

/** Switches of npx that change nothing about what runs. */
function withoutNoise(args: readonly string[]): string[] {
  const at = args.findIndex((arg) => !arg.startsWith('-'))
  const end = at < 0 ? args.length : at
  const switches = args.slice(0, end).filter((arg) => !['-y', '--yes', '-q', '--quiet', '--'].includes(arg))
  return [...switches, ...args.slice(end, end + 1).map((name) => name.replace(/(?<=.)@latest$/, '')), ...args.slice(end + 1)]
}

/** What the runner runs: the first word that is no switch. */
function packageOf(program: readonly string[]): string {
  return program.slice(1).find((word) => !word.startsWith('-'))?.replace(/(?<=.)@[^@/]*$/, '') ?? ''
}

function addressOf(url: string): string {
  return URL.canParse(url) ? new URL(url).href : url
}

function mapValues(map: Readonly<Record<string, string>>, change: (text: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]))
}

function lowerKeys(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name.toLowerCase(), value]))
}

function sorted(map: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))
}
