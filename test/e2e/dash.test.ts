import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { fieldNames } from '../contract/json-support.js'
import { run, runOk, start } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { DashScreen, hasTmux } from './dash-support.js'
import { errorOf, fixture, kill, pidOf, untilGone, untilServer, useHome } from './support.js'

const home = useHome()
const DUAL = fixture('mcp-dual.mjs')

describe('dash without a screen', { timeout: 90_000 }, () => {
  it('prints everything as one document, and says so when no daemon runs', async () => {
    const none = await run(['dash', '--once'], { home: home() })
    expect(none.exitCode).toBe(3)
    expect(none.json()).toMatchObject({ schemaVersion: 1, daemon: null, servers: [] })

    home().config({ files: DUAL, git: { ...DUAL, tags: ['work'] } })
    await runOk(['start'], { home: home() })
    const document = (await runOk(['dash', '--once'], { home: home() })).json()
    expect(document).toMatchObject({ schemaVersion: 1, alerts: [], servers: [{ name: 'files', phase: 'ready', metrics: { name: 'files', traffic: { calls: 0 } } }, { name: 'git' }] })
    expect(document['daemon']).toMatchObject({ home: home().home })
    expect(document['totals']).toMatchObject({ restartsTotal: 0 })
    const page = readFileSync(new URL('../../docs/reference/json.md', import.meta.url), 'utf8')
    expect(fieldNames(document).filter((field) => !page.includes(`\`${field}\``))).toEqual([])
    const some = (await runOk(['dash', '--json', '--filter', 'work'], { home: home() })).json()
    expect(some['servers']).toMatchObject([{ name: 'git' }])
    expect((await run(['dash', 'fles', '--once'], { home: home() })).exitCode).toBe(4)
  })

  it('tells changes line by line', async () => {
    home().config({ files: DUAL, git: DUAL })
    await runOk(['start'], { home: home() })
    const plain = start(['dash', '--interval', '1'], { home: home(), env: { MCPCTL_PLAIN: '1' } })
    let told = ''
    plain.stdout.on('data', (chunk) => (told += String(chunk)))
    await waitFor(() => /2 servers, 2 ready.*\nfiles: ready\ngit: ready\n/.test(told), { timeoutMs: 25_000 })
    kill(await pidOf(home(), 'git'))
    await waitFor(() => /^git: (?!ready).*SIGKILL/m.test(told))
    await untilServer(home(), 'git', ({ ready }) => ready)
    await waitFor(() => told.lastIndexOf('git: ready') > told.indexOf('SIGKILL'))
    await runOk(['stop'], { home: home() })
    await waitFor(() => told.includes('disconnected from the daemon'))
    plain.kill('SIGINT')
    expect((await plain).exitCode).toBe(130)
    expect(told).not.toContain('\u001b')
  })

  it('says what to use instead where there is no terminal, and what an interval is', async () => {
    const refused = await run(['dash'], { home: home() })
    expect([refused.exitCode, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toMatch(/must be a terminal[\s\S]*--once[\s\S]*--plain/)
    for (const value of ['0', '0.5', 'often', '-3', '200000']) {
      const result = await run(['dash', '--once', '--json', `--interval=${value}`], { home: home() })
      expect(result.exitCode, value).toBe(2)
      expect(errorOf(result).message).toContain(value)
    }
    expect(errorOf(await run(['dash', '--json', '--plain'], { home: home() })).code).toBe('USAGE')
  })
})

describe.skipIf(!hasTmux)('dash in a terminal (needs tmux)', { timeout: 90_000 }, () => {
  let screen: DashScreen | undefined

  afterEach(() => {
    screen?.close()
    screen = undefined
  })

  it('shows, opens, stops and starts servers, follows a crash, and outlives the daemon', async () => {
    home().config({ files: DUAL, git: DUAL, old: { ...DUAL, enabled: false } })
    await runOk(['start'], { home: home() })
    screen = new DashScreen(home(), '')
    await screen.until(/● {2}files +ready[\s\S]*● {2}git +ready[\s\S]*○ {2}old +disabled/)
    expect([screen.flag('alternate_on'), screen.flag('cursor_flag')]).toEqual([true, false])

    screen.press('j', 'Enter')
    await screen.until(/servers › git .*1 overview[\s\S]*Command .*mcp-dual\.mjs/)
    screen.press('2')
    await screen.until(/--- started, pid \d+/)
    screen.press('5')
    await screen.until(/0 automatic restarts/)
    screen.press('Escape')
    await screen.until(/▸● {2}git/)

    screen.press('s')
    await screen.until(/stop git\?/)
    screen.press('n')
    await screen.until(/q quit/)
    screen.press('s', 'y')
    await screen.until(/○ {2}git +idle[\s\S]*stopped git/)
    screen.press('s')
    await screen.until(/● {2}git +ready/)

    // A crash shows at once, although figures come every ten seconds.
    kill(await pidOf(home(), 'files'))
    await screen.until(/● {2}files +ready +<1m +1 /)
    screen.press('g')
    await screen.until(/▸● {2}files[\s\S]*killed by SIGKILL/)

    screen.resize(50, 12)
    await waitFor(() => (screen?.text().split('\n')[0]?.length ?? 99) <= 50)
    await screen.until(/q quit +\d\/3/)
    screen.resize(120, 35)
    await runOk(['stop'], { home: home() })
    await screen.until(/disconnected \d+s, retrying[\s\S]*files/)
    await runOk(['start'], { home: home() })
    await screen.until(/daemon up[\s\S]*● {2}files +ready/)

    screen.press('q')
    await screen.until(/exit=0\nicanon/)
    expect([screen.flag('alternate_on'), screen.flag('cursor_flag')]).toEqual([false, true])
  })

  it('gives the terminal back when it is told to end', async () => {
    home().config({ files: DUAL })
    screen = new DashScreen(home(), '--read-only')
    await screen.until(/the daemon is not running[\s\S]*mcpctl start/)
    kill(screen.pid(), 'SIGTERM')
    const text = await screen.until(/exit=143\nicanon/)
    expect(text).not.toContain('mcpctl')
    expect([screen.flag('alternate_on'), screen.flag('cursor_flag')]).toEqual([false, true])
  })

  it('starts the daemon from its screen, draws in ASCII where the locale is not UTF-8, and comes back after it was stopped', async () => {
    home().config({ files: DUAL })
    screen = new DashScreen(home(), '', { columns: 80, rows: 24, env: { LC_ALL: 'C', NO_COLOR: '1' } })
    await screen.until(/Press s to start it/)
    screen.press('s')
    const text = await screen.until(/\+ {2}files +ready/)
    // eslint-disable-next-line no-control-regex
    expect(text).toMatch(/^[\u0000-\u007e]*$/)
    const pid = screen.pid()
    kill(pid, 'SIGSTOP')
    kill(pid, 'SIGCONT')
    screen.press('Enter')
    await screen.until(/servers > files/)
    screen.press('C-c')
    await screen.until(/exit=0\nicanon/)
  })

  it('ends with its terminal', async () => {
    screen = new DashScreen(home(), '')
    await screen.until(/q quit/)
    const pid = screen.pid()
    screen.close()
    await untilGone(pid)
  })

  it('refuses a terminal that cannot show a screen', async () => {
    screen = new DashScreen(home(), '', { env: { TERM: 'dumb' } })
    expect(await screen.until(/exit=2/)).toMatch(/TERM=dumb[\s\S]*--plain/)
  })
})
