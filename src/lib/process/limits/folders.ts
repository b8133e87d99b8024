import { mkdirSync } from 'node:fs'
import type { LimitsSpec } from '../../core/index.js'
import { removeGroup } from './cgroup-file.js'
import { FolderGroup } from './kernel-group.js'
import { foldersOf, type Layout } from './layout.js'
import type { Resource } from './types.js'
import { CpuWeight } from './weight.js'
import { makeFolder } from './make-folder.js'

/** The folder in every hierarchy in which the groups of all servers are made. It is there while one of them is. */
export class GroupFolder {
  readonly bases: readonly string[]
  readonly #layout: Layout
  readonly #holds: ReadonlySet<Resource>
  readonly #weight: CpuWeight
  #count = 0

  constructor(layout: Layout, holds: ReadonlySet<Resource>) {
    this.#layout = layout
    this.#holds = holds
    this.#weight = new CpuWeight(layout)
    this.bases = foldersOf(layout)
  }

  /**
   * Makes the folders of a group and writes its limits; when that does not work out, takes all of it away again. A base
   * that was removed meanwhile is made anew. `check` looks at each folder before anything is written.
   * @throws what the kernel answers.
   */
  make(id: string, limits: LimitsSpec, check: (folder: string) => void = () => undefined): FolderGroup {
    const layout = below(this.#layout, id)
    const made: string[] = []
    const group = new FolderGroup(layout, this.#holds)
    try {
      for (const folder of foldersOf(layout)) {
        makeFolder(folder.slice(0, folder.lastIndexOf('/')))
        mkdirSync(folder)
        made.push(folder)
        check(folder)
      }
      group.write(limits)
    } catch (error) {
      group.close()
      for (const folder of made) removeGroup(folder)
      throw error
    }
    const takeWeight = this.#weight.add(layout, limits.cpuPercent)
    this.#count++
    group.onRemoved = () => {
      takeWeight()
      if (--this.#count === 0) this.remove()
    }
    return group
  }

  /** Folders that are not empty stay. */
  remove(): void {
    for (const base of this.bases) removeGroup(base)
  }
}

function below({ version, directories }: Layout, id: string): Layout {
  return { version, directories: Object.fromEntries(Object.entries(directories).map(([controller, base]) => [controller, `${base}/s-${id}`])) }
}
