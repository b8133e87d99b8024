import { isJsonObject, type JsonObject } from '../../mcp/index.js'

/** What later steps can refer to of a tool's result: what it says in `structuredContent`, else the JSON in its text, else the text itself; null when it is neither. */
export function valueOf({ structuredContent, content }: JsonObject): unknown {
  if (structuredContent !== undefined) return structuredContent
  const text = textOf(content)
  if (text === null) return null
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** All texts of a result's content; null when there is none. */
export function textOf(content: unknown): string | null {
  const texts = blocksOf(content).flatMap(({ type, text }) => (type === 'text' && typeof text === 'string' ? [text] : []))
  return texts.length === 0 ? null : texts.join('\n')
}

/** What cannot be told in a document: images, sound, resources. */
export function otherBlocks(content: unknown): JsonObject[] {
  return blocksOf(content).filter(({ type }) => type !== 'text')
}

function blocksOf(content: unknown): JsonObject[] {
  return Array.isArray(content) ? content.filter(isJsonObject) : []
}
