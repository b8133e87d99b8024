import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { costOf, costOfTool, estimateTokens, renderCosts } from '../../../src/lib/verbs/tools-tokens.js'
import { PLAIN } from './snapshot-fixture.js'

/** Definitions of the official servers, and what o200k_base (js-tiktoken 1.0) counts for their JSON. */
const MEASURED: readonly [text: string, tokens: number][] = [
  ['{"name":"read_graph","description":"Read the entire knowledge graph","inputSchema":{"type":"object","properties":{},"$schema":"http://json-schema.org/draft-07/schema#"}}', 40],
  ['{"name":"search_nodes","description":"Search for nodes in the knowledge graph based on a query","inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"The search query to match against entity names, types, and observation content"}},"required":["query"],"$schema":"http://json-schema.org/draft-07/schema#"}}', 72],
]

describe('the estimate of tokens', () => {
  it.each(MEASURED)('of %s is within a fifth of what a tokenizer counts', (text, tokens) => {
    expect(estimateTokens(text) / tokens).toBeGreaterThan(0.9)
    expect(estimateTokens(text) / tokens).toBeLessThan(1.2)
  })

  it('counts words, digits, signs and other scripts', () => {
    expect(estimateTokens('')).toBe(0)
    expect(estimateTokens('read the file')).toBe(3)
    expect(estimateTokens('inputSchema')).toBe(2)
    expect(estimateTokens('internationalisation')).toBe(3)
    expect(estimateTokens('1234567')).toBe(3)
    expect(estimateTokens('读取文件的内容')).toBe(5)
  })

  it('is never below zero, and more text is never cheaper by more than a rounding', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => estimateTokens(`${a} ${b}`) + 1.5 >= Math.max(estimateTokens(a), estimateTokens(b))))
  })
})

describe('what tools cost', () => {
  const tool = (name: string, words: number): Record<string, unknown> => ({ name, description: 'word '.repeat(words).trim(), inputSchema: { type: 'object' }, annotations: { title: 'x'.repeat(500) }, outputSchema: { type: 'object' } })

  it('is name, description and schema: what clients hand to their model', () => {
    const { name, description, inputSchema } = tool('a', 3)
    const text = JSON.stringify({ name, description, inputSchema })
    expect(costOfTool(tool('a', 3))).toEqual({ name: 'a', tokens: estimateTokens(text), bytes: Buffer.byteLength(text) })
    expect(costOfTool(null)).toMatchObject({ name: '', tokens: 1 })
  })

  it('is summed up for each server and for all, the dearest first', () => {
    const report = costOf([{ name: 'small', tools: [tool('x', 2)] }, { name: 'none', tools: [] }, { name: 'big', tools: [tool('few', 5), tool('many', 80)] }])
    expect(report.servers.map(({ name }) => name)).toEqual(['big', 'small', 'none'])
    expect(report.servers[0]?.tools.map(({ name }) => name)).toEqual(['many', 'few'])
    expect(report.tokens).toBe(report.servers.reduce((sum, server) => sum + server.tools.reduce((all, { tokens }) => all + tokens, 0), 0))
    const [head = '', ...lines] = renderCosts(report, PLAIN).split('\n')
    expect(head.trim().split(/ +/)).toEqual(['SERVER', 'TOOL', 'TOKENS', 'SHARE'])
    expect(lines[0]).toMatch(/^big +all 2 +\d+ +\d+%$/)
    expect(lines[1]).toMatch(/^ +many +\d+ +\d+%$/)
    expect(lines.at(-1)).toBe(`about ${report.tokens} tokens for 3 tools of 2 servers (an estimate: models count differently)`)
    expect(lines.join('\n')).not.toContain('none')
  })
})
