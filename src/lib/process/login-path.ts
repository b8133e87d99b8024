import { spawn } from 'node:child_process'
import { userInfo } from 'node:os'
import { delimiter } from 'node:path'

/** The PATH a terminal would have, or why it is not known. */
export type LoginPath = { readonly folders: readonly string[]; readonly shell: string } | { readonly trouble: string }

const MARK = 'mcpctl-login-path'
const MOST_OUTPUT_BYTES = 256 * 1024
/** Nothing but what a login begins with: a PATH of ours would only come back. */
const PASSED = ['HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TMPDIR', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME']

/**
 * Asks the person's login shell (`SHELL`, else that of the system's user list) for its PATH, as a terminal would start it: login and
 * interactive. Its start files run, without a terminal, in a session of their own that is killed after `timeoutMs`.
 */
export async function readLoginPath(env: NodeJS.ProcessEnv, timeoutMs: number): Promise<LoginPath> {
  const shell = env['SHELL'] || shellOfUser()
  if (shell === null || process.platform === 'win32') return { trouble: 'there is no login shell here' }
  const kept = Object.fromEntries(PASSED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
  const output = await run(shell, { ...kept, SHELL: shell, TERM: 'dumb' }, timeoutMs)
  if ('trouble' in output) return { trouble: `${shell} ${output.trouble}` }
  const path = readMarked(output.text)
  return path === null ? { trouble: `${shell} did not say` } : { shell, folders: path.split(delimiter).filter((folder) => folder !== '') }
}

/** What stands between the two marks: start files may print before and after. */
export function readMarked(text: string): string | null {
  const lines = text.split(/\r?\n/)
  const last = lines.lastIndexOf(MARK)
  const found = last >= 2 && lines[last - 2] === MARK ? lines[last - 1] : ''
  return found === undefined || found === '' ? null : found
}

function run(shell: string, env: Record<string, string | undefined>, timeoutMs: number): Promise<{ text: string } | { trouble: string }> {
  return new Promise((resolve) => {
    // A session of its own: an interactive shell must not reach for this terminal. `printenv` is the same in every shell.
    const child = spawn(shell, ['-l', '-i', '-c', `echo ${MARK}; printenv PATH; echo ${MARK}`], { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true, cwd: '/' })
    let text = ''
    const end = (answer: { text: string } | { trouble: string }): void => {
      clearTimeout(timer)
      killGroup(child.pid)
      child.stdout.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => end({ trouble: `did not answer within ${timeoutMs / 1000} s` }), timeoutMs)
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.length > MOST_OUTPUT_BYTES) end({ trouble: 'prints without end' })
      // What the start files put into the background may hold the pipe open.
      else if (readMarked(text) !== null) end({ text })
    })
    child.once('error', (error) => end({ trouble: `cannot be run: ${error.message}` }))
    child.once('close', () => end({ text }))
  })
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function shellOfUser(): string | null {
  try {
    return userInfo().shell
  } catch {
    return null
  }
}
