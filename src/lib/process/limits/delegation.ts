import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const ANSWER_MS = 5000

export interface OwnedUnit {
  readonly unit: string
  /** Whether it belongs to the manager of a user. */
  readonly user: boolean
}

/** The unit of systemd whose own group this is; null for any other, such as one below it or a slice. */
export function unitOf(group: string): OwnedUnit | null {
  const names = group.split('/')
  const unit = names.at(-1) ?? ''
  if (!/^.+\.(service|scope)$/.test(unit)) return null
  return { unit: unescape(unit), user: names.slice(0, -1).some((name) => /^user@\d+\.service$/.test(name)) }
}

/** systemd puts an underscore before names that the kernel could take for a file of its own, as `_cgroup.service`. */
const unescape = (name: string): string => name.replace(/^_/, '')

/**
 * Whether systemd keeps this group to itself: being allowed to write there is not enough. Without Delegate= it may take
 * controllers away at any time, and its OOMPolicy= ends the whole unit, this process with it, when one server is
 * killed for want of memory (systemd.resource-control(5), CGROUP_DELEGATION.md). False where nobody can be asked.
 */
export function isKeptBySystemd(group: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const owned = existsSync('/run/systemd/system') ? unitOf(group) : null
  if (owned === null) return false
  const { stdout } = spawnSync('systemctl', [owned.user ? '--user' : '--system', 'show', '--property=Delegate', '--value', owned.unit], {
    env: { ...env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'ignore'], timeout: ANSWER_MS, encoding: 'utf8',
  })
  return (stdout as string | null)?.trim() === 'no'
}
