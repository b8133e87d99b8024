import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk, start } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { errorOf, fixture, kill, logOf, pidOf, untilLogged, untilServer, useHome } from './support.js'

const home = useHome()

/** A process that says something on both outputs and then every line it is given after the other; it speaks no MCP. */
const talker = (...lines: string[]) => ({ command: '/bin/sh', args: ['-c', 'for line; do echo "$line"; done; echo "bad $0" >&2; exec sleep 600', ...(lines.length > 0 ? [lines[0] ?? '', ...lines] : [''])], transport: 'none' })

async function saidAll(name: string): Promise<void> {
  await untilLogged(home(), name, ({ stream }) => stream === 'err')
  // It comes by another pipe: what was said on stdout before may be written after it.
  await logOf(home(), name)
}

/** A command that goes on, with what it has printed so far. */
function follow(...args: string[]) {
  const command = start(args, { home: home(), deadlineMs: 60_000 })
  let text = ''
  command.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { command, text: () => text, until: (pattern: RegExp) => waitFor(() => pattern.test(text), { timeoutMs: 25_000, what: `${pattern} in the output` }) }
}

describe('logs', () => {
  test('shows what a server said on stderr and stray stdout, and what happened to it with its generation', async () => {
    home().config({ a: talker('one', 'two') })
    await runOk(['start'], { home: home() })
    await saidAll('a')
    const pid = await pidOf(home(), 'a')
    const { stdout } = await runOk(['logs', 'a'], { home: home() })
    expect(stdout.split('\n')[0]).toBe(`--- #1 started, pid ${pid}`)
    expect(stdout.trim().split('\n').slice(1).sort()).toEqual(['bad one', 'one', 'two'])
    const stamped = await runOk(['logs', 'a', '--timestamps'], { home: home() })
    expect(stamped.stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z one$/m)
    const lines = await logOf(home(), 'a')
    expect(lines.find(({ text }) => text === 'two')).toEqual({ schemaVersion: 1, time: expect.stringMatching(/Z$/), name: 'a', generation: 1, stream: 'out', text: 'two' })
    expect(lines.find(({ text }) => text === 'bad one')).toMatchObject({ stream: 'err' })
  })

  test('-n gives the newest lines, --grep those that match, --since and --until those in time', async () => {
    home().config({ a: talker('apple', 'banana', 'cherry', 'apricot') })
    await runOk(['start'], { home: home() })
    await saidAll('a')
    const print = async (...args: string[]) => (await runOk(['logs', 'a', ...args], { home: home() })).stdout
    expect((await print('-n', '2')).trim().split('\n')).toHaveLength(2)
    expect(await print('-n', '0')).toBe('')
    expect(await print('--grep', '^ap')).toBe('apple\napricot\n')
    expect(await print('--grep', '^ap', '-n', '1')).toBe('apricot\n')
    expect(await print('--since', '1h', '--grep', 'cherry')).toBe('cherry\n')
    expect(await print('--since', '2999-01-01')).toBe('')
    expect(await print('--until', '2000-01-01')).toBe('')
    expect(await print('--until', '2999-01-01', '--grep', 'cherry')).toBe('cherry\n')
  }, 120_000)

  test('interleaves several servers by time, each line with its name in front', async () => {
    home().config({ first: talker('hello'), second: { ...talker('world'), dependsOn: ['first'] } })
    await runOk(['start'], { home: home() })
    await saidAll('first')
    await saidAll('second')
    await runOk(['stop', 'second'], { home: home() })
    await runOk(['stop', 'first'], { home: home() })
    const { stdout } = await runOk(['logs'], { home: home() })
    const marks = stdout.split('\n').filter((line) => /--- #1 (started|killed|exited)/.test(line)).map((line) => line.replace(/ +\| --- #1 (\w+).*/, ' $1'))
    expect(marks.slice(0, 2)).toEqual(['first started', 'second started'])
    expect(marks.slice(2).map((mark) => mark.split(' ')[0])).toEqual(['second', 'first'])
    expect(stdout).toMatch(/^first {2}\| hello$/m)
    expect(stdout).toMatch(/^second \| world$/m)
    expect((await runOk(['logs', '--no-prefix', '--grep', '^(hello|world)$'], { home: home() })).stdout.trim().split('\n').sort()).toEqual(['hello', 'world'])
    const times = (await runOk(['logs', '--json'], { home: home() })).jsonLines().map(({ time }) => String(time))
    expect(times).toEqual([...times].sort())
  })

  test('works when nothing runs', async () => {
    home().config({ a: talker('last words') })
    await runOk(['start'], { home: home() })
    await saidAll('a')
    await runOk(['stop'], { home: home() })
    expect((await runOk(['logs', 'a'], { home: home() })).stdout).toMatch(/^last words$/m)
    expect((await runOk(['logs'], { home: home() })).stdout).toMatch(/last words/)
    expect((await run(['logs', 'b'], { home: home() })).exitCode).toBe(4)
    rmSync(home().home, { recursive: true })
    expect(await runOk(['logs'], { home: home() })).toMatchObject({ stdout: '' })
  })

  test('-f goes on over a restart of the server and a new daemon, and ends quietly at Ctrl-C', async () => {
    home().config({ a: talker('here'), b: talker('there') })
    await runOk(['start'], { home: home() })
    const { command, until, text } = follow('logs', 'a', '-f')
    await until(/#1 started[^]*here/)
    kill(await pidOf(home(), 'a'))
    await until(/#1 killed by SIGKILL[^]*#2 started, pid \d+[^]*here/)
    await runOk(['stop'], { home: home() })
    await until(/#2 (killed by SIGTERM|exited)/)
    await runOk(['start'], { home: home() })
    await until(/#2 (?:killed by SIGTERM|exited)[^]*#1 started, pid \d+[^]*here/)
    command.kill('SIGINT')
    const { exitCode, stderr } = await command
    expect([0, 130]).toContain(exitCode)
    expect(stderr).toBe('')
    expect(text()).not.toContain('there')
    // Nothing is told twice.
    expect(text().match(/started, pid/g)).toHaveLength(3)
    expect(text().match(/^here$/gm)).toHaveLength(3)
  })

  test('-f without names takes up servers that appear later, --grep applies to new lines, --json makes them NDJSON', async () => {
    home().config({ a: talker('x1') })
    await runOk(['start'], { home: home() })
    const plain = follow('logs', '-f', '--grep', '^x\\d')
    const json = follow('logs', '-f', '--json')
    await plain.until(/x1/)
    await json.until(/x1/)
    home().config({ a: talker('x1'), late: talker('x2', 'y3') })
    await runOk(['start'], { home: home() })
    await plain.until(/x2/)
    await json.until(/y3/)
    expect(plain.text()).not.toMatch(/y3|started/)
    const documents = json.text().trim().split('\n').map((line) => JSON.parse(line) as { schemaVersion: number; name: string })
    expect(documents.every(({ schemaVersion }) => schemaVersion === 1)).toBe(true)
    expect(new Set(documents.map(({ name }) => name))).toEqual(new Set(['a', 'late']))
    for (const { command } of [plain, json]) command.kill('SIGINT')
    await Promise.all([plain.command, json.command])
  })

  test('a reader that goes away ends it without a word', async () => {
    home().config({ a: talker(...Array.from({ length: 500 }, (_, index) => `line ${index} ${'x'.repeat(500)}`)) })
    await runOk(['start'], { home: home() })
    await saidAll('a')
    const command = start(['logs', 'a', '--tail', 'all'], { home: home() })
    command.stdout.once('data', () => command.stdout.destroy())
    const { exitCode, stderr } = await command
    expect(exitCode).toBe(0)
    expect(stderr).toBe('')
  })

  test('terminal escapes in what a server says do not reach the terminal', async () => {
    home().config({ a: { ...talker(), args: ['-c', 'printf "\\033[2J\\033]0;owned\\007 visible\\n" >&2; exec sleep 600'] } })
    await runOk(['start'], { home: home() })
    await saidAll('a')
    const { stdout } = await runOk(['logs', 'a'], { home: home() })
    expect(stdout).toContain('visible')
    // eslint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u001b\u0007]/)
  })

  test('rotates by size, so that a server that never stops talking does not fill the disk', async () => {
    home().config({ noisy: { ...badServer('flood-stderr=3000000'), logs: { maxSize: '1M', keep: 1 } } })
    await runOk(['start'], { home: home() })
    const { readdirSync, statSync } = await import('node:fs')
    const sizes = () => readdirSync(home().paths.logs).map((file) => statSync(`${home().paths.logs}/${file}`).size)
    await waitFor(() => sizes().length === 2, { timeoutMs: 25_000 })
    await runOk(['stop'], { home: home() })
    expect(sizes()).toHaveLength(2)
    expect(Math.max(...sizes())).toBeLessThan(1.5 * 1024 * 1024)
    expect(await logOf(home(), 'noisy')).not.toEqual([])
  })

  test.each([
    [['--since', 'yesterday-ish'], /--since "yesterday-ish" is not a time/],
    [['--grep', '('], /--grep "\(" is not a regular expression/],
    [['--tail', 'many'], /--tail "many" is not a number/],
  ])('%j is refused with 2 and the way out', async (args, message) => {
    const { exitCode, stderr } = await run(['logs', ...args], { home: home() })
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^hint: /m)
    expect(errorOf(await run(['logs', ...args, '--json'], { home: home() })).code).toBe('USAGE')
  })

  test('of a server that still runs are complete up to its last line', async () => {
    home().config({ a: fixture('mcp-banner.mjs') })
    await runOk(['start'], { home: home() })
    await runOk(['stop', 'a'], { home: home() })
    // It leaves its last line without a newline.
    await untilServer(home(), 'a', ({ phase }) => phase === 'idle')
    expect((await logOf(home(), 'a')).map(({ text }) => text)).toContain('goodbye')
  })
})
