import { McpctlError } from '../errors/index.js'

/** Something wrong at one place of a configuration file. Never carries a secret. */
export interface Problem {
  readonly file: string
  /** Counted from 1, like `column`. Absent where the format gives no position. */
  readonly line?: number
  readonly column?: number
  /** The field as a path: `servers.db.env.URL`. */
  readonly field: string
  /** The offending value as far as it may be shown. */
  readonly value?: string
  readonly message: string
  /** The way out. */
  readonly hint: string
}

export interface Position {
  readonly line: number
  readonly column: number
}

/** Paragraphs shown before the rest is only counted; all of them are in the details. */
const SHOWN = 20

/** `file`, `file:line` or `file:line:column`. */
export function formatPlace(file: string, position: Partial<Position> | undefined): string {
  if (position?.line === undefined) return file
  return position.column === undefined ? `${file}:${position.line}` : `${file}:${position.line}:${position.column}`
}

/** All problems as one CONFIG_INVALID: a paragraph for each, in `details.problems` for programs. */
export function configInvalid(problems: readonly Problem[]): McpctlError {
  const [first] = problems
  const single = problems.length === 1 && first !== undefined
  const paragraphs = problems.slice(0, SHOWN).map((problem) => {
    const text = `${formatPlace(problem.file, problem)}: ${problem.message}`
    return single ? text : `${text}. ${problem.hint}`
  })
  if (problems.length > SHOWN) paragraphs.push(`... and ${problems.length - SHOWN} more`)
  return new McpctlError('CONFIG_INVALID', paragraphs.join('\n'), {
    hint: single ? first.hint : `Correct these ${problems.length} places, then check with: mcpctl config validate`,
    details: { problems: [...problems] },
  })
}
