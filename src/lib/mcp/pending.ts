import type { ErrorObject } from './json-rpc.js'
import type { CallOptions } from './link.js'
import { LinkError, RpcError } from './link-error.js'

interface PendingCall {
  readonly method: string
  readonly startedAt: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly release: () => void
}

/** The requests under way on one link. Each is settled exactly once, and its timer and abort listener go with it. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>()

  get size(): number {
    return this.#calls.size
  }

  /** Oldest first. */
  list(): { method: string; startedAt: number }[] {
    return [...this.#calls.values()].map(({ method, startedAt }) => ({ method, startedAt }))
  }

  /** `onGivenUp` runs when the caller's time or patience ended, before the promise rejects. */
  add(id: number, { method, startedAt }: { readonly method: string; readonly startedAt: number }, options: CallOptions, onGivenUp: (why: string) => void): Promise<unknown> {
    const { promise, resolve, reject } = withResolvers()
    const giveUp = (error: LinkError): void => {
      if (this.#take(id) === undefined) return
      onGivenUp(error.reason)
      reject(error)
    }
    const timer = setTimeout(() => { giveUp(new LinkError('timeout', `no answer to ${method} within ${options.timeoutMs} ms`)) }, options.timeoutMs)
    const onAbort = (): void => { giveUp(new LinkError('aborted', `${method} was given up by the caller`)) }
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const release = (): void => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    }
    this.#calls.set(id, { method, startedAt, resolve, reject, release })
    return promise
  }

  /** False when nobody waits for that id. */
  resolve(id: number, result: unknown): boolean {
    const call = this.#take(id)
    call?.resolve(result)
    return call !== undefined
  }

  reject(id: number, error: ErrorObject | LinkError): boolean {
    const call = this.#take(id)
    call?.reject(error instanceof LinkError ? error : new RpcError(error))
    return call !== undefined
  }

  rejectAll(toError: (method: string) => LinkError): void {
    for (const [id, call] of [...this.#calls]) this.reject(id, toError(call.method))
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id)
    if (call === undefined) return undefined
    this.#calls.delete(id)
    call.release()
    return call
  }
}

interface Resolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** A promise with its two ends in hand (`Promise.withResolvers` arrives with Node 22). */
export function withResolvers<T = unknown>(): Resolvers<T> {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((take, refuse) => {
    resolve = take
    reject = refuse
  })
  return { promise, resolve, reject }
}
