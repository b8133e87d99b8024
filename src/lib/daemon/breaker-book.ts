import type { BreakerSnapshot } from '../core/index.js'
import type { BreakerChange } from '../gateway/index.js'

type Listener = (change: BreakerChange) => void

/** What the gateway thinks of the servers' calls, for those who show it. Knows of none until a gateway is there. */
export class BreakerBook {
  #of: (server: string) => BreakerSnapshot | null = () => null
  readonly #listeners = new Set<Listener>()

  follow(of: (server: string) => BreakerSnapshot | null): void {
    this.#of = of
  }

  /** Null: the server has none, or no call of it was ever made. */
  of(server: string): BreakerSnapshot | null {
    return this.#of(server)
  }

  changed(change: BreakerChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }

  /** Returns the function that ends the subscription. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
