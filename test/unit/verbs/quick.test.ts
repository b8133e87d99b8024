import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FlagTable, FlagValues, Verb } from '../../../src/lib/cli/index.js'
import { runQuickly } from '../../../src/lib/verbs/quick.js'

interface Call {
  readonly id: string
  readonly names: readonly string[]
  readonly flags: FlagValues<FlagTable>
  readonly json: boolean
}

const calls = vi.hoisted((): Call[] => [])

// Everything of the command room but the running: what is under test is which verb gets which words.
vi.mock('../../../src/lib/cli/run-verb.js', async (original) => ({
  ...(await original<object>()),
  runVerb: (verb: Verb, input: { names: readonly string[]; flags: FlagValues<FlagTable> }, json: boolean) => {
    calls.push({ id: verb.id, ...input, json })
    return Promise.resolve()
  },
}))

const take = async (line: string): Promise<Call | null> => ((await runQuickly(line === '' ? [] : line.split(' '))) ? (calls.shift() ?? null) : null)

afterEach(() => {
  calls.length = 0
  process.exitCode = undefined
})

describe('the quick path takes', () => {
  it.each([
    ['status', { id: 'status', names: [], json: false }],
    ['status files git', { id: 'status', names: ['files', 'git'] }],
    ['status --json', { json: true, flags: {} }],
    ['daemon status', { id: 'daemon status', names: [] }],
    ['config show -c x.json --json', { id: 'config show', flags: { config: 'x.json' }, json: true }],
    ['start a --timeout 30s -c f b', { id: 'start', names: ['a', 'b'], flags: { timeout: '30s', config: 'f' } }],
    ['start --timeout=30s --no-wait', { flags: { timeout: '30s', 'no-wait': true } }],
    ['logs a -fn5 -T', { id: 'logs', names: ['a'], flags: { follow: true, tail: '5', timestamps: true } }],
    ['wait a --for stopped', { id: 'wait', flags: { for: 'stopped' } }],
    ['stop -- --odd', { id: 'stop', names: ['--odd'] }],
  ])('%s', async (line, call) => {
    expect(await take(line)).toMatchObject(call)
  })
})

describe('the quick path leaves to oclif', () => {
  it.each([
    ['nothing at all', ''],
    ['help', 'help'],
    ['help on a command', 'help start'],
    ['help on a topic', 'help config'],
    ['the help flag', '--help'],
    ['help of a command', 'start --help'],
    ['help of a topic', 'config --help'],
    ['a topic alone', 'config'],
    ['a topic with a flag', 'config --json'],
    ['a flag in front', '--json status'],
    ['an unknown flag', 'start --tiemout 3'],
    ['a flag without its value', 'start --timeout'],
    ['a flag that takes another flag for its value', 'start --timeout --json'],
    ['a value outside the list', 'wait --for nothing'],
    ['names where none are taken', 'daemon status files'],
    ['a switch with a value', 'stop --keep-daemon=1'],
  ])('%s: %s', async (_what, line) => {
    expect(await take(line)).toBeNull()
    expect(calls).toEqual([])
  })
})

describe('what does not exist', () => {
  const said = { out: '', err: '' }

  beforeEach(() => {
    said.out = ''
    said.err = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((said.out += String(text)), true))
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said.err += String(text)), true))
  })

  afterEach(() => vi.restoreAllMocks())

  it.each(['strat', 'strat files git', 'strat --help', 'help strat', 'strat -c start'])('is refused with what was meant, whatever follows: %s', async (line) => {
    expect(await runQuickly(line.split(' '))).toBe(true)
    expect(said).toEqual({ out: '', err: 'error: there is no command "strat"\nhint: Did you mean mcpctl start?\n' })
    expect(process.exitCode).toBe(127)
  })

  it.each([['config shwo', 'config shwo'], ['help config shwo', 'config shwo'], ['config shwo now', 'config shwo'], ['config edit', 'config edit'], ['constructor', 'constructor'], ['__proto__', '__proto__']])('is named as far as it is wrong: %s', async (line, named) => {
    expect(await runQuickly(line.split(' '))).toBe(true)
    expect(said.err).toContain(`there is no command "${named}"\n`)
  })

  it('is answered as JSON when asked so', async () => {
    expect(await runQuickly(['help', 'config', 'shwo', '--json'])).toBe(true)
    expect(JSON.parse(said.out)).toMatchObject({ schemaVersion: 1, error: { code: 'UNKNOWN_COMMAND', details: { command: 'config shwo', suggestions: ['config show'] } } })
  })
})
