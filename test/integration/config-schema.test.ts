import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { configSchema, GATEWAY_FIELDS, SERVER_FIELDS } from '../../src/lib/config/index.js'
import { createProject, problemsOf, type Project } from './config-support.js'
import { McpctlError } from '../../src/lib/errors/index.js'

const schema = configSchema()
const ajv = new Ajv2020({ strict: false, allErrors: false })
const accepts = ajv.compile(schema)

/** Values of every kind, good for one field and bad for the next. */
const VALUES: readonly unknown[] = [
  null, true, false, 0, 1, 2, -1, 1.5, 0.0001, 1e6, 1e12, '', ' ', 'x', 'a b', '5s', '500ms', '1m30s', '1h 2m', '10', 'never', '0', '200M', '1GiB', '80%', '80', 'auto', 'stdio', 'streamable-http', 'always', 'beside',
  'on-demand', 'shared', 'per-session', 'mcp', 'none', 'legacy', 'http://h/mcp', 'https://h:1/x?y=z', 'ftp://h', 'h:80', '127.0.0.1', 'a__b', 'sampling', [], ['x'], ['a b'], [1], [true], [{}], [['x']], ['sampling', 'elicitation'],
  {}, { A: 'x' }, { A: 1, B: true }, { A: {} }, { 'a=b': 'x' }, { 'a b': 'x' }, { policy: 'never' }, { policy: 'x' }, { backoff: { initial: '1s' } }, { backoff: { initial: 'x' } }, { intensity: { restarts: 1.5 } },
  { memory: '1G', pids: 5 }, { memory: 5 }, { memory: '1G', other: 1 }, { cpu: 0 }, { interval: '5s', probe: 'mcp' }, { probe: { http: 'http://h' } }, { probe: { tcp: 'h:80' } }, { probe: { tcp: 'h' } }, { probe: { command: 'x', args: [1] } },
  { probe: { args: ['x'] } }, { probe: { http: 'http://h', tcp: 'h:1' } }, { probe: {} }, { maxSize: '1M', keep: 3 }, { keep: -1 }, { idle: '1m', total: 'never' }, { idle: -1 }, { allow: 'a*', deny: ['b'] }, { allow: '!x' }, { allow: ['a?'] },
  { rename: { a: 'b' } }, { rename: { a: 'b c' } }, { describe: { a: '' } }, { timeouts: { a: { idle: 1 } } }, [{ uri: 'file:///x', name: 'n' }], [{ name: 'n' }], { uri: 'file:///x' }, { compat: true, public: false }, { compat: 1 },
]

/** What is refused for reasons that a schema cannot know: how long a text is, what else is there. */
const OUTSIDE = /of at least|at most 24 days|which is not a URI|names no file|names no host|cannot be read|there is no such server|depends on|contradicts|but there is (?:a|no) url|full address|which other machines can reach|above its max/

async function problems(project: Project): Promise<{ field: string; message: string }[]> {
  const outcome: unknown = await project.load().catch((error: unknown) => error)
  if (outcome instanceof McpctlError && outcome.code === 'CONFIG_INVALID') return problemsOf(outcome).map(({ field, message }) => ({ field: field ?? '', message }))
  if (outcome instanceof Error) throw outcome
  return []
}

/** The two verdicts have to be the same, save what only the surroundings tell. */
function compare(what: string, config: unknown, found: readonly { message: string }[]): string[] {
  const isAccepted = accepts(config)
  if (found.length === 0 && !isAccepted) return [`${what} is accepted when loaded, not by the schema: ${ajv.errorsText(accepts.errors)}`]
  const isSeen = found.some(({ message }) => !OUTSIDE.test(message))
  return isSeen && isAccepted ? [`${what} is accepted by the schema, not when loaded: ${found[0]?.message ?? ''}`] : []
}

