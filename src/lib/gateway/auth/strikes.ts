/** Wrong credentials from one address that are looked at at once, and how fast more are. */
const BURST = 20
const REFILL_MS = 3_000
const MAX_ADDRESSES = 4096

interface Bucket {
  /** Wrong ones that may still come. */
  left: number
  filledAt: number
}

/**
 * Bounds how often one address can try credentials that are wrong: a token bucket for each, those of IPv6 by their /64,
 * which is what one customer has. At most 4,096 of them; the oldest goes.
 */
export class Strikes {
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Ms until that address may try again; 0: now. */
  waitMs(address: string): number {
    if (this.#buckets.size === 0) return 0
    const bucket = this.#buckets.get(placeOf(address))
    if (bucket === undefined) return 0
    this.#fill(bucket)
    return bucket.left > 0 ? 0 : Math.max(1, REFILL_MS - (this.#now() - bucket.filledAt))
  }

  /** That address tried wrong ones. */
  count(address: string): void {
    const place = placeOf(address)
    const bucket = this.#buckets.get(place)
    if (bucket !== undefined) {
      this.#fill(bucket)
      bucket.left = Math.max(0, bucket.left - 1)
      return
    }
    if (this.#buckets.size >= MAX_ADDRESSES) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    this.#buckets.set(place, { left: BURST - 1, filledAt: this.#now() })
  }

  /** Forgets those that have all their tries again. */
  sweep(): void {
    for (const [place, bucket] of this.#buckets) {
      this.#fill(bucket)
      if (bucket.left >= BURST) this.#buckets.delete(place)
    }
  }

  #fill(bucket: Bucket): void {
    const more = Math.max(0, Math.floor((this.#now() - bucket.filledAt) / REFILL_MS))
    if (more === 0) return
    bucket.left = Math.min(BURST, bucket.left + more)
    bucket.filledAt += more * REFILL_MS
  }
}

function placeOf(address: string): string {
  const bare = address.startsWith('::ffff:') ? address.slice(7) : address
  if (!bare.includes(':')) return bare
  const [head = '', tail] = bare.split('::')
  const groups = head.split(':')
  // What `::` leaves out is zeros.
  while (tail !== undefined && groups.length < 4) groups.push('0')
  return groups.slice(0, 4).join(':')
}
