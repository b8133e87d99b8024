import type { Readable } from 'node:stream'
import type { Child } from '../process/index.js'

/** Waits for a promise, but no longer than that; it must not reject. */
export async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([promise, limit])
  clearTimeout(timer)
}

/** Waits until everything that is still in a pipe has been read, but no longer than that. */
export async function closesWithin(stream: Readable | undefined, limitMs: number): Promise<void> {
  if (stream === undefined || stream.closed) return
  await settledWithin(new Promise<void>((resolve) => stream.once('close', resolve)), limitMs)
}

/** Whether a process ends within that time, or has ended. */
export function exitsWithin(child: Child, limitMs: number): Promise<boolean> {
  if (child.exited !== null) return Promise.resolve(true)
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs)
    child.onExit(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
