import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { WriteStream } from 'node:tty'

/** How often a terminal that took nothing is asked again. */
const RETRY_MS = 25

/** A terminal to write to that never makes the writer wait. */
export interface Output {
  /** Takes the whole text; while `isBlocked` the caller had better not come with more. */
  write(text: string): void
  readonly isBlocked: boolean
  /** For the last words: tries at once, and gives up on a terminal that takes nothing. */
  writeLast(text: string): void
  close(): void
}

export interface OutputOptions {
  readonly stream: WriteStream
  /** The terminal takes text again. */
  readonly onDrain: () => void
  /** The terminal is gone. */
  readonly onGone: () => void
}

/**
 * Node writes to terminals so that the whole program waits while the terminal does not read (Ctrl-S, a stopped ssh): no
 * key and no signal would be heard. So the terminal is opened once more, without waiting; where that cannot be done the
 * stream itself is used.
 */
export function openOutput(options: OutputOptions): Output {
  const descriptor = openAgain()
  return descriptor === null ? overStream(options) : overDescriptor(descriptor, options)
}

/** Only Linux opens the terminal itself here; elsewhere it would be the same open file, shared with the shell. */
function openAgain(): number | null {
  if (process.platform !== 'linux') return null
  try {
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return null
  }
}

function overDescriptor(descriptor: number, { onDrain, onGone }: OutputOptions): Output {
  let waiting: Buffer | null = null
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const push = (): void => {
    if (closed || waiting === null) return
    try {
      waiting = rest(waiting, writeSync(descriptor, waiting))
    } catch (error) {
      if (!isBusy(error)) return void (waiting = null, onGone())
    }
    if (waiting !== null) return void (timer = setTimeout(retry, RETRY_MS))
  }
  const retry = (): void => {
    push()
    if (waiting === null && !closed) onDrain()
  }
  return {
    get isBlocked() {
      return waiting !== null
    },
    write(text) {
      const held = waiting
      waiting = held === null ? Buffer.from(text) : Buffer.concat([held, Buffer.from(text)])
      if (held === null) push()
    },
    writeLast(text) {
      // What still waits is for a screen that goes away with these words.
      waiting = null
      try {
        writeSync(descriptor, text)
      } catch {
        // Nobody is there to see it.
      }
    },
    close() {
      closed = true
      clearTimeout(timer)
      closeSync(descriptor)
    },
  }
}

function rest(buffer: Buffer, written: number): Buffer | null {
  return written >= buffer.length ? null : buffer.subarray(written)
}

function isBusy(error: unknown): boolean {
  return ['EAGAIN', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function overStream({ stream, onDrain, onGone }: OutputOptions): Output {
  let blocked = false
  const drained = (): void => {
    blocked = false
    onDrain()
  }
  stream.on('drain', drained)
  stream.on('close', onGone)
  return {
    get isBlocked() {
      return blocked
    },
    write(text) {
      blocked = !stream.write(text)
    },
    writeLast: (text) => void stream.write(text),
    close() {
      stream.removeListener('drain', drained)
      stream.removeListener('close', onGone)
    },
  }
}
