import { beforeAll, describe, expect, test } from 'vitest'
import { runOk, type CliOptions } from '../helpers/cli.js'
import { ensureNode } from '../helpers/node-matrix.js'
import { lookUp } from '../helpers/proc.js'
import { daemonFacts, fixture, useHome, type StatusDocument } from './support.js'

const home = useHome()

describe.each([22, 24, 26])('under Node %i', (major) => {
  let node: string | null

  beforeAll(async () => {
    node = await ensureNode(major)
  }, 300_000)

  test('servers are started, shown, heard and stopped', async (context) => {
    // No binary of it for this system.
    if (node === null) return context.skip()
    const cli: CliOptions = { home: home(), node }
    expect((await runOk(['--version'], cli)).stdout).toContain(` node-v${major}.`)
    home().config({ old: fixture('mcp-legacy.mjs'), both: fixture('mcp-dual.mjs') })

    await runOk(['start'], cli)
    // The daemon runs with the Node that runs the command.
    expect(lookUp(daemonFacts(home()).pid)?.commandLine.startsWith(`${node} `)).toBe(true)
    const { servers } = (await runOk(['status', '--json'], cli)).json() as unknown as StatusDocument
    expect(servers.map(({ name, phase, era, generation }) => ({ name, phase, era, generation }))).toEqual(
      expect.arrayContaining([
        { name: 'old', phase: 'ready', era: 'legacy', generation: 1 },
        { name: 'both', phase: 'ready', era: 'modern', generation: 1 },
      ]),
    )
    expect(servers.filter(({ tools }) => tools === null || tools < 1)).toEqual([])

    const heard = (await runOk(['logs', '--tail', 'all', '--json'], cli)).jsonLines()
    for (const { name, pid } of servers) expect(heard).toContainEqual(expect.objectContaining({ name, stream: 'mark', text: `started, pid ${pid}` }))
    await runOk(['stop'], cli)
    expect(home().leftovers()).toEqual([])
  })
})
