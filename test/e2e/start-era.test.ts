import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { runOk } from '../helpers/cli.js'
import { fixture, logOf, serverOf, startsOf, statusOf, useHome } from './support.js'

const home = useHome()

describe('the era of a server', () => {
  test('is found out for every kind of server, each in its first instance', async () => {
    home().config({
      legacy: fixture('mcp-legacy.mjs'),
      modern: fixture('mcp-modern.mjs'),
      dual: fixture('mcp-dual.mjs'),
      silent: fixture('mcp-silent.mjs'),
      banner: fixture('mcp-banner.mjs'),
      zero: fixture('mcp-code-zero.mjs'),
      null: fixture('mcp-code-zero.mjs', '--null-id'),
      roots: fixture('mcp-asks-roots.mjs'),
      pages: fixture('mcp-pages.mjs'),
      old: badServer('old-version'),
      garbage: badServer('garbage-stdout'),
      noping: fixture('mcp-legacy.mjs', '--no-ping'),
    })
    // Silence is taken for the legacy era: these two are not to wait for the start of all others.
    await runOk(['start', 'modern', 'dual'], { home: home() })
    await runOk(['start'], { home: home() })
    const { servers } = await statusOf(home())
    expect(servers.filter(({ phase, generation, restarts }) => phase !== 'ready' || generation !== 1 || restarts !== 0)).toEqual([])
    expect(servers.filter(({ era }) => era === 'modern').map(({ name }) => name)).toEqual(['modern', 'dual'])
    expect(servers.find(({ name }) => name === 'pages')?.tools).toBe(3)
  })

  test('a server that exits on the probe is started twice the first time, once by a later daemon, and never counts as restarted', async () => {
    home().config({ shy: fixture('mcp-exits-on-probe.mjs'), shyToo: badServer('exit-on-probe') })
    await runOk(['start'], { home: home() })
    for (const name of ['shy', 'shyToo']) {
      expect(await startsOf(home(), name)).toHaveLength(2)
      expect(await serverOf(home(), name)).toMatchObject({ phase: 'ready', era: 'legacy', restarts: 0 })
    }
    await runOk(['stop'], { home: home() })
    await runOk(['start'], { home: home() })
    for (const name of ['shy', 'shyToo']) {
      expect(await startsOf(home(), name)).toHaveLength(3)
      expect(await serverOf(home(), name)).toMatchObject({ phase: 'ready', generation: 1, restarts: 0 })
    }
  })

  test('once configured is not asked for: not even one that exits on the probe is started twice', async () => {
    home().config({ shy: { ...fixture('mcp-exits-on-probe.mjs'), era: 'legacy' } })
    await runOk(['start'], { home: home() })
    expect(await startsOf(home(), 'shy')).toHaveLength(1)
    expect(await serverOf(home(), 'shy')).toMatchObject({ phase: 'ready', generation: 1 })
  })

  test('remembered for a program that has become another one is found out anew', async () => {
    const script = home().write('server.mjs', `await import(${JSON.stringify(fixture('mcp-modern.mjs').args[0])})\n`)
    home().config({ changing: { command: process.execPath, args: [script] } })
    await runOk(['start'], { home: home() })
    expect(await serverOf(home(), 'changing')).toMatchObject({ era: 'modern' })
    home().write('server.mjs', `// Another build of it.\nawait import(${JSON.stringify(fixture('mcp-exits-on-probe.mjs').args[0])})\n`)
    await runOk(['restart'], { home: home() })
    expect(await serverOf(home(), 'changing')).toMatchObject({ phase: 'ready', era: 'legacy', restarts: 0 })
  })

  test('what a server prints on stdout beside its messages is in its log, line by line', async () => {
    home().config({ banner: fixture('mcp-banner.mjs') })
    await runOk(['start'], { home: home() })
    const noise = (await logOf(home(), 'banner')).filter(({ stream }) => stream === 'out').map(({ text }) => text)
    expect(noise).toContain('*** Fixture server 1.0 ***')
    expect(noise).toContain('{"level":"info","msg":"started"}')
    expect(noise).toContain('{not json}')
  })
})
