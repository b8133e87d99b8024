import { spawn, type ChildProcess } from 'node:child_process'

export interface Program {
  readonly command: string
  readonly args: readonly string[]
  /** Default: that of this process. */
  readonly cwd?: string
  /** What it reads on its standard input; absent: nothing. */
  readonly input?: string
}

/** How a program ended. `stopped`: it gave no status of its own; `why` goes on after its name in a sentence. */
export type ProgramEnd =
  | { readonly type: 'ended'; readonly status: number; readonly output: string; readonly said: string }
  | { readonly type: 'stopped'; readonly cause: 'missing' | 'unstartable' | 'overdue' | 'flood' | 'aborted' | 'killed'; readonly why: string; readonly said: string }

const MAX_OUTPUT_BYTES = 64 * 1024
/** The last of its output after it ended. */
const DRAIN_MS = 500

/**
 * Runs a program that deals with a secret, without a shell, for at most `limitMs` and 64 KiB of output; what it started
 * goes with it when it takes longer or prints more. Never rejects. Aborting ends it.
 */
export function runProgram({ command, args, cwd, input }: Program, signal: AbortSignal, limitMs: number): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const stopped = (cause: Extract<ProgramEnd, { type: 'stopped' }>['cause'], why: string, said = ''): void => resolve({ type: 'stopped', cause, why, said })
    if (signal.aborted) return stopped('aborted', 'was not run: everything is being stopped')
    const child = spawn(command, args, { ...(cwd === undefined ? {} : { cwd }), stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], shell: false, windowsHide: true, detached: process.platform !== 'win32' })
    let verdict: readonly ['overdue' | 'flood' | 'aborted', string] | null = null
    const give = (cause: 'overdue' | 'flood' | 'aborted', why: string): void => {
      verdict ??= [cause, why]
      killGroup(child)
    }
    const output = collect(child.stdout, () => give('flood', 'printed more than a token can be'))
    const said = collect(child.stderr, () => undefined)
    // It may end before it has read everything.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    const timer = setTimeout(() => give('overdue', `did not end within ${limitMs / 1000} s`), limitMs)
    const onAbort = (): void => give('aborted', 'was ended: everything is being stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      over()
      if (error.code === 'ENOENT') stopped('missing', 'was not found')
      else stopped('unstartable', `could not be started (${error.code ?? error.message})`)
    })
    child.once('exit', (status, killedBy) => {
      over()
      const end = (): void => {
        clearTimeout(patience)
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
        if (verdict !== null) return stopped(...verdict)
        if (status === null) return stopped('killed', `was ended by ${killedBy ?? 'a signal'}`, said())
        resolve({ type: 'ended', status, output: output(), said: said() })
      }
      // What it left running may hold its pipes open.
      const patience = setTimeout(end, DRAIN_MS)
      child.once('close', end)
    })
  })
}

/** What comes up to the bound; `onTooMuch` when there is more. */
function collect(stream: NodeJS.ReadableStream | null, onTooMuch: () => void): () => string {
  const parts: Buffer[] = []
  let bytes = 0
  stream?.on('data', (chunk: Buffer) => {
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
