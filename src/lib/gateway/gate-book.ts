import type { GateMetrics, GateServerMetrics } from '../core/index.js'
import type { Limit } from './over-limit.js'

type Counts = { -readonly [Key in keyof Omit<GateServerMetrics, 'name' | 'cacheBytes' | 'limited'>]: GateServerMetrics[Key] } & { readonly limited: Record<Limit, number> }

/** What the gate did, by the servers and groups that calls were for. Counts never fall. */
export class GateBook {
  readonly #servers = new Map<string, Counts>()

  hit(server: string): void {
    this.#of(server).hits++
  }

  miss(server: string): void {
    this.#of(server).misses++
  }

  refused(server: string, reason: 'rate-limited' | 'overloaded', limit: Limit): void {
    const counts = this.#of(server)
    if (reason === 'rate-limited') counts.limited[limit]++
    else counts.overloaded++
  }

  /** The server is not configured any more. */
  forget(server: string): void {
    this.#servers.delete(server)
  }

  /** `bytesOf`: of the answers that are kept for a server. */
  read(bytesOf: (server: string) => number): GateMetrics['servers'] {
    return [...this.#servers].map(([name, { limited, ...counts }]) => ({ name, ...counts, limited: { ...limited }, cacheBytes: bytesOf(name) }))
  }

  #of(server: string): Counts {
    const known = this.#servers.get(server)
    if (known !== undefined) return known
    const made: Counts = { hits: 0, misses: 0, overloaded: 0, limited: { caller: 0, server: 0, total: 0 } }
    this.#servers.set(server, made)
    return made
  }
}
