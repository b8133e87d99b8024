import { readToolHeaders, type JsonObject } from '../mcp/index.js'

const NONE: ReadonlyMap<string, readonly string[]> = new Map()

/** The arguments of a tool that HTTP clients repeat in `Mcp-Param-*` headers: header name (lower case) to the path of the argument. */
export function toolHeadersOf(definition: JsonObject | undefined): ReadonlyMap<string, readonly string[]> {
  if (definition === undefined || typeof definition['name'] !== 'string') return NONE
  const headers = readToolHeaders([definition]).get(definition['name'])
  return headers === undefined ? NONE : new Map(headers.map(({ header, path }) => [header, path]))
}
