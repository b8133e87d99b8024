import type { Draft } from './draft.js'

/** One server as it is written down. */
export interface Written {
  readonly name: string
  readonly draft: Draft
  /** Sentences above it. */
  readonly comments: readonly string[]
}

/** The text of a `mcp.config.ts` with these servers. */
export function writeTypeScript(servers: readonly Written[]): string {
  const entries = servers.map(({ name, draft, comments }) => {
    const lines = comments.map((comment) => `    // ${oneLine(comment)}`)
    return [...lines, `    ${writeKey(name)}: ${writeValue(toEntry(draft), '    ', 0)},`].join('\n')
  })
  return [
    "import { defineConfig } from 'mcpctl'", '',
    'export default defineConfig({', '  servers: {', ...entries, '  },', '})', '',
  ].join('\n')
}

/** The text of a `mcp.config.json` with these servers; JSON has no comments. */
export function writeJson(servers: readonly Written[]): string {
  return `${JSON.stringify({ servers: Object.fromEntries(servers.map(({ name, draft }) => [name, toEntry(draft)])) }, null, 2)}\n`
}

/** One server as it stands inside `servers` of a TypeScript file. */
export function writeSnippet(servers: readonly Written[]): string {
  return servers.map(({ name, draft }) => `    ${writeKey(name)}: ${writeValue(toEntry(draft), '    ', 0)},`).join('\n')
}

/** The entry of a configuration in our own format: only what is said, in the order people read it. */
export function toEntry(draft: Draft): Record<string, unknown> {
  const { command, args, env, envFile, cwd, url, headers, transport, enabled, more } = draft
  const all = { command, args: args?.length === 0 ? undefined : args, env, envFile, cwd, url, headers, transport, enabled: enabled ? undefined : false, ...more }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const LINE = 120

function writeValue(value: unknown, indent: string, depth: number): string {
  const inline = writeInline(value)
  if (depth > 0 && indent.length + inline.length <= LINE) return inline
  const inner = `${indent}  `
  if (Array.isArray(value)) return `[\n${value.map((each) => `${inner}${writeValue(each, inner, depth + 1)},\n`).join('')}${indent}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
    if (members.length === 0) return '{}'
    return `{\n${members.map(([key, each]) => `${inner}${writeKey(key)}: ${writeValue(each, inner, depth + 1)},\n`).join('')}${indent}}`
  }
  return inline
}

function writeInline(value: unknown): string {
  if (typeof value === 'string') return writeText(value)
  if (Array.isArray(value)) return `[${value.map(writeInline).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, each]) => `${writeKey(key)}: ${writeInline(each)}`)
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}

function writeKey(key: string): string {
  // A member called __proto__ would set the prototype.
  if (key === '__proto__') return "['__proto__']"
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(key) ? key : writeText(key)
}

function writeText(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'").replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
  return `'${inner}'`
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}
