import { fileURLToPath } from 'node:url'
import type { TestHome } from '../helpers/home.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A server of both eras that starts in the time node needs. */
export const DUAL = fileURLToPath(new URL('../fixtures/servers/mcp-dual.mjs', import.meta.url))

/** Numbers that differ from run to run, with what stands for them. */
const VOLATILE: Readonly<Record<string, string>> = {
  pid: '<pid>',
  startedAt: '<time>',
  readyAt: '<time>',
  endedAt: '<time>',
  since: '<time>',
  time: '<time>',
  uptimeSeconds: '<seconds>',
  memoryBytes: '<bytes>',
}

/** The document with everything that differs from run to run replaced; what is null stays null. */
export function stable(document: unknown, home: TestHome): unknown {
  return visit(document, '', home)
}

function visit(value: unknown, key: string, home: TestHome): unknown {
  if (Array.isArray(value)) return value.map((each) => visit(each, key, home))
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, visit(each, name, home)]))
  // Known or not yet: how long ago the first sample was taken decides.
  if (key === 'cpuPercent') return '<percent or null>'
  if (typeof value === 'number') return VOLATILE[key] ?? value
  return typeof value === 'string' ? stableText(value, key, home) : value
}

function stableText(text: string, key: string, home: TestHome): string {
  if (key === 'version' && /^\d+\.\d+\.\d+/.test(text)) return '<version>'
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return '<time>'
  const plain = text.replaceAll(process.execPath, '<node>').replaceAll(home.base, '<base>').replaceAll(ROOT, '<root>/')
  return plain.replace(/\b\d+(\.\d+)?(ms|s)\b/g, '<duration>')
}

/** Every field name anywhere in the document; names that a user chose (keys of a map) are in none of ours. */
export function fieldNames(document: unknown): string[] {
  if (Array.isArray(document)) return document.flatMap(fieldNames)
  if (typeof document !== 'object' || document === null) return []
  return Object.entries(document).flatMap(([name, value]) => [name, ...fieldNames(value)])
}
