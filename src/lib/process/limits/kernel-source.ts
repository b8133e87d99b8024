import type { LimitsSpec } from '../../core/index.js'
import { readErrorCode } from '../launch-error.js'
import type { KernelGroup } from './kernel-group.js'
import type { BackendName, Resource } from './types.js'

/** A way to have the kernel hold limits. */
export interface KernelSource {
  readonly name: BackendName
  readonly holds: ReadonlySet<Resource>
  readonly kill: 'atomic' | 'loop'
  /** Folders in which groups are made, to be found again by the next daemon after a crash. */
  readonly bases: readonly string[]
  /** @throws what the system answers; then nothing was made. */
  make(id: string, limits: LimitsSpec): KernelGroup
  /** Takes away what was made for all groups. */
  close(): void
}

/** The outcome of an attempt to have one. */
export type Trial = { readonly source: KernelSource; readonly notes: readonly string[] } | { readonly why: string }

const PHRASES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'mounted read-only',
  ENOENT: 'it is gone',
  ENODEV: 'it is gone',
  EBUSY: 'processes are in the way',
  EOPNOTSUPP: 'the group is not of type domain',
  ENOTSUP: 'the group is not of type domain',
  ENOSPC: 'the kernel allows no more groups',
  EEXIST: 'a group of that name exists already',
  EINVAL: 'the kernel does not take the value',
}

/** What went wrong, for people: "permission denied (mkdir /sys/fs/cgroup/x)". */
export function reasonOf(error: unknown): string {
  const code = readErrorCode(error)
  if (!(error instanceof Error) || code === undefined) return error instanceof Error ? error.message : String(error)
  const { syscall, path } = error as NodeJS.ErrnoException
  const place = [syscall, path].filter((part) => part !== undefined).join(' ')
  return `${PHRASES[code] ?? code}${place === '' ? '' : ` (${place})`}`
}
