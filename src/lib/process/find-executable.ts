import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { LaunchError } from './launch-error.js'

/** What execvp(3) searches when there is no PATH. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'
const SHEBANG_BYTES = 256

export interface SearchPlace {
  /** Absolute; relative commands and PATH entries are seen from here, as the process itself would. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * The absolute path of a command: a command with a slash is a file seen from `cwd`, any other is searched in
 * the PATH the process will get (not the caller's own).
 * @throws LaunchError command-not-found (names the PATH searched) or not-executable.
 */
export function findExecutable(command: string, place: SearchPlace): string {
  if (command === '') throw new LaunchError('command-not-found', 'the command is empty', { hint: 'Set `command` to a program name or path.' })
  if (command.includes('/') || isAbsolute(command)) return checkFile(command, place.cwd)
  const searched = searchPath(place.env)
  let unusable: string | null = null
  for (const entry of searched.split(delimiter)) {
    for (const name of candidateNames(command)) {
      const file = resolve(place.cwd, entry, name)
      const verdict = judgeFile(file)
      if (verdict === 'executable') return file
      if (verdict === 'not-executable') unusable ??= file
    }
  }
  if (unusable !== null) throw notExecutable(unusable)
  throw new LaunchError('command-not-found', `command not found: ${command} (searched PATH ${searched === '' ? 'which is empty' : searched})`, {
    hint: `Install ${command}, give its absolute path as \`command\`, or set PATH under \`env\`.`,
    details: { command, path: searched },
  })
}

/** The same as findExecutable, with null instead of an error. */
export function lookUpExecutable(command: string, place: SearchPlace): string | null {
  try {
    return findExecutable(command, place)
  } catch {
    return null
  }
}

/** The first line of a script without its `#!` and outer blanks (a carriage return stays: it is part of the name to the kernel), or null when the file is no script or cannot be read. */
export function readShebang(file: string): string | null {
  const head = readHead(file)
  if (head === null || head[0] !== 0x23 || head[1] !== 0x21) return null
  const text = head.toString('latin1', 2)
  const end = text.indexOf('\n')
  return (end === -1 ? text : text.slice(0, end)).replace(/^[ \t]+|[ \t]+$/g, '')
}

function searchPath(env: Readonly<Record<string, string>>): string {
  if (process.platform !== 'win32') return env['PATH'] ?? DEFAULT_PATH
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH')
  return key === undefined ? '' : env[key] ?? ''
}

function candidateNames(command: string): string[] {
  if (process.platform !== 'win32' || /\.[a-z]{3}$/i.test(command)) return [command]
  return ['.exe', '.com', '.cmd', '.bat'].map((extension) => command + extension)
}

function checkFile(command: string, cwd: string): string {
  const file = isAbsolute(command) ? command : join(cwd, command)
  switch (judgeFile(file)) {
    case 'executable':
      return file
    case 'not-executable':
      throw notExecutable(file)
    case 'missing':
      throw new LaunchError('command-not-found', `command not found: ${file} does not exist`, {
        hint: isAbsolute(command) ? 'Check `command`.' : `Check \`command\`: a relative path is seen from \`cwd\` (${cwd}).`,
        details: { command, file },
      })
  }
}

function notExecutable(file: string): LaunchError {
  return new LaunchError('not-executable', `${file} is not an executable file`, {
    hint: `Make it executable (chmod +x ${file}) or name its interpreter as \`command\` and the file in \`args\`.`,
    details: { file },
  })
}

/** Most entries of a PATH do not have the program: asking whether a file exists is by far the cheapest question. */
function judgeFile(file: string): 'executable' | 'not-executable' | 'missing' {
  if (!existsSync(file)) return 'missing'
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile() ? 'executable' : 'not-executable'
  } catch {
    return 'not-executable'
  }
}

function readHead(file: string): Buffer | null {
  let fd: number | null = null
  try {
    fd = openSync(file, constants.O_RDONLY)
    const buffer = Buffer.allocUnsafe(SHEBANG_BYTES)
    return buffer.subarray(0, readSync(fd, buffer, 0, SHEBANG_BYTES, 0))
  } catch {
    return null
  } finally {
    if (fd !== null) closeSync(fd)
  }
}
