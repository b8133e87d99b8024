import { resolve } from 'node:path'
import { Config } from '@oclif/core'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { commandOf } from '../../../src/lib/cli/command-of.js'
import { defineVerb } from '../../../src/lib/cli/index.js'

const ROOT = resolve(import.meta.dirname, '../../..')
const calls: unknown[] = []

const verb = defineVerb({
  id: 'daemon try',
  summary: 'Try something.',
  examples: ['daemon try'],
  flags: {
    timeout: { type: 'string', short: 't', value: 'TIME', summary: 'How long.' },
    for: { type: 'string', options: ['ready', 'stopped'], summary: 'What for.' },
    'no-wait': { type: 'boolean', summary: 'Do not wait.' },
  },
  run: (input, io) => {
    calls.push({ ...input, json: io.json })
    return Promise.resolve({ json: { done: true } })
  },
})
const required = defineVerb({ ...verb, id: 'pick', names: { summary: 'Which.', required: true } })
const Try = commandOf(verb)
const Pick = commandOf(required)

let config: Config
const said = { out: '', err: '' }

beforeAll(async () => {
  config = await Config.load(ROOT)
})

beforeEach(() => {
  said.out = ''
  said.err = ''
  calls.length = 0
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((said.out += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said.err += String(text)), true))
})

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** What a person sees, and with --json added what a program sees, of a line that does not parse. */
async function refuse(command: typeof Try, args: readonly string[]): Promise<{ text: string; error: unknown }> {
  await command.run([...args], config)
  expect(process.exitCode).toBe(2)
  expect(said.out).toBe('')
  const text = said.err
  said.err = ''
  process.exitCode = undefined
  await command.run([...args, '--json'], config)
  expect(process.exitCode).toBe(2)
  expect(said.err).toBe('')
  const document = JSON.parse(said.out) as { schemaVersion: number; error: { message: string; hint: string } }
  expect(document.schemaVersion).toBe(1)
  expect(text).toBe(`error: ${document.error.message}\nhint: ${document.error.hint}\n`)
  expect(calls).toEqual([])
  return { text, error: document.error }
}

describe('a command line that oclif parses', () => {
  it('reaches the verb with its flags', async () => {
    await Try.run(['--timeout', '3s', '--no-wait', '--for', 'ready'], config)
    expect(calls).toEqual([{ names: [], flags: { timeout: '3s', 'no-wait': true, for: 'ready' }, json: false }])
  })

  it('prints the document of the verb under --json', async () => {
    await Pick.run(['a', 'b', '-t', '1', '--json'], config)
    expect(calls).toEqual([{ names: ['a', 'b'], flags: { timeout: '1' }, json: true }])
    expect(said).toEqual({ out: '{"schemaVersion":1,"done":true}\n', err: '' })
  })
})

describe('a command line that does not parse is explained, to people and as JSON:', () => {
  it('an unknown flag, with the near ones', async () => {
    const { text, error } = await refuse(Try, ['--tiemout', '3'])
    expect(text).toBe('error: daemon try: unknown flag --tiemout\nhint: Did you mean --timeout? See mcpctl daemon try --help.\n')
    expect(error).toMatchObject({ code: 'USAGE', details: { command: 'daemon try', flags: ['--tiemout'], suggestions: ['--timeout'] } })
  })

  it('several unknown flags at once', async () => {
    const { text } = await refuse(Try, ['--zzzzzz', '--no-wiat'])
    expect(text).toBe('error: daemon try: unknown flag --zzzzzz, --no-wiat\nhint: Did you mean --no-wait? See mcpctl daemon try --help.\n')
  })

  it('a flag without its value', async () => {
    expect((await refuse(Try, ['--timeout'])).text).toBe('error: daemon try: Flag --timeout expects a value\nhint: See mcpctl daemon try --help.\n')
  })

  it('a value outside the list', async () => {
    expect((await refuse(Try, ['--for', 'never'])).text).toContain('Expected --for=never to be one of: ready, stopped')
  })

  it('a name where none is taken', async () => {
    expect((await refuse(Try, ['surplus'])).text).toMatch(/^error: daemon try: Unexpected argument: surplus\n/)
  })

  it('a missing name', async () => {
    expect((await refuse(Pick, [])).text).toMatch(/^error: pick: Missing 1 required arg:/)
  })
})
