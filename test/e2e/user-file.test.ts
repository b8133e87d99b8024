import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, fixture, look, serverOf, untilServer, useHome } from './support.js'

const home = useHome()

/** Where the user's own configuration of the test is. */
function userFile(): { readonly env: Record<string, string>; write(servers: Record<string, unknown>): void; remove(): void } {
  const folder = join(home().base, 'xdg', 'mcpctl')
  const file = join(folder, 'config.json')
  return {
    env: { XDG_CONFIG_HOME: join(home().base, 'xdg') },
    write(servers) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(file, JSON.stringify({ servers }))
    },
    remove: () => rmSync(file),
  }
}

const namesThatRun = async (): Promise<string[]> => ((await look(home()))?.servers ?? []).filter(({ pid }) => pid !== null).map(({ name }) => name).sort()

describe("servers of the user's own file beside those of a project", () => {
  it('can be started, restarted and reloaded again and again, and are stopped when they are taken out', async () => {
    const user = userFile()
    const env = user.env
    home().config({ own: fixture('mcp-dual.mjs') })
    user.write({ mine: fixture('mcp-dual.mjs'), other: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env })
    await runOk(['start'], { home: home(), env })
    await runOk(['restart', 'mine'], { home: home(), env })
    expect((await look(home()))?.daemon.configs).toEqual([{ source: join(home().project, 'mcp.config.json'), trouble: null, watched: true, files: [join(home().project, 'mcp.config.json'), join(env['XDG_CONFIG_HOME'] ?? '', 'mcpctl', 'config.json')] }])
    user.write({ mine: fixture('mcp-dual.mjs') })
    await waitFor(async () => (await namesThatRun()).join() === 'mine,own')
    user.remove()
    await waitFor(async () => (await namesThatRun()).join() === 'own')
    expect(await serverOf(home(), 'own')).toMatchObject({ phase: 'ready', generation: 1 })
  })

  it('come back with the daemon after the one that died, and trouble in that file is shown', async () => {
    const user = userFile()
    const env = user.env
    home().config({})
    user.write({ mine: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env })
    process.kill(daemonFacts(home()).pid, 'SIGKILL')
    await waitFor(async () => (await look(home())) === null)
    await runOk(['start', '--resume'], { home: home(), env })
    await untilServer(home(), 'mine', ({ ready }) => ready)
    writeFileSync(join(env['XDG_CONFIG_HOME'] ?? '', 'mcpctl', 'config.json'), '{ "servers": { "mine": { "comand": "x" } } }')
    await waitFor(async () => (await look(home()))?.daemon.configs?.some(({ trouble }) => trouble !== null) === true)
    expect((await run(['reload'], { home: home(), env })).exitCode).toBe(5)
    expect(await serverOf(home(), 'mine')).toMatchObject({ phase: 'ready' })
  })
})
