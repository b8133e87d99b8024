import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, type CliResult } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

let home: TestHome

beforeAll(() => {
  home = createHome()
})

afterAll(() => home.cleanup())

/** An argument list as one would type it. */
const mcpctl = (line: string, env: Record<string, string> = {}): Promise<CliResult> => run(line === '' ? [] : line.split(' '), { home, env })

async function expectRefused(line: string, exitCode: number, text: string): Promise<void> {
  const plain = await mcpctl(line)
  expect(plain).toMatchObject({ exitCode, stdout: '', stderr: text })
  const asJson = await mcpctl(`${line} --json`)
  const { error } = asJson.json() as { error: { message: string; hint: string } }
  expect(asJson).toMatchObject({ exitCode, stderr: '' })
  expect(`error: ${error.message}\nhint: ${error.hint}\n`).toBe(text)
}

describe('help', () => {
  it.each(['', '--help', 'help'])('of "mcpctl %s" names every command and topic', async (line) => {
    const { exitCode, stdout, stderr } = await mcpctl(line)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('USAGE\n  $ mcpctl [COMMAND]')
    for (const word of ['start', 'stop', 'restart', 'status', 'logs', 'wait', 'events', 'config', 'daemon']) expect(stdout).toMatch(new RegExp(`^  ${word} +\\S`, 'm'))
  })

  it('of a command is the same whichever way it is asked for', async () => {
    const [flag, word] = [await mcpctl('start --help'), await mcpctl('help start')]
    expect(flag.exitCode).toBe(0)
    expect(word.stdout).toBe(flag.stdout)
    expect(flag.stdout).toContain('$ mcpctl start [NAME...]')
    for (const part of ['ARGUMENTS', '-c, --config=FILE', '-t, --timeout=TIME', '--no-wait', '--json', 'EXAMPLES', '$ mcpctl start files git']) expect(flag.stdout).toContain(part)
  })

  it.each(['config', 'config --help', 'help config'])('of a topic names its commands: mcpctl %s', async (line) => {
    const { exitCode, stdout } = await mcpctl(line)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^ {2}config show +\S.*\n[^]*^ {2}config validate +\S/m)
  })

  it('of a command in a topic works', async () => {
    const { exitCode, stdout } = await mcpctl('help daemon run')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('$ mcpctl daemon run [-c FILE] [--json]')
  })

  it('does not wrap words away in a narrow terminal and has no colour in a pipe', async () => {
    const { stdout } = await mcpctl('help status', { TERM: 'xterm-256color' })
    expect(stdout).not.toContain('\u001B')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  it('on what does not exist is refused with the nearest name', async () => {
    await expectRefused('help strat', 127, 'error: there is no command "strat"\nhint: Did you mean mcpctl start?\n')
    await expectRefused('help config shwo', 127, 'error: there is no command "config shwo"\nhint: Did you mean mcpctl config show?\n')
  })
})

describe('the version', () => {
  it('is that of the package', async () => {
    const { exitCode, stdout } = await mcpctl('--version')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(`^mcpctl/${version.replaceAll('.', '\\.')} .* node-v\\d`))
  })
})

describe('a mistake in the command line is explained, as text and as JSON:', () => {
  it.each([
    ['strat', 127, 'error: there is no command "strat"\nhint: Did you mean mcpctl start?\n'],
    ['config shwo', 127, 'error: there is no command "config shwo"\nhint: Did you mean mcpctl config show?\n'],
    ['frobnicate', 127, 'error: there is no command "frobnicate"\nhint: See mcpctl help for all commands.\n'],
    ['constructor', 127, 'error: there is no command "constructor"\nhint: See mcpctl help for all commands.\n'],
    ['daemon status surplus', 2, 'error: daemon status: unexpected argument "surplus"\nhint: It takes flags only; see mcpctl daemon status --help.\n'],
    ['--bogus', 2, 'error: mcpctl has no flag --bogus in front of a command\nhint: Flags follow the command, as in mcpctl status --json; see mcpctl help.\n'],
    ['start --tiemout 3', 2, 'error: start: unknown flag --tiemout\nhint: Did you mean --timeout? See mcpctl start --help.\n'],
    ['status -x', 2, 'error: status: unknown flag -x\nhint: See mcpctl status --help.\n'],
    ['start --timeout', 2, 'error: start: Flag --timeout expects a value\nhint: See mcpctl start --help.\n'],
    ['wait --for nothing', 2, 'error: wait: Expected --for=nothing to be one of: ready, stopped\nhint: See mcpctl wait --help.\n'],
    ['logs --tail many', 2, 'error: --tail "many" is not a number of lines\nhint: Write a whole number, or "all".\n'],
  ])('mcpctl %s: exit %i', expectRefused)

  it('a value that cannot be used', async () => {
    const { exitCode, stderr } = await mcpctl('start --timeout soon')
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/^error: --timeout "soon" is not a time\nhint: Write seconds .*\n$/)
  })

  it('also for somebody who has NODE_ENV set', async () => {
    expect((await mcpctl('status -x', { NODE_ENV: 'development' })).stderr).toBe('error: status: unknown flag -x\nhint: See mcpctl status --help.\n')
  })

  it('and leaves nothing behind', () => {
    expect(home.leftovers()).toEqual([])
  })
})
