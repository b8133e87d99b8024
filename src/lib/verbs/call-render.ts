import { isDeepStrictEqual } from 'node:util'
import { formatBytes } from '../base/index.js'
import { neutralise, type Terminal } from '../cli/index.js'

type Block = Readonly<Record<string, unknown>>

/**
 * A tool's result for people: text as it is, other content described, structured content as readable JSON. Text that only
 * repeats the structured content (servers write both, for older clients) is left out.
 */
export function renderResult(result: unknown, terminal: Terminal): string {
  if (!isObject(result)) return pretty(result)
  const { content, structuredContent } = result
  const blocks = Array.isArray(content) ? (content as unknown[]) : []
  const told = blocks.filter((block) => structuredContent === undefined || !repeats(block, structuredContent)).map((block) => renderBlock(block))
  const all = structuredContent === undefined ? told : [...told, pretty(structuredContent)]
  if (all.length === 0 && content === undefined) return pretty(result)
  const text = all.join('\n')
  // On a terminal a tool's text must not move the cursor or change the title; in a pipe it is data.
  return terminal.interactive ? text.split('\n').map(neutralise).join('\n') : text
}

function repeats(block: unknown, structured: unknown): boolean {
  if (!isObject(block) || block['type'] !== 'text' || typeof block['text'] !== 'string') return false
  try {
    return isDeepStrictEqual(JSON.parse(block['text']), structured)
  } catch {
    return false
  }
}

function renderBlock(block: unknown): string {
  if (!isObject(block)) return pretty(block)
  switch (block['type']) {
    case 'text': return typeof block['text'] === 'string' ? block['text'] : pretty(block)
    case 'image': case 'audio': return `[${block['type']}: ${word(block['mimeType'], 'unknown type')}, ${sizeOf(block['data'])}]`
    case 'resource_link': return `[resource link: ${[block['name'], block['uri'], block['description']].filter((part) => typeof part === 'string' && part !== '').join(', ')}]`
    case 'resource': return isObject(block['resource']) ? renderResource(block['resource']) : pretty(block)
    default: return pretty(block)
  }
}

function renderResource(resource: Block): string {
  const head = `resource: ${word(resource['uri'], 'no URI')}${typeof resource['mimeType'] === 'string' ? `, ${resource['mimeType']}` : ''}`
  return typeof resource['text'] === 'string' ? `[${head}]\n${resource['text']}` : `[${head}, ${sizeOf(resource['blob'])}]`
}

/** Bytes of what base64 text holds. */
function sizeOf(data: unknown): string {
  return typeof data === 'string' ? formatBytes(Buffer.byteLength(data, 'base64')) : 'no data'
}

function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? ''
}

function isObject(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
