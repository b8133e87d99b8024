import { expect, test } from 'vitest'
import { admitTools, readToolHeaders } from '../../../src/lib/mcp/tool-headers.js'

const tool = (name: string, properties: Record<string, unknown>): unknown => ({ name, inputSchema: { type: 'object', properties } })
const good = tool('good', { region: { type: 'string', 'x-mcp-header': 'Region' }, deep: { type: 'object', properties: { count: { type: ['integer', 'null'], 'x-mcp-header': 'Count' } } } })

test.each([
  ['an empty name', { a: { type: 'string', 'x-mcp-header': '' } }, /"a" is not the name of a header/],
  ['a name with a blank', { a: { type: 'string', 'x-mcp-header': 'My Region' } }, /is not the name of a header/],
  ['a name with a colon', { a: { type: 'string', 'x-mcp-header': 'Region:Primary' } }, /is not the name of a header/],
  ['a name that is not ASCII', { a: { type: 'string', 'x-mcp-header': 'Région' } }, /is not the name of a header/],
  ['no text at all', { a: { type: 'string', 'x-mcp-header': 1 } }, /is not the name of a header/],
  ['a fraction', { a: { type: 'number', 'x-mcp-header': 'Score' } }, /"a" has an x-mcp-header and is not a string/],
  ['an object', { a: { type: 'object', 'x-mcp-header': 'Data' } }, /is not a string/],
  ['nothing but null', { a: { type: 'null', 'x-mcp-header': 'Nil' } }, /is not a string/],
  ['an unknown type', { a: { 'x-mcp-header': 'Any' } }, /is not a string/],
  ['one name twice', { a: { type: 'string', 'x-mcp-header': 'Field' }, b: { type: 'string', 'x-mcp-header': 'field' } }, /two arguments share the x-mcp-header "field"/],
  ['a fault in the depth', { a: { type: 'object', properties: { b: { type: 'array', 'x-mcp-header': 'B' } } } }, /"a\.b" has an x-mcp-header/],
])('a tool that marks %s is left out, with the reason, and the others stay', (_what, properties, reason) => {
  const { usable, warnings } = admitTools([good, tool('bad', properties), 'no tool'])
  expect(usable).toEqual([good, 'no tool'])
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(/its tool "bad" is left out/)
  expect(warnings[0]).toMatch(reason)
})

test('marks that keep the rules are followed, at any depth', () => {
  const tools = [good, tool('plain', { a: { type: 'string' } })]
  expect(admitTools(tools)).toEqual({ usable: tools, warnings: [] })
  expect(readToolHeaders(tools)).toEqual(new Map([['good', [{ header: 'region', path: ['region'] }, { header: 'count', path: ['deep', 'count'] }]]]))
})
