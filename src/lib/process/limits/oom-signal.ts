import { KeptFile, numberOf } from './cgroup-file.js'

/** The system counts a kill a moment before the group does. */
const LOOKS_AFTER_RISE = 3
const LARGEST_BYTES = 32 * 1024

/**
 * Whether any process of the whole system was killed for want of memory lately: one read of 40 µs instead of one for
 * every group. The counter `oom_kill` of /proc/vmstat (since Linux 4.13) also counts kills within a group.
 */
export class OomSignal {
  #file: KeptFile | null = null
  #unusable = false
  #kills = -1
  #looks = 0

  /** True when groups must be looked at; always, where the system does not count. */
  look(): boolean {
    const text = this.#read()
    if (!/^oom_kill \d/m.test(text)) return true
    const kills = numberOf(text, 'oom_kill')
    if (kills !== this.#kills) this.#looks = LOOKS_AFTER_RISE
    this.#kills = kills
    return this.#looks-- > 0
  }

  /** Gives the descriptor back; the next look opens it again. */
  close(): void {
    this.#file?.close()
    this.#file = null
    this.#kills = -1
  }

  #read(): string {
    if (this.#unusable) return ''
    try {
      this.#file ??= new KeptFile('/proc/vmstat', LARGEST_BYTES)
      return this.#file.read()
    } catch {
      this.#unusable = true
      return ''
    }
  }
}
