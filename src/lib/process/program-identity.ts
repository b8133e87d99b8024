import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { LaunchSpec } from '../core/index.js'
import { parseRunner } from './package-runner.js'
import { resolveLaunch, type ResolvedLaunch } from './resolve-launch.js'

/** What a launch runs, so that another version of it can be told: an npm package, or a file of this machine. */
export type ProgramIdentity =
  /** `integrity`: as npm wrote it down when it installed the package; null when it did not. */
  | { readonly type: 'package'; readonly name: string; readonly version: string; readonly integrity: string | null }
  | { readonly type: 'file'; readonly path: string; readonly integrity: string }

/** Larger programs are not read just to be told apart. */
const MAX_BYTES = 256 * 1024 * 1024
const INTERPRETER = /^(?:node|nodejs|bun|deno|tsx|ts-node|python(?:\d[\d.]*)?|ruby|perl|php|java|sh|bash|dash|zsh)(?:\.exe)?$/i
/** They fetch what they run; the file they are themselves tells nothing of it. */
const RUNNER = /^(?:npx|npm|pnpm|pnpx|yarn|bunx|uv|uvx|pipx|docker|podman)(?:\.exe|\.cmd)?$/i

/**
 * Finds out what a launch would run now: the npm package its script belongs to, also where npx keeps it, else the script, else
 * the program itself. Null when nobody can say: a container, a package of another kind, a command that is not there. Reads
 * files; starts nothing.
 */
export async function identifyProgram(launch: LaunchSpec): Promise<ProgramIdentity | null> {
  const direct = tryResolve(launch)
  const script = direct === null ? null : scriptOf(direct, launch)
  const found = (script === null ? null : packageOf(script)) ?? packageOfNpx(launch)
  if (found !== null) return found
  return script === null ? null : { type: 'file', path: script, integrity: await integrityOfFile(script) }
}

function tryResolve(launch: LaunchSpec): ResolvedLaunch | null {
  try {
    return resolveLaunch(launch)
  } catch {
    return null
  }
}

/** The first argument that is a file, for an interpreter; else the program. Links are followed: `node_modules/.bin` holds nothing else. */
function scriptOf({ file, args }: ResolvedLaunch, launch: LaunchSpec): string | null {
  if (RUNNER.test(basename(launch.command)) && RUNNER.test(basename(file))) return null
  if (!INTERPRETER.test(basename(file))) return realFile(file)
  for (const word of args) {
    const path = word.startsWith('-') ? null : realFile(resolve(launch.cwd, word))
    if (path !== null) return path
  }
  return null
}

function realFile(path: string): string | null {
  try {
    const real = realpathSync(path)
    const { size } = statSync(real)
    return statSync(real).isFile() && size <= MAX_BYTES ? real : null
  } catch {
    return null
  }
}

/** The innermost package a file in some `node_modules` belongs to. */
function packageOf(file: string): ProgramIdentity | null {
  const parts = file.split(sep)
  const at = parts.lastIndexOf('node_modules')
  const first = parts[at + 1]
  if (at === -1 || first === undefined) return null
  const name = first.startsWith('@') ? `${first}/${parts[at + 2] ?? ''}` : first
  return describePackage(parts.slice(0, at + 1).join(sep), name)
}

/** A package npx has put away under the words it was asked with (libnpmexec: SHA-512 of them, 16 hex digits). */
function packageOfNpx({ command, args, env }: LaunchSpec): ProgramIdentity | null {
  const request = parseRunner(command, args)
  if (request === null) return null
  const asked = request.version === null ? request.packageName : `${request.packageName}@${request.version}`
  const key = createHash('sha512').update(asked).digest('hex').slice(0, 16)
  const cache = env['npm_config_cache'] ?? env['NPM_CONFIG_CACHE'] ?? join(env['HOME'] ?? homedir(), '.npm')
  return describePackage(join(cache, '_npx', key, 'node_modules'), request.packageName)
}

function describePackage(modules: string, name: string): ProgramIdentity | null {
  const version = textAt(readJson(join(modules, name, 'package.json')), 'version')
  if (version === null) return null
  return { type: 'package', name, version, integrity: integrityIn(modules, name, version) }
}

/** npm's hidden lock file in `node_modules` says what is installed; the project's says it where that one is missing (pnpm, yarn: neither). */
function integrityIn(modules: string, name: string, version: string): string | null {
  for (const file of [join(modules, '.package-lock.json'), join(dirname(modules), 'package-lock.json')]) {
    const packages = memberOf(readJson(file), 'packages')
    const entry = memberOf(packages, `node_modules/${name}`)
    if (textAt(entry, 'version') === version) return textAt(entry, 'integrity')
  }
  return null
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function textAt(value: unknown, name: string): string | null {
  const text = memberOf(value, name)
  return typeof text === 'string' ? text : null
}

async function integrityOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return `sha256-${hash.digest('base64')}`
}

/** A path as it can stand in a file that is kept with the project: relative where it is inside of it, else the bare name. */
export function portablePath(path: string, folder: string): string {
  let base = folder
  try {
    base = realpathSync(folder)
  } catch {
    // It is compared as it is.
  }
  const inside = relative(base, path)
  return inside.startsWith('..') || resolve(inside) === inside ? basename(path) : inside.split(sep).join('/')
}
