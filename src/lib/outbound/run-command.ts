import { spawn, type ChildProcess } from 'node:child_process'
import { createMask } from '../base/index.js'
import { OutboundError } from './failure.js'

export interface TokenCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
}

const LIMIT_MS = 30_000
const MAX_OUTPUT_BYTES = 64 * 1024
const MAX_SAID_CHARS = 200
/** The last of its output after it ended. */
const DRAIN_MS = 500

/**
 * Runs a command that prints a token, without a shell, for at most 30 s and 64 KiB of output; what it started goes with
 * it when it takes longer or prints more. Rejects with OutboundError. Aborting ends it.
 */
export function runTokenCommand({ command, args, cwd }: TokenCommand, signal: AbortSignal, limitMs = LIMIT_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new OutboundError('refused', `the command ${command}, which is to print a token, ${why}`, { hint: 'Run it in a terminal; it must print the token and nothing else on its standard output.' }))
    if (signal.aborted) return fail('was not run: everything is being stopped')
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], shell: false, windowsHide: true, detached: process.platform !== 'win32' })
    const output = collect(child.stdout, () => give('printed more than a token can be'))
    const said = collect(child.stderr, () => undefined)
    let verdict: string | null = null
    const give = (why: string): void => {
      verdict ??= why
      killGroup(child)
    }
    const timer = setTimeout(() => give(`did not end within ${limitMs / 1000} s`), limitMs)
    const onAbort = (): void => give('was ended: everything is being stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      over()
      fail(error.code === 'ENOENT' ? 'was not found' : `could not be started (${error.code ?? error.message})`)
    })
    child.once('exit', (code, killedBy) => {
      over()
      const end = (): void => {
        clearTimeout(patience)
        child.stdout.destroy()
        child.stderr.destroy()
        if (verdict !== null) return fail(verdict)
        if (code !== 0) return fail(`${killedBy === null ? `ended with status ${code ?? '?'}` : `was ended by ${killedBy}`}${quote(said())}`)
        resolve(output())
      }
      // What it left running may hold its pipes open.
      const patience = setTimeout(end, DRAIN_MS)
      child.once('close', end)
    })
  })
}

/** What comes up to the bound; `onTooMuch` when there is more. */
function collect(stream: NodeJS.ReadableStream, onTooMuch: () => void): () => string {
  const parts: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_OUTPUT_BYTES) parts.push(chunk)
    else onTooMuch()
  })
  return () => Buffer.concat(parts).toString('utf8')
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** The last line on its standard error, with what looks like a secret hidden. */
function quote(said: string): string {
  const line = said.trim().split('\n').at(-1)?.trim() ?? ''
  return line === '' ? '' : `; it said: ${createMask([])(line).slice(0, MAX_SAID_CHARS)}`
}
