import { mkdirSync } from 'node:fs'
import type { LimitsSpec } from '../../core/index.js'
import { removeGroup } from './cgroup-file.js'
import { FolderGroup } from './kernel-group.js'
import { foldersOf, type Layout } from './layout.js'
import type { Resource } from './types.js'

/** The layout of one group below the layout of all. */
export function below(layout: Layout, id: string): Layout {
  return { version: layout.version, directories: Object.fromEntries(Object.entries(layout.directories).map(([controller, base]) => [controller, `${base}/s-${id}`])) }
}

/**
 * Makes the folders of a group and writes its limits; when that does not work out, takes all of it away again. A base
 * that was removed meanwhile is made anew. `check` looks at the folders before anything is written.
 * @throws what the kernel answers.
 */
export function makeGroup(layout: Layout, holds: ReadonlySet<Resource>, limits: LimitsSpec, check: (folder: string) => void = () => undefined): FolderGroup {
  const made: string[] = []
  const group = new FolderGroup(layout, holds)
  try {
    for (const folder of foldersOf(layout)) {
      mkdirSync(folder.slice(0, folder.lastIndexOf('/')), { recursive: true })
      mkdirSync(folder)
      made.push(folder)
      check(folder)
    }
    group.write(limits)
    return group
  } catch (error) {
    group.close()
    for (const folder of made) removeGroup(folder)
    throw error
  }
}
