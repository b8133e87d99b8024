import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { asConfig, ensureRealServers, NATIVE_SERVERS_AVAILABLE, realServers } from '../helpers/real-servers.js'
import { startsOf, statusOf, useHome } from './support.js'

const home = useHome()
/** Those that answer `server/discover`; all others are asked with `initialize`. */
const MODERN = ['context7']
/** It ends on anything but `initialize` as its first message. */
const EXITS_ON_PROBE = 'cortex'

beforeAll(ensureRealServers, 300_000)

/** Starts all of them; each has to be ready with tools, in its era, and never counted as restarted. */
async function startAll(names: readonly string[]): Promise<void> {
  const started = await runOk(['start', '--json'], { home: home(), deadlineMs: 60_000 })
  expect(started.json()).toMatchObject({ ready: names.length, failed: 0, timedOut: false })
  const { servers } = await statusOf(home())
  expect(servers.map(({ name }) => name).sort()).toEqual([...names].sort())
  expect(servers.filter(({ phase, tools, restarts }) => phase !== 'ready' || tools === null || tools < 1 || restarts !== 0)).toEqual([])
  const eras = Object.fromEntries(servers.map(({ name, era }) => [name, era]))
  expect(eras).toEqual(Object.fromEntries(names.map((name) => [name, MODERN.includes(name) ? expect.stringMatching(/^(modern|legacy)$/) : 'legacy'])))
}

const startCounts = async (names: readonly string[]): Promise<Record<string, number>> =>
  Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await startsOf(home(), name)).length] as const)))

test('the real servers are all ready, the one that exits on the probe in its second instance only the first time, and stop leaves nothing', async () => {
  const folder = join(home().base, 'data')
  mkdirSync(folder)
  const servers = asConfig(realServers(folder))
  const names = Object.keys(servers)
  expect(names).toHaveLength(NATIVE_SERVERS_AVAILABLE ? 10 : 6)
  // One of them outlives the end of its stdin and SIGTERM.
  home().config(servers, { defaults: { stopTimeout: '2s' } })

  await startAll(names)
  expect(await startCounts(names)).toEqual(Object.fromEntries(names.map((name) => [name, name === EXITS_ON_PROBE ? 2 : 1])))
  await runOk(['stop'], { home: home() })
  expect(home().leftovers()).toEqual([])

  // What was found out is remembered by the next daemon: one more instance of each.
  await startAll(names)
  expect(await startCounts(names)).toEqual(Object.fromEntries(names.map((name) => [name, name === EXITS_ON_PROBE ? 3 : 2])))
  await runOk(['stop'], { home: home() })
  expect(home().leftovers()).toEqual([])
}, 120_000)
