import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { LaunchSpec } from '../core/index.js'
import { findExecutable, lookUpExecutable, readShebang, type SearchPlace } from './find-executable.js'
import { LaunchError } from './launch-error.js'
import { resolvePackageRunner } from './package-runner.js'

/** A launch that was checked against this machine: what will really be executed. */
export interface ResolvedLaunch {
  /** Absolute path of the executable. */
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** What differs from the configured command, for people; null when nothing does. */
  readonly note: string | null
}

/** Linux allows no single argument or `NAME=value` of 128 KiB or more (MAX_ARG_STRLEN, terminating NUL included). */
const LONGEST_STRING_BYTES = 128 * 1024 - 1

/**
 * Checks everything that can be known before a process is started, and replaces an `npx` of an installed package by
 * the package's own program. Reads a few files synchronously (about 0.1 ms); starts nothing.
 * @throws LaunchError that names the value and the way out.
 */
export function resolveLaunch(launch: LaunchSpec): ResolvedLaunch {
  checkStrings(launch)
  checkDirectory(launch.cwd)
  const direct = resolvePackageRunner(launch)
  if (direct !== null) {
    return { ...direct, cwd: launch.cwd, note: `${basename(launch.command)} resolved to ${[basename(direct.file), ...direct.shown].join(' ')}` }
  }
  const file = findExecutable(launch.command, launch)
  checkInterpreter(file, launch)
  return { file, args: launch.args, cwd: launch.cwd, env: launch.env, note: null }
}

function checkStrings(launch: LaunchSpec): void {
  checkString('command', launch.command)
  checkString('cwd', launch.cwd)
  launch.args.forEach((arg, index) => checkString(`args[${index}]`, arg))
  for (const [name, value] of Object.entries(launch.env)) {
    if (name === '' || name.includes('=')) {
      throw new LaunchError('bad-argument', `env: ${JSON.stringify(name)} cannot be the name of an environment variable`, {
        hint: 'A name must not be empty or contain `=`.', details: { field: 'env' },
      })
    }
    checkString(`env.${name}`, value, name.length + 1)
  }
}

/** The value itself stays out of the message: it may be a secret. */
function checkString(field: string, value: string, extra = 0): void {
  if (value.includes('\0') || field.includes('\0')) {
    throw new LaunchError('bad-argument', `${field.replaceAll('\0', '\\0')} contains a NUL character, which no process can receive`, {
      hint: `Remove the NUL character from ${field.replaceAll('\0', '\\0')}.`, details: { field },
    })
  }
  if (process.platform !== 'linux' || value.length + extra < LONGEST_STRING_BYTES / 3) return
  const size = Buffer.byteLength(value) + extra
  if (size > LONGEST_STRING_BYTES) {
    throw new LaunchError('too-large', `${field} has ${size} bytes; the kernel takes at most ${LONGEST_STRING_BYTES} in one string`, {
      hint: `Shorten ${field} or pass the value in a file.`, details: { field, bytes: size },
    })
  }
}

/** One question when all is well: only a folder that may be entered has a "." to be reached. */
function checkDirectory(cwd: string): void {
  try {
    accessSync(`${cwd}/.`, constants.X_OK)
  } catch {
    const found = existsSync(cwd) ? statSync(cwd) : null
    const what = found === null ? 'does not exist' : found.isDirectory() ? 'may not be entered' : 'is not a directory'
    throw new LaunchError('cwd-missing', `working directory ${cwd} ${what}`, { hint: 'Create it or correct `cwd`.', details: { cwd } })
  }
}

/** The kernel reports a script whose interpreter is absent as "no such file": say which one is meant instead. */
function checkInterpreter(file: string, place: SearchPlace): void {
  if (process.platform === 'win32') return
  const shebang = readShebang(file)
  if (shebang === null) return
  const [interpreter = '', argument = ''] = shebang.split(/[ \t]+/)
  const fail = (missing: string): LaunchError => new LaunchError('bad-interpreter', `${file} needs the interpreter ${missing.trim()}, which was not found`, {
    hint: shebang.endsWith('\r')
      ? 'The file has Windows line endings: save it with Unix ones.'
      : `Install ${missing.trim()}, or correct the first line of ${file}.`,
    details: { file, interpreter: missing.trim() },
  })
  if (lookUpExecutable(interpreter.includes('/') ? interpreter : `./${interpreter}`, place) === null) throw fail(interpreter)
  if (basename(interpreter) === 'env' && /^[\w.+][\w.+-]*\r?$/.test(argument) && lookUpExecutable(argument, place) === null) {
    throw fail(argument)
  }
}
