import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { join, parse, resolve, sep } from 'node:path'

/** What has to be watched so that no change of some files is missed. All paths are free of symbolic links but for their last part. */
export interface WatchPlan {
  /** To be watched themselves: the files that are there, and folders in which a name matters. */
  readonly targets: ReadonlySet<string>
  /** Names that matter: the files, symbolic links on the way to them, and the first part of a path that is missing. */
  readonly names: ReadonlySet<string>
}

/** As many as Linux follows. */
const MAX_LINKS = 40

/**
 * Follows the path of each file as the system does. A plain file is watched itself; where a link leads to it or where
 * it is missing, the folder that decides is watched too. Only looks.
 */
export function planWatch(files: Iterable<string>): WatchPlan {
  const plan = { targets: new Set<string>(), names: new Set<string>() }
  for (const file of files) follow(resolve(file), plan, 0)
  return plan
}

function follow(path: string, plan: { targets: Set<string>; names: Set<string> }, links: number): void {
  const { root } = parse(path)
  const parts = path.slice(root.length).split(sep).filter((part) => part !== '')
  let folder = root
  for (const [index, part] of parts.entries()) {
    const here = join(folder, part)
    const stat = look(here)
    if (stat === undefined || stat.isSymbolicLink()) {
      plan.targets.add(folder)
      plan.names.add(here)
      const target = stat && links < MAX_LINKS ? readTarget(here) : undefined
      if (target !== undefined) follow(resolve(folder, target, ...parts.slice(index + 1)), plan, links + 1)
      return
    }
    folder = here
  }
  plan.targets.add(folder)
  plan.names.add(folder)
}

/** Undefined: it is not there, or nobody may look. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}

function readTarget(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}
