import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LaunchSpec, ServerSpec } from '../core/index.js'
import type { Problem } from './problem.js'

/**
 * What about a server does not exist on this machine, now: its working folder, its program, its roots. A valid
 * configuration can still name them, so only `config validate` asks. Reads the file system, changes nothing.
 */
export function checkEnvironment(spec: ServerSpec): Problem[] {
  return [...checkLaunch(spec), ...checkRoots(spec)]
}

function checkLaunch({ launch, name, source }: ServerSpec): Problem[] {
  if (!launch) return []
  const cwd = describeFolder(launch.cwd)
  if (cwd !== undefined) {
    const hint = 'Create the folder or correct the path.'
    return [{ file: source, field: `${name}.cwd`, value: launch.cwd, message: `${name}.cwd is ${launch.cwd}, ${cwd}`, hint }]
  }
  const command = checkCommand(launch)
  return command ? [{ file: source, field: `${name}.command`, value: launch.command, ...command }] : []
}

function checkRoots({ roots, name, source }: ServerSpec): Problem[] {
  return (roots ?? []).flatMap(({ uri }, index) => {
    if (!uri.startsWith('file:')) return []
    const path = fileURLToPath(uri)
    if (existsSync(path)) return []
    const field = `${name}.roots[${index}]`
    return [{ file: source, field, value: path, message: `${field} is ${path}, which does not exist`, hint: 'Create it or correct the path.' }]
  })
}

function describeFolder(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : 'which is not a folder'
  } catch {
    return 'which does not exist'
  }
}

function checkCommand({ command, cwd, env }: LaunchSpec): Pick<Problem, 'message' | 'hint'> | undefined {
  const extensions = process.platform === 'win32' ? ['', ...(env['PATHEXT'] ?? '.EXE;.CMD;.BAT').split(';')] : ['']
  const isThere = (path: string): boolean => extensions.some((extension) => isExecutable(path + extension))
  const separator = process.platform === 'win32' ? /[\\/]/ : /\//
  if (separator.test(command)) {
    const path = resolve(cwd, command)
    return isThere(path) ? undefined : describePath(path)
  }
  const path = env['PATH'] ?? env['Path'] ?? ''
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  if (folders.some((folder) => isThere(join(resolve(cwd, folder), command)))) return undefined
  const searched = folders.length === 0 ? 'its PATH is empty' : `searched PATH: ${folders.join(delimiter)}`
  return { message: `the command "${command}" was not found; ${searched}`, hint: 'Install it, write its full path, or set PATH in the env of the server.' }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function describePath(path: string): Pick<Problem, 'message' | 'hint'> {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return { message: `the command ${path} does not exist`, hint: 'Correct the path; it is relative to the working folder of the server.' }
  if (!stat.isFile()) return { message: `the command ${path} is not a file`, hint: 'Name the program itself.' }
  return { message: `the command ${path} is not executable`, hint: `Make it executable: chmod +x ${path}` }
}
