import { McpctlError } from '../../errors/index.js'

/** What a place in a workflow gives; `why`: why it gives nothing. */
export type Given = { readonly value: unknown } | { readonly why: string }

/** Looks up the beginning of a path: its first name, and the second one where that has a meaning of its own. */
export type Lookup = (name: string) => Given

/** What templates may refer to. */
export interface Scope {
  readonly previous: () => Given
  readonly step: Lookup
  readonly context: Lookup
}

const MAX_PATH_CHARS = 256
const MAX_DEPTH = 64
/** Of all that is filled in, as JSON. */
const MAX_FILLED_CHARS = 1024 * 1024
const TEMPLATE = /\\?\{\{([^{}]*)\}\}/g
/** `.name`, `[0]` or `["any name"]`. */
const SEGMENT = /\.([^.[\]"\s]+)|\[(\d{1,9})\]|\["([^"]*)"\]/y

/**
 * Fills `{{previous_result.PATH}}`, `{{steps.NAME.PATH}}` and `{{context.KEY.PATH}}` in all texts of a value; names of
 * members are left alone. A text that is one template becomes what that gives, whatever its type; within a text, texts
 * are put in as they are and anything else as JSON. `\{{` stands for `{{`. Throws USAGE for a template that gives
 * nothing, and when what is filled in is longer than 1 MiB.
 */
export function fillTemplates(value: unknown, scope: Scope): unknown {
  return fill(value, { scope, left: MAX_FILLED_CHARS }, 0)
}

interface Filling {
  readonly scope: Scope
  left: number
}

function fill(value: unknown, filling: Filling, depth: number): unknown {
  if (typeof value === 'string') return fillText(value, filling)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) throw new McpctlError('USAGE', `the arguments are nested more than ${MAX_DEPTH} deep`)
  if (Array.isArray(value)) return value.map((each) => fill(each, filling, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fill(each, filling, depth + 1)]))
}

function fillText(text: string, filling: Filling): unknown {
  if (!text.includes('{{')) return text
  const whole = /^\{\{([^{}]*)\}\}$/.exec(text.trim())
  if (whole !== null) return charge(evaluate(whole[1] ?? '', filling.scope), filling)
  return text.replace(TEMPLATE, (found, path: string) => {
    if (found.startsWith('\\')) return found.slice(1)
    const value = charge(evaluate(path, filling.scope), filling)
    return typeof value === 'string' ? value : JSON.stringify(value)
  })
}

function charge(value: unknown, filling: Filling): unknown {
  filling.left -= charsOf(value)
  if (filling.left < 0) throw new McpctlError('USAGE', `what the templates give is longer than ${MAX_FILLED_CHARS} characters`)
  return value
}

/** Of the value as JSON; infinitely many of what cannot be written as JSON. */
export function charsOf(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Throws USAGE. */
function evaluate(inner: string, scope: Scope): unknown {
  const path = inner.trim()
  const shown = `{{${path.slice(0, MAX_PATH_CHARS)}}}`
  const fail = (why: string): never => {
    throw new McpctlError('USAGE', `${shown} gives nothing: ${why}`, { hint: 'Templates are {{previous_result.PATH}}, {{steps.NAME.PATH}} and {{context.KEY.PATH}}; write \\{{ for two braces that mean nothing.' })
  }
  if (path.length > MAX_PATH_CHARS) fail(`it is longer than ${MAX_PATH_CHARS} characters`)
  const [root = '', ...names] = readPath(path) ?? fail('it is no path')
  const [first, ...rest] = names
  switch (root) {
    case 'previous_result': return walk(scope.previous(), names, { fail, at: root })
    case 'steps':
    case 'context':
      if (first === undefined) return fail(root === 'steps' ? 'it names no step' : 'it names no key')
      return walk((root === 'steps' ? scope.step : scope.context)(first), rest, { fail, at: `${root}.${first}` })
    default: return fail(`there is nothing called "${root}"`)
  }
}

/** The names in a path; null: it is none. */
function readPath(path: string): string[] | null {
  const root = /^[A-Za-z_][\w-]*/.exec(path)?.[0]
  if (root === undefined) return null
  const names = [root]
  SEGMENT.lastIndex = root.length
  while (SEGMENT.lastIndex < path.length) {
    const found = SEGMENT.exec(path)
    if (found === null) return null
    names.push(found[1] ?? found[2] ?? found[3] ?? '')
  }
  return names
}

/** Own members only: nothing that every object has. */
function walk(given: Given, names: readonly string[], { fail, at }: { readonly fail: (why: string) => never; readonly at: string }): unknown {
  if ('why' in given) return fail(given.why)
  let { value } = given
  let place = at
  for (const name of names) {
    if (typeof value !== 'object' || value === null) return fail(`${place} is ${describe(value)}, which has no "${name}"`)
    if (Array.isArray(value) ? !/^\d+$/.test(name) || Number(name) >= value.length : !Object.hasOwn(value, name)) return fail(`${place} has no "${name}"${near(value)}`)
    value = (value as Readonly<Record<string, unknown>>)[Array.isArray(value) ? String(Number(name)) : name]
    place = `${place}.${name}`
  }
  return value
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value === 'string' ? 'a text' : `a ${typeof value}`
}

function near(value: object): string {
  if (Array.isArray(value)) return `; it has ${value.length} entries`
  const names = Object.keys(value)
  return names.length === 0 ? '; it is empty' : `; it has ${names.slice(0, 10).map((name) => name.slice(0, 40)).join(', ')}${names.length > 10 ? ' and more' : ''}`
}
