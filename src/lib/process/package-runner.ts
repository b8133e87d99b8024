import { readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import type { LaunchSpec } from '../core/index.js'
import { lookUpExecutable, readShebang, type SearchPlace } from './find-executable.js'

/** The program behind an `npx`: two processes, some 75 MB and a third of a second less than running npx itself. */
export interface DirectProgram {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The arguments worth showing: the script, without what the user passes to it. */
  readonly shown: readonly string[]
}

/** What an `npx` or `npm exec` command line asks for. */
export interface RunnerRequest {
  readonly packageName: string
  /** Exact version; null when none was asked for. */
  readonly version: string | null
  /** The name of the program when it was given apart from the package (`--package x program`). */
  readonly binName: string | null
  readonly args: readonly string[]
}

interface Installed {
  readonly directory: string
  readonly modules: string
  readonly name: string
  readonly version: string
  readonly bin: Readonly<Record<string, string>>
}

const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i
const HARMLESS_FLAGS: ReadonlySet<string> = new Set(['-y', '--yes', '-q', '--quiet', '--silent', '--offline', '--prefer-offline', '--no', '--no-install'])

/**
 * Resolves `npx [-y] [--package p] name[@version] args...` and `npm exec ... -- ...` to the installed program, when the
 * package is installed in `cwd` or above and no other version is asked for. Null whenever npx might do anything else
 * (ranges, tags, several packages, unknown flags): then npx itself must decide.
 */
export function resolvePackageRunner(launch: LaunchSpec): DirectProgram | null {
  const request = parseRunner(launch.command, launch.args)
  if (request === null) return null
  const installed = findInstalled(request.packageName, launch.cwd)
  if (installed === null || (request.version !== null && request.version !== installed.version)) return null
  const bin = pickBin(installed, request.binName)
  if (bin === null) return null
  const env = withModulesBin(launch.env, installed.modules)
  return resolveScript(join(installed.directory, bin), request.args, { cwd: launch.cwd, env: launch.env }, env)
}

/** Reads a runner's command line; null when it is none, or says something this reader is not sure about. */
export function parseRunner(command: string, args: readonly string[]): RunnerRequest | null {
  const program = basename(command).replace(/\.cmd$/i, '')
  if (program === 'npx') return parseFlags(args, false)
  if (program === 'npm' && (args[0] === 'exec' || args[0] === 'x')) return parseFlags(args.slice(1), true)
  return null
}

function parseFlags(args: readonly string[], npmExec: boolean): RunnerRequest | null {
  const flags = readFlags(args)
  const first = flags === null ? undefined : args[flags.next]
  if (flags === null || first === undefined) return null
  const tail = args.slice(flags.next + 1)
  const rest = npmExec && args[flags.next - 1] !== '--' ? dropSeparator(tail) : tail
  const wanted = parsePackage(flags.packageName ?? first)
  return rest === null || wanted === null ? null : { ...wanted, binName: flags.packageName === null ? null : first, args: rest }
}

/** The flags in front of the program's name; null when one of them is unknown or there are several packages. */
function readFlags(args: readonly string[]): { packageName: string | null; next: number } | null {
  let packageName: string | null = null
  let next = 0
  for (; next < args.length; next++) {
    const arg = args[next] ?? ''
    if (arg === '--') return { packageName, next: next + 1 }
    if (!arg.startsWith('-')) break
    if (HARMLESS_FLAGS.has(arg)) continue
    const value = arg === '-p' || arg === '--package' ? args[++next] : /^--package=(.+)$/.exec(arg)?.[1]
    if (value === undefined || packageName !== null) return null
    packageName = value
  }
  return { packageName, next }
}

/** npm reads flags up to `--` even behind the package's name; only a plain tail is certain. */
function dropSeparator(rest: readonly string[]): readonly string[] | null {
  const separator = rest.indexOf('--')
  const before = separator === -1 ? rest : rest.slice(0, separator)
  if (before.some((arg) => arg.startsWith('-'))) return null
  return separator === -1 ? rest : [...before, ...rest.slice(separator + 1)]
}

function parsePackage(text: string): { packageName: string; version: string | null } | null {
  const at = text.indexOf('@', 1)
  const packageName = at === -1 ? text : text.slice(0, at)
  const version = at === -1 ? null : text.slice(at + 1)
  if (!PACKAGE_NAME.test(packageName)) return null
  if (version !== null && !/^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(version)) return null
  return { packageName, version }
}

function findInstalled(packageName: string, cwd: string): Installed | null {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const modules = join(directory, 'node_modules')
    const manifest = readManifest(join(modules, packageName))
    if (manifest !== undefined) return manifest === null ? null : { ...manifest, modules }
    if (dirname(directory) === directory) return null
  }
}

/** Undefined: not installed here. Null: installed, but not in a way that can be trusted. */
function readManifest(directory: string): Omit<Installed, 'modules'> | null | undefined {
  let text: string
  try {
    text = readFileSync(join(directory, 'package.json'), 'utf8')
  } catch {
    return undefined
  }
  try {
    const manifest: unknown = JSON.parse(text)
    if (typeof manifest !== 'object' || manifest === null) return null
    const { name, version, bin } = manifest as { name?: unknown; version?: unknown; bin?: unknown }
    if (typeof name !== 'string' || typeof version !== 'string') return null
    return { directory: realpathSync(directory), name, version, bin: readBins(name, bin) }
  } catch {
    return null
  }
}

function readBins(name: string, bin: unknown): Record<string, string> {
  if (typeof bin === 'string') return { [basename(name)]: bin }
  if (typeof bin !== 'object' || bin === null) return {}
  return Object.fromEntries(Object.entries(bin).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

/** npx's own rule: the named one; else the only one (or several names of one file); else the one named like the package. */
function pickBin(installed: Installed, binName: string | null): string | null {
  if (binName !== null) return Object.hasOwn(installed.bin, binName) ? installed.bin[binName] ?? null : null
  const files = [...new Set(Object.values(installed.bin))]
  if (files.length === 1) return files[0] ?? null
  return installed.bin[basename(installed.name)] ?? null
}

/** npx puts the project's programs on the PATH; a server may call one of them. */
function withModulesBin(env: Readonly<Record<string, string>>, modules: string): Readonly<Record<string, string>> {
  const path = env['PATH']
  return path === undefined ? env : { ...env, PATH: `${join(modules, '.bin')}${delimiter}${path}` }
}

function resolveScript(script: string, args: readonly string[], place: SearchPlace, env: Readonly<Record<string, string>>): DirectProgram | null {
  if (!statSync(script, { throwIfNoEntry: false })?.isFile()) return null
  const shebang = readShebang(script)
  const flags = shebang === null ? null : readNodeShebang(shebang)
  if (flags !== null) {
    const node = lookUpExecutable('node', place)
    return node === null ? null : { file: node, args: [...flags, script, ...args], env, shown: [...flags, script] }
  }
  if (process.platform === 'win32' || lookUpExecutable(script, place) === null) return null
  return { file: script, args, env, shown: [] }
}

/** The flags after `node` in "/usr/bin/env node" or "/usr/bin/env -S node --flag"; null for any other interpreter. */
function readNodeShebang(shebang: string): string[] | null {
  const words = shebang.split(/[ \t]+/)
  if (basename(words[0] ?? '') !== 'env') return null
  if (words[1] === 'node' && words.length === 2) return []
  return words[1] === '-S' && words[2] === 'node' ? words.slice(3) : null
}
