import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  /** Default 25 s. */
  readonly timeoutMs?: number
  /** Default 10 ms. */
  readonly pollMs?: number
  /** What is waited for, as it reads in "waited 10000 ms for ...". */
  readonly what?: string
}

/**
 * Asks `condition` again and again until it gives something truthy, and resolves with that.
 * Rejects at the deadline with what was waited for and the last answer or error; a condition
 * that throws counts as "not yet".
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 25_000, pollMs = 10, what = condition.toString().replace(/\s+/g, ' ').slice(0, 200) } = options
  const deadline = performance.now() + timeoutMs
  let last: string
  for (;;) {
    try {
      const answer = await within(condition, deadline)
      if (answer) return answer
      last = `last answer: ${show(answer)}`
    } catch (error) {
      last = `last error: ${error instanceof Error ? error.message : String(error)}`
    }
    if (performance.now() >= deadline) throw new Error(`waited ${timeoutMs} ms for ${what}; ${last}`)
    await delay(pollMs)
  }
}

/** A condition that never answers must not outlast the deadline. */
async function within<T>(condition: () => T | Promise<T>, deadline: number): Promise<T> {
  const cancel = new AbortController()
  const late = delay(Math.max(0, deadline - performance.now()), undefined, { signal: cancel.signal }).then(
    () => Promise.reject(new Error('the condition gave no answer in time')),
    () => undefined,
  )
  try {
    return (await Promise.race([condition(), late])) as T
  } finally {
    cancel.abort()
  }
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 300)
}
