import { isBlock, type Block } from './trace-message.js'

/** What a request or notification says besides its method and target. Names stay with their values: that is how secrets among them are known. */
export function paramsInShort(method: string, params: unknown): string {
  if (!isBlock(params)) return params === undefined ? '' : JSON.stringify(params)
  const { _meta: meta, ...rest } = params
  if (method === 'tools/call' || method === 'prompts/get') {
    const { name: _target, arguments: given, ...more } = rest
    const all = Object.keys(more).length === 0 ? given : { arguments: given, ...more }
    return all === undefined ? '' : JSON.stringify(all)
  }
  if (Object.keys(rest).length > 0) return JSON.stringify(rest)
  return meta === undefined ? '' : JSON.stringify({ _meta: meta })
}

/** Its message and what else it tells. */
export function errorInShort(error: Block): string {
  const { message, data } = error
  const text = typeof message === 'string' ? message : JSON.stringify(message ?? '')
  return data === undefined ? text : `${text} ${JSON.stringify({ data })}`
}

/** Members of results that are lists, with the word for them. */
const LISTS = { tools: 'tools', prompts: 'prompts', resources: 'resources', resourceTemplates: 'resource templates', roots: 'roots' } as const

/** What a list holds, what a tool says; everything else as it is. */
export function resultInShort(result: unknown): string {
  if (!isBlock(result)) return JSON.stringify(result)
  if (Array.isArray(result['content'])) return contentInShort(result, result['content'] as unknown[])
  const list = (Object.keys(LISTS) as (keyof typeof LISTS)[]).find((key) => Array.isArray(result[key]))
  const items: unknown = list === undefined ? undefined : result[list]
  if (list !== undefined && Array.isArray(items)) {
    const names = items.map((item) => (isBlock(item) ? (item['name'] ?? item['uri'] ?? item['uriTemplate']) : null)).filter((name) => typeof name === 'string')
    return `${items.length} ${items.length === 1 ? LISTS[list].slice(0, -1) : LISTS[list]}${names.length > 0 ? `: ${names.join(', ')}` : ''}`
  }
  return JSON.stringify(result)
}

function contentInShort(result: Block, content: readonly unknown[]): string {
  const parts = content.map((item) => {
    if (!isBlock(item)) return JSON.stringify(item)
    if (item['type'] === 'text' && typeof item['text'] === 'string') return item['text']
    const { data, blob, ...rest } = item
    return data === undefined && blob === undefined ? JSON.stringify(item) : JSON.stringify({ ...rest, data: '…' })
  })
  const structured = result['structuredContent']
  return parts.length === 0 && structured !== undefined ? JSON.stringify(structured) : parts.join(' ')
}
