import type { Path } from './path.js'
import type { Position, Problem } from './problem.js'

/** A configuration file as read, before anything about its content is judged. */
export interface SourceDocument {
  readonly file: string
  readonly data: unknown
  /** Every file the content came from, this one first. */
  readonly files: readonly string[]
  /** Where a value stands; undefined when the format gives no positions or the path does not exist. */
  readonly locate: (path: Path) => Position | undefined
  /** What is wrong although the file could be read: duplicate keys. */
  readonly problems: readonly Problem[]
  /** What has no effect there. */
  readonly warnings?: readonly string[]
  /** What people are told of where its values come from; absent: the file. */
  readonly origin?: string
  /** Servers of it that are switched on or off by a runtime change. */
  readonly switched?: ReadonlySet<string>
}

export interface ReadOptions {
  /** How long a file that is code may take to load. */
  readonly evaluationTimeoutMs: number
  /** Called with every file that is looked into, also when reading fails. */
  readonly onFile: (file: string) => void
}
