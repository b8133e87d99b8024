import { isJsonObject, type JsonObject } from './json-rpc.js'

/** A tool argument that has to be mirrored into `Mcp-Param-<name>`. */
export interface ParamHeader {
  /** Lower case. */
  readonly header: string
  readonly path: readonly string[]
}

/** Parameter headers by tool name; only tools that have some. */
export type ToolHeaders = ReadonlyMap<string, readonly ParamHeader[]>

/** The tools of a list that a wire can call, with a sentence for each that it cannot. */
export interface LearntTools {
  readonly usable: readonly unknown[]
  readonly warnings: readonly string[]
}

const MAX_SCHEMA_DEPTH = 8
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What can be written in a header without loss; `number` cannot, because there is more than one way to write a fraction. */
const PLAIN_TYPES = new Set<unknown>(['string', 'integer', 'boolean', 'null'])

/** Reads the `x-mcp-header` marks of listed tools. Marks that break the rules are ignored; `faultOfMarks` says which. */
export function readToolHeaders(tools: readonly unknown[]): ToolHeaders {
  const found = new Map<string, ParamHeader[]>()
  for (const tool of tools) {
    if (!isJsonObject(tool) || typeof tool['name'] !== 'string') continue
    const headers: ParamHeader[] = []
    walk(tool['inputSchema'], [], ({ mark, path }) => {
      const header = typeof mark === 'string' && TOKEN.test(mark) ? mark.toLowerCase() : null
      if (header !== null && !headers.some((other) => other.header === header)) headers.push({ header, path })
    })
    if (headers.length > 0) found.set(tool['name'], headers)
  }
  return found
}

/**
 * What a modern client may call over HTTP: tools whose marks break the rules have to be left out, and must not keep the
 * others from being used (2026-07-28, tools, `x-mcp-header`).
 */
export function admitTools(tools: readonly unknown[]): LearntTools {
  const faults = tools.map(faultOfMarks)
  return {
    usable: faults.every((fault) => fault === null) ? tools : tools.filter((_tool, at) => faults[at] === null),
    warnings: faults.flatMap((fault, at) => (fault === null ? [] : [`its tool ${nameOf(tools[at])} is left out, because HTTP clients may not call it: ${fault}`])),
  }
}

/** Why a tool's `x-mcp-header` marks cannot be followed; null when they can. */
function faultOfMarks(tool: unknown): string | null {
  if (!isJsonObject(tool)) return null
  const seen = new Set<string>()
  let fault: string | null = null
  walk(tool['inputSchema'], [], ({ mark, path, property }) => {
    fault ??= faultOfMark(mark, property, path.join('.'), seen)
    if (typeof mark === 'string') seen.add(mark.toLowerCase())
  })
  return fault
}

function faultOfMark(mark: unknown, property: JsonObject, name: string, seen: ReadonlySet<string>): string | null {
  if (typeof mark !== 'string' || !TOKEN.test(mark)) return `the x-mcp-header of "${name}" is not the name of a header`
  if (seen.has(mark.toLowerCase())) return `two arguments share the x-mcp-header "${mark}"`
  const types = Array.isArray(property['type']) ? property['type'] : [property['type']]
  const isPlain = types.every((type) => PLAIN_TYPES.has(type)) && types.some((type) => type !== 'null')
  return isPlain ? null : `"${name}" has an x-mcp-header and is not a string, an integer or a boolean`
}

interface Marked {
  readonly mark: unknown
  readonly path: readonly string[]
  readonly property: JsonObject
}

function walk(schema: unknown, path: readonly string[], onMark: (marked: Marked) => void): void {
  if (path.length >= MAX_SCHEMA_DEPTH || !isJsonObject(schema) || !isJsonObject(schema['properties'])) return
  for (const [key, property] of Object.entries(schema['properties'])) {
    if (!isJsonObject(property)) continue
    if (property['x-mcp-header'] !== undefined) onMark({ mark: property['x-mcp-header'], path: [...path, key], property })
    walk(property, [...path, key], onMark)
  }
}

function nameOf(tool: unknown): string {
  return isJsonObject(tool) && typeof tool['name'] === 'string' ? `"${tool['name'].slice(0, 128)}"` : 'without a name'
}
