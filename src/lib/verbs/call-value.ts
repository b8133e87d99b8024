/** A JSON Schema as far as it is looked at here. */
export type Schema = Readonly<Record<string, unknown>>

const MAX_DEPTH = 5

/** The JSON types a value may have; empty when the schema does not say. */
export function typesOf(schema: Schema, depth = 0): Set<string> {
  const own = schema['type']
  if (typeof own === 'string') return new Set([own])
  if (Array.isArray(own)) return new Set(own.filter((type): type is string => typeof type === 'string'))
  const options = Array.isArray(schema['enum']) ? schema['enum'] : schema['const'] === undefined ? [] : [schema['const']]
  if (options.length > 0) return new Set(options.map(typeName))
  if (depth >= MAX_DEPTH) return new Set()
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as unknown[]) : []))
  return new Set(parts.flatMap((part) => (isSchema(part) ? [...typesOf(part, depth + 1)] : [])))
}

/**
 * The value a text stands for. Where text is allowed and nothing else fits, it stays text; where the schema does not say,
 * JSON is read as JSON. Undefined when the text fits none of the types or is not among the listed values.
 */
export function readValue(text: string, schema: Schema): { readonly value: unknown } | undefined {
  const types = typesOf(schema)
  const found = fit(text, types, schema)
  if (found === undefined) return undefined
  const options = schema['enum']
  const isListed = !Array.isArray(options) || options.some((option) => JSON.stringify(option) === JSON.stringify(found.value))
  return isListed ? found : undefined
}

function fit(text: string, types: ReadonlySet<string>, schema: Schema): { value: unknown } | undefined {
  if (types.size === 1 && types.has('string')) return { value: text }
  const parsed = parseJson(text)
  if (types.size === 0) return parsed ?? { value: text }
  if (parsed !== undefined && matches(parsed.value, types)) return parsed
  // One value for a list: paths=/tmp is as good as paths='["/tmp"]'.
  if (types.has('array') && !types.has('string')) {
    const item = readValue(text, isSchema(schema['items']) ? schema['items'] : {})
    if (item !== undefined && text !== '' && !/^\s*[[{]/.test(text)) return { value: [item.value] }
  }
  return types.has('string') ? { value: text } : undefined
}

function matches(value: unknown, types: ReadonlySet<string>): boolean {
  const type = typeName(value)
  // Text in quotes is only taken for JSON where nothing but text is wanted, and there it is taken as it is.
  if (type === 'string') return false
  return types.has(type) || (type === 'integer' && types.has('number'))
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** Numbers that JSON would change (too long ids, 1e999) are left as text. */
function parseJson(text: string): { value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'number' && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))) return undefined
    return { value }
  } catch {
    return undefined
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
