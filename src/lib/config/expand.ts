/**
 * The one language of references in configuration texts:
 * `${VAR}` `${VAR:-default}` `${env:VAR}` `${env:VAR:-default}` `${file:PATH}` `${workspaceFolder}` `${userHome}`.
 * As in a shell, `:-` also replaces an empty value, and the default may hold references itself.
 * `$${` stands for a literal `${`; a `$` anywhere else, `$VAR` included, is just a `$`.
 */
export interface ExpandScope {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workspaceFolder: string
  readonly userHome: string
  /** The content of a file named in a reference, without its final line ends. Throws when it cannot be had. */
  readonly readFile: (path: string) => string
}

export interface ExpandProblem {
  /** `missing`: a variable that is not set and has no default. */
  readonly type: 'missing' | 'malformed'
  readonly message: string
  readonly hint: string
}

export interface Expansion {
  readonly text: string
  /** Whether a value from outside the file (a variable, another file) went into the text. */
  readonly hasOutsideValue: boolean
  readonly problems: readonly ExpandProblem[]
}

const ACCEPTED = 'Accepted are ${VAR}, ${VAR:-default}, ${env:VAR}, ${file:PATH}, ${workspaceFolder} and ${userHome}; write $${ for a literal ${.'

/** References inside defaults inside references: more than anybody writes. */
const MAX_DEPTH = 20

interface Work {
  depth: number
  readonly scope: ExpandScope
  readonly problems: ExpandProblem[]
  hasOutsideValue: boolean
}

/** Replaces every reference in `text`. A reference that cannot be resolved stays as it is and is a problem. */
export function expandText(text: string, scope: ExpandScope): Expansion {
  if (!text.includes('${')) return { text, hasOutsideValue: false, problems: [] }
  const work: Work = { depth: 0, scope, problems: [], hasOutsideValue: false }
  const expanded = expandWith(text, work)
  return { text: expanded, hasOutsideValue: work.hasOutsideValue, problems: work.problems }
}

/** The text with the defaults inside its references hidden: what remains shows where values come from, never a value. */
export function hideDefaults(text: string, mask: string): string {
  return mapReferences(text, (body) => {
    const at = body.indexOf(':-')
    return at < 0 || at === body.length - 2 ? `\${${body}}` : `\${${body.slice(0, at)}:-${mask}}`
  })
}

function expandWith(text: string, work: Work): string {
  if (work.depth >= MAX_DEPTH) {
    work.problems.push({ type: 'malformed', message: `has references nested more than ${MAX_DEPTH} deep`, hint: 'Write the value down more simply.' })
    return text
  }
  work.depth++
  const expanded = mapReferences(text, (body) => resolveReference(body, work), () => {
    work.problems.push({ type: 'malformed', message: 'has a ${ without its closing brace', hint: ACCEPTED })
  })
  work.depth--
  return expanded
}

/** The text with each reference replaced by what `map` makes of its inside, and `$${` unescaped. */
function mapReferences(text: string, map: (body: string) => string, onOpen?: () => void): string {
  let result = ''
  let index = 0
  for (let at = text.indexOf('${'); at >= 0; at = text.indexOf('${', index)) {
    const end = findEnd(text, at + 2)
    const isEscaped = at > index && text[at - 1] === '$'
    if (end < 0 && !isEscaped) {
      onOpen?.()
      break
    }
    if (isEscaped) {
      const stop = end < 0 ? text.length : end + 1
      result += text.slice(index, at - 1) + text.slice(at, stop)
      index = stop
      continue
    }
    result += text.slice(index, at) + map(text.slice(at + 2, end))
    index = end + 1
  }
  return result + text.slice(index)
}

/** The brace that closes a reference whose inside starts at `from`; braces inside are counted. -1: there is none. */
function findEnd(text: string, from: number): number {
  let depth = 1
  for (let index = from; index < text.length; index++) {
    if (text[index] === '{') depth++
    else if (text[index] === '}' && --depth === 0) return index
  }
  return -1
}

function resolveReference(body: string, work: Work): string {
  const { scope } = work
  if (body === 'workspaceFolder') return scope.workspaceFolder
  if (body === 'userHome') return scope.userHome
  if (body.startsWith('file:')) return resolveFile(body, work)
  const match = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(body) ?? /^env:([^:${}=]+)(?::-(.*))?$/s.exec(body)
  if (match) return resolveVariable(body, match[1] ?? '', { fallback: match[2], work })
  const known = /^(input|keyring|cmd|command):/.exec(body)
  const message = known ? `uses \${${known[1]}:...}, which is not supported` : `has the reference ${quote(body)}, which is not understood`
  work.problems.push({ type: 'malformed', message, hint: ACCEPTED })
  return `\${${body}}`
}

function quote(body: string): string {
  return JSON.stringify(`\${${body.length > 60 ? `${body.slice(0, 57)}...` : body}}`)
}

function resolveVariable(body: string, name: string, { fallback, work }: { fallback: string | undefined; work: Work }): string {
  const value = work.scope.env[name]
  if (value !== undefined && (value !== '' || fallback === undefined)) {
    work.hasOutsideValue = true
    return value
  }
  if (fallback !== undefined) return expandWith(fallback, work)
  work.problems.push({
    type: 'missing',
    message: `needs the variable ${name}, which is not set`,
    hint: `Set it (export ${name}=...) or give a default: \${${name}:-value}`,
  })
  return `\${${body}}`
}

function resolveFile(body: string, work: Work): string {
  const path = expandWith(body.slice('file:'.length), work)
  try {
    const content = work.scope.readFile(path)
    work.hasOutsideValue = true
    return content
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const hint = 'Create the file or correct the path; it is relative to the configuration file.'
    work.problems.push({ type: 'malformed', message: `cannot get its value from the file ${path}: ${reason}`, hint })
    return `\${${body}}`
  }
}

/** Only the references of a text, without what is written around them: `Bearer x${A}${B}` is `${A} ${B}`. */
export function listReferences(text: string): string {
  const found: string[] = []
  mapReferences(text, (body) => {
    found.push(`\${${body}}`)
    return ''
  })
  return found.join(' ')
}
