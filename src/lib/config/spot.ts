import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { SourceDocument } from './document.js'
import { expandText, hideDefaults, type ExpandScope } from './expand.js'
import { describeFailure } from './failure.js'
import { formatPath, type Path } from './path.js'
import { formatPlace, type Position, type Problem } from './problem.js'
import { MASK } from './secret.js'
import { expandTilde } from './settings.js'

const MAX_REFERENCED_BYTES = 1024 ** 2

/** One configuration file while it is being read: what its texts may refer to, and what was found out so far. */
export interface Source {
  readonly document: SourceDocument
  /** Our own format: every field must be known. Otherwise a file that belongs to another client. */
  readonly isOwn: boolean
  /** What relative working folders and `${workspaceFolder}` mean. */
  readonly folder: string
  /** The working folder of servers that name none. */
  readonly defaultCwd: string
  readonly userHome: string
  readonly env: NodeJS.ProcessEnv
  readonly scope: ExpandScope
  readonly problems: Problem[]
  readonly warnings: string[]
  /** Files whose content went into values. */
  readonly referenced: Set<string>
  /** Texts that hold values from outside, as they are written, by field. */
  readonly templates: Map<string, string>
}

export function createSource(parts: Pick<Source, 'document' | 'isOwn' | 'folder' | 'defaultCwd' | 'userHome' | 'env'> & { readonly fileFolder: string }): Source {
  const { fileFolder, ...rest } = parts
  const referenced = new Set<string>()
  const readFile = (path: string): string => {
    const absolute = resolve(fileFolder, expandTilde(path, parts.userHome))
    referenced.add(absolute)
    return readReferenced(absolute)
  }
  const scope = { env: parts.env, workspaceFolder: parts.folder, userHome: parts.userHome, readFile }
  return { ...rest, scope, referenced, problems: [...parts.document.problems], warnings: [...(parts.document.warnings ?? [])], templates: new Map() }
}

function readReferenced(path: string): string {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > MAX_REFERENCED_BYTES) throw new Error('it is larger than 1M')
    return readFileSync(path, 'utf8').replace(/[\r\n]+$/, '')
  } catch (error) {
    throw new Error(describeFailure(error), { cause: error })
  }
}

/** A place in a configuration file: knows its name and position, collects what is wrong there. */
export class Spot {
  readonly source: Source
  readonly path: Path
  /** A variable that is not set is only a warning here: the server is disabled. */
  readonly isLenient: boolean

  constructor(source: Source, path: Path, isLenient = false) {
    this.source = source
    this.path = path
    this.isLenient = isLenient
  }

  at(...keys: (string | number)[]): Spot {
    return new Spot(this.source, [...this.path, ...keys], this.isLenient)
  }

  lenient(isLenient: boolean): Spot {
    return new Spot(this.source, this.path, isLenient)
  }

  get field(): string {
    return formatPath(this.path)
  }

  /** The position of the value, or of the nearest thing around it that has one. */
  get position(): Position | undefined {
    for (let length = this.path.length; length > 0; length--) {
      const position = this.source.document.locate(this.path.slice(0, length))
      if (position) return position
    }
    return undefined
  }

  /** `message` continues the field's name: "must be a list, not a string". `value`: only what may be shown. */
  problem(message: string, hint: string, value?: string): void {
    this.source.problems.push({
      file: this.source.document.file,
      ...this.position,
      field: this.field,
      ...(value === undefined ? {} : { value }),
      message: this.path.length === 0 ? message : `${this.field} ${message}`,
      hint,
    })
  }

  warn(message: string): void {
    this.source.warnings.push(`${formatPlace(this.source.document.file, this.position)}: ${this.field} ${message}`)
  }

  /** The text with its references replaced; undefined when one cannot be (a problem is recorded). */
  expand(text: string): string | undefined {
    const expansion = expandText(text, this.source.scope)
    if (expansion.hasOutsideValue) this.source.templates.set(this.field, hideDefaults(text, MASK))
    let isUsable = true
    for (const problem of expansion.problems) {
      if (problem.type === 'missing' && this.isLenient) this.warn(`${problem.message}; it is left as it is because the server is disabled`)
      else {
        this.problem(problem.message, problem.hint)
        isUsable = false
      }
    }
    return isUsable ? expansion.text : undefined
  }
}