describe('the schema says what loading says', () => {
  it('of every field of a server, with every kind of value', async () => {
    const names = Object.keys(SERVER_FIELDS)
    const cases = names.flatMap((field) => VALUES.map((value) => ({ field, value })))
    const base = (field: string): Record<string, unknown> => (['url', 'headers', 'auth', 'pool'].includes(field) ? { url: 'http://h/mcp' } : field === 'idleTimeout' ? { command: 'x', start: 'on-demand' } : { command: 'x' })
    const servers = Object.fromEntries(cases.map(({ field, value }, index) => [`s${index}`, field === 'transport' ? { url: 'http://h', [field]: value } : { ...base(field), [field]: value }]))
    // As code: no time goes into finding places in the text.
    const found = await problems(createProject({ 'mcp.config.mjs': `export default ${JSON.stringify({ servers })}` }))
    const byServer = new Map<string, { message: string }[]>()
    for (const problem of found) {
      const name = /^servers\.(s\d+)/.exec(problem.field)?.[1] ?? ''
      byServer.set(name, [...(byServer.get(name) ?? []), problem])
    }
    const wrong = cases.flatMap(({ field, value }, index) => compare(`${field}: ${JSON.stringify(value)}`, { servers: { s: servers[`s${index}`] } }, byServer.get(`s${index}`) ?? []))
    expect(wrong).toEqual([])
    expect(byServer.size).toBeGreaterThan(1000)
    expect(cases.length - byServer.size).toBeGreaterThan(200)
  })

  it('of every field of the gateway', async () => {
    const wrong: string[] = []
    const fields = Object.keys(GATEWAY_FIELDS)
    for (const value of VALUES.filter((each) => each !== null)) {
      // All of them at once, and what is found told apart by field.
      const found = await problems(createProject({ 'mcp.config.json': { servers: {}, gateway: Object.fromEntries(fields.map((field) => [field, value])) } }))
      for (const field of fields) wrong.push(...compare(`gateway.${field}: ${JSON.stringify(value)}`, { servers: {}, gateway: { [field]: value } }, found.filter((each) => each.field.startsWith(`gateway.${field}`) && /^gateway\.\w+/.exec(each.field)?.[0] === `gateway.${field}`)))
    }
    expect(wrong).toEqual([])
  })

  it.each([
    [{ servers: { a: { command: 'x' } }, $schema: './s.json', 'x-note': 1 }, true],
    [{ mcpServers: { a: { url: 'http://h', type: 'streamable-http' } } }, true],
    [{ servers: { a: { httpUrl: 'http://h', headers: { A: 'b' } } }, defaults: { startTimeout: 5, restart: 'never' } }, true],
    [{ servers: { a: { 'x-mcpctl': { command: 'x', args: ['y'] } } } }, true],
    [{ servers: { a: { command: 'x', url: '${URL}', disabled: true, env: { A: '${A:-1}' } } } }, true],
    [{ servers: { a: { command: 'x' } }, profiles: { w: ['a'], v: { servers: 'a' }, u: 'a' } }, true],
    [{ servers: {}, mcpServers: {} }, false], [{ servers: { a: {} } }, false], [{ servers: { 'a b': { command: 'x' } } }, false], [{ servers: [] }, false], [{ server: {} }, false],
    [{ servers: { a: { command: 'x', comand: 'y' } } }, false], [{ servers: { a: { command: 'x', trust: true } } }, false], [{ servers: { a: { command: 'x' } }, defaults: { command: 'x' } }, false],
    [{ servers: { a: { command: 'x', headers: {} } } }, false], [{ servers: { a: { url: 'http://h', args: ['x'] } } }, false], [{ servers: { a: { command: 'x', 'x-mcpctl': { limit: 1 } } } }, false],
    [{ servers: {}, gateway: { prot: 1 } }, false], [{ servers: {}, profiles: { p: 1 } }, false], [{ servers: {}, 'x-mcpctl': { other: {} } }, false], [[], false], ['x', false],
  ])('of the whole: %j is accepted: %s', async (config, expected) => {
    expect(accepts(config)).toBe(expected)
    expect((await problems(createProject({ 'mcp.config.json': JSON.stringify(config) }))).length === 0).toBe(expected)
  })

  it('and tells what every field means', () => {
    const text = JSON.stringify(schema)
    for (const { summary } of [...Object.values(SERVER_FIELDS).slice(0, -3), ...Object.values(GATEWAY_FIELDS)]) expect(text).toContain(JSON.stringify(summary).slice(1, -1))
  })
})

it('the published file is what the tables say (mcpctl config schema > schema/mcpctl.schema.json when this fails)', () => {
  expect(ajv.validateSchema(schema)).toBe(true)
  expect(readFileSync(new URL('../../schema/mcpctl.schema.json', import.meta.url), 'utf8')).toBe(`${JSON.stringify(schema, null, 2)}\n`)
})
