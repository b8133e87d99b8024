import { tryWrite } from './cgroup-file.js'
import type { Layout } from './layout.js'

/** What one process outside of any group weighs, and the most a group can (kernel: cpu.shares, cpu.weight). */
const SCALE = { 1: { file: 'cpu.shares', one: 1024, most: 262_144 }, 2: { file: 'cpu.weight', one: 100, most: 10_000 } } as const

/**
 * To the scheduler a group is one runnable thing, however many are in it: all servers together would get as much of a
 * busy machine as any single process. So the folder they are in weighs as much as they are, and a server whose quota is
 * several cores as much as several.
 */
export class CpuWeight {
  readonly #layout: Layout
  #cores = 0

  /** @param layout the folder all groups are in. */
  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** For a group that was made; returns what to call when it is removed. */
  add(group: Layout, percent: number | undefined): () => void {
    const cores = Math.max(1, Math.ceil((percent ?? 0) / 100))
    if (cores > 1) writeWeight(group, cores)
    this.#change(cores)
    return () => this.#change(-cores)
  }

  #change(cores: number): void {
    this.#cores += cores
    writeWeight(this.#layout, Math.max(1, this.#cores))
  }
}

/** Without the weight a server is only slower than it could be on a busy machine. */
function writeWeight({ version, directories: { cpu } }: Layout, cores: number): void {
  const { file, one, most } = SCALE[version]
  if (cpu !== undefined) tryWrite(`${cpu}/${file}`, Math.min(most, cores * one))
}
