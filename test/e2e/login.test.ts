import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { startOauth, type OauthServer } from '../helpers/oauth.js'
import { serverOf, untilServer, useHome } from './support.js'

const home = useHome()
let guarded: OauthServer | undefined
afterEach(async () => {
  await guarded?.close()
  guarded = undefined
})

/** A program that does what a browser does with an address: follows redirects to the end. */
function writeBrowser(folder: string): string {
  const path = join(folder, 'browser')
  writeFileSync(path, `#!${process.execPath}\nfetch(process.argv[2]).then((answer) => answer.text())\n`)
  chmodSync(path, 0o755)
  return path
}

/** Every file below the home but those of the tokens, and the command lines of all processes. */
function everythingWritten(root: string): string {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.parentPath.endsWith('tokens'))
  const processes = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'latin1')
    } catch {
      return ''
    }
  }
  return [...files.map((entry) => read(join(entry.parentPath, entry.name))), ...processes.map((pid) => read(`/proc/${pid}/cmdline`))].join('\n')
}

describe('a server that wants a login', () => {
  test('says so everywhere, is used after the login, says so again when the login is no longer good, and after a logout', async () => {
    guarded = await startOauth()
    const { secrets, knobs } = guarded
    home().config({ far: { url: guarded.url, auth: 'oauth', health: { interval: 1 } } })
    const options = { home: home(), env: { BROWSER: writeBrowser(home().base) } }

    const refused = await run(['start'], options)
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr).toContain('nobody has logged in; log in: mcpctl login far\n  hint: mcpctl login far\n')
    expect(guarded.authorizations).toEqual([])
    expect(await serverOf(home(), 'far')).toMatchObject({ phase: 'failed', restarts: 0 })
    for (const verb of ['status', 'why', 'doctor']) {
      const told = await run(verb === 'why' ? [verb, 'far'] : [verb], options)
      expect(`${told.stdout}${told.stderr}`, verb).toContain('mcpctl login far')
    }

    const login = await runOk(['login', 'far', '--json'], options)
    expect(JSON.parse(login.stdout)).toMatchObject({ server: 'far', issuer: guarded.issuer, scopes: ['mcp', 'offline_access'], renewable: true, restarted: true })
    expect(await serverOf(home(), 'far')).toMatchObject({ phase: 'ready', tools: 1 })
    expect((await runOk(['call', 'far', 'hello'], options)).stdout).toContain('hello')
    const tokens = join(home().paths.state, 'tokens')
    expect(readdirSync(tokens).map((name) => statSync(join(tokens, name)).mode & 0o777)).toEqual([0o600])

    knobs.refresh = 'invalid_grant'
    guarded.expireAll()
    const lost = await untilServer(home(), 'far', (server) => server.phase === 'failed')
    expect(lost.reason).toContain('log in: mcpctl login far')

    knobs.refresh = 'rotate'
    await runOk(['login', 'far'], options)
    expect(await serverOf(home(), 'far')).toMatchObject({ phase: 'ready' })
    const out = await runOk(['logout', 'far', '--json'], options)
    expect(JSON.parse(out.stdout)).toMatchObject({ server: 'far', wasLoggedIn: true, revoked: true })
    await untilServer(home(), 'far', (server) => server.phase === 'failed')
    expect(readdirSync(tokens)).toEqual([])

    // The same for a server that was added beside the configuration.
    expect(await run(['add', 'late', '--url', guarded.url, '--auth', 'oauth'], options)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('mcpctl login late') as string })
    expect((await runOk(['login', 'late', '--json'], options)).json()).toMatchObject({ server: 'late', restarted: true })
    expect(await serverOf(home(), 'late')).toMatchObject({ phase: 'ready', tools: 1 })

    const written = everythingWritten(home().paths.root) + login.stdout + login.stderr + out.stdout
    expect([...secrets].filter((secret) => written.includes(secret))).toEqual([])
  }, 120_000)

  test('is not confused with one that wants none: login names what to change', async () => {
    home().config({ here: { command: process.execPath, args: ['-e', ''] }, far: { url: 'https://far.example/mcp' }, own: { url: 'https://far.example/mcp', auth: { type: 'oauth', grant: 'client-credentials', clientId: 'a', clientSecret: 'b', authorizationServer: 'https://login.example' } } })
    const tell = async (name: string): Promise<string> => {
      const { exitCode, stderr } = await run(['login', name], { home: home() })
      return `${exitCode} ${stderr}`
    }
    expect(await tell('here')).toMatch(/^2 .*nothing to log in to/s)
    expect(await tell('far')).toMatch(/^2 .*hint: Set auth: oauth for it in /s)
    await runOk(['add', 'late', '--url', 'https://far.example/mcp', '--no-start'], { home: home() })
    expect(await tell('late')).toMatch(/^2 .*hint: mcpctl remove late, then mcpctl add late --url URL --auth oauth/s)
    expect(await tell('own')).toMatch(/^2 .*nobody has to log in/s)
    expect(await tell('fra')).toMatch(/^4 .*Did you mean far\?/s)
  }, 60_000)
})
