import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkEnvironment } from '../../src/lib/config/index.js'
import { readApplyParams } from '../../src/lib/control/index.js'
import { McpctlError } from '../../src/lib/errors/index.js'
import { createProject, problemsOf } from './config-support.js'

/** Values as people get them wrong: any JSON, and texts that mean something here. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('never', 'on-demand', 'file://x', '~', '${A', '*', '::', '${HOME}', '\0', 'a b', '', 0, -1, 1e300, 7420, [], {}, [null], { '': '' }, ['a', 'a']),
  fc.dictionary(fc.constantFrom('allow', 'deny', 'rename', 'describe', 'timeouts', 'idle', 'total', 'uri', 'name', 'servers', 'tags', '__proto__', 'constructor'), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
)
/** Any of the fields, each mostly with a value that fits. */
function some(good: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  const mostly = Object.entries(good).map(([name, value]): [string, fc.Arbitrary<unknown>] => [name, fc.oneof({ arbitrary: value, weight: 24 }, { arbitrary: anything, weight: 1 })])
  return fc.record(Object.fromEntries(mostly), { requiredKeys: [] })
}
const of = fc.constantFrom
const map = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), value, { maxKeys: 3 })
const time = of(1, '90s', 'never', '2m')

const SERVER = some({
  isolation: of('shared', 'per-session'), start: of('auto', 'on-demand'), roots: of('.', [], ['~/x', { uri: 'file:///x', name: 'n' }], ['https://h/x']),
  clientAbilities: of([], 'sampling', ['sampling', 'elicitation']), timeouts: fc.record({ idle: time, total: time }, { requiredKeys: [] }),
  tools: some({ allow: of([], 'a*', ['*', 'b']), deny: of('x', ['y*z']), rename: map(fc.stringMatching(/^[A-Za-z0-9_.-]{1,128}$/)), describe: map(of('text', '${HOME}')), timeouts: map(fc.record({ idle: time })) }),
})
const GATEWAY = some({
  port: of(7420, false, null, '80', '${HOME:-81}'), host: of('127.0.0.1', '::1', 'localhost'), token: of('t', 'x-y'), allowedHosts: of([], 'a', ['b.example']), allowedOrigins: of([], 'https://a'),
  prefix: of('always', 'on-collision', 'none'), separator: of('_', '__', '.'), maxNameLength: of(16, 128), sse: fc.boolean(), listWait: of(0, '1s'), startWait: of(0, 5), instructions: fc.boolean(),
  metrics: fc.record({ compat: fc.boolean(), public: fc.boolean() }, { requiredKeys: [] }),
})
const PROFILES = some({ work: of('a', ['a'], { servers: ['a'] }, { tags: ['t'] }) })

it('whatever is written in these fields is either read, and then understood by the daemon, or refused with places', async () => {
  let read = 0
  await fc.assert(
    fc.asyncProperty(SERVER, fc.option(GATEWAY, { nil: undefined }), fc.option(PROFILES, { nil: undefined }), async (entry, gateway, profiles) => {
      const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', ...entry } }, gateway, profiles } })
      try {
        const { source, settings, servers } = await project.load({ env: { HOME: '/h' } })
        read++
        expect(readApplyParams(JSON.parse(JSON.stringify({ source, settings, servers })))).toEqual({ source, settings, servers })
        for (const spec of servers) checkEnvironment(spec)
      } catch (error) {
        if (!(error instanceof McpctlError) || error.code !== 'CONFIG_INVALID') throw error
        for (const problem of problemsOf(error)) expect(problem.field.length * problem.hint.length).toBeGreaterThan(0)
      }
    }),
    { numRuns: 300 },
  )
  expect(read).toBeGreaterThan(20)
})
