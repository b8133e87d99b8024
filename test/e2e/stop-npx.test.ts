import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { alive, descendants } from '../helpers/proc.js'
import { pidOf, serverOf, useHome } from './support.js'

const home = useHome()
const PACKAGE = '@modelcontextprotocol/server-everything'
const installed = fileURLToPath(new URL(`../../node_modules/${PACKAGE}`, import.meta.url))

/** The package as if it had been installed into the test's project: nothing is fetched. */
function install(): void {
  mkdirSync(join(home().project, 'node_modules/@modelcontextprotocol'), { recursive: true })
  mkdirSync(join(home().project, 'node_modules/.bin'))
  symlinkSync(installed, join(home().project, 'node_modules', PACKAGE))
  symlinkSync(join(installed, 'dist/index.js'), join(home().project, 'node_modules/.bin/mcp-server-everything'))
  home().write('package.json', { name: 'project', version: '1.0.0', dependencies: { [PACKAGE]: '*' } })
}

test('a server behind npx is started without npx when it is installed, and status says so', async () => {
  install()
  home().config({ everything: { command: 'npx', args: ['-y', PACKAGE] } })
  await runOk(['start'], { home: home() })
  expect(descendants(await pidOf(home(), 'everything'))).toEqual([])
  expect((await runOk(['status', 'everything'], { home: home() })).stdout).toMatch(/npx resolved to node \S+/)
})

test('npx and the shells it runs servers in are ended with the server', async () => {
  install()
  // The shell in front keeps npx from being seen through.
  home().config({ everything: { command: '/bin/sh', args: ['-c', `npx --offline -y ${PACKAGE}; echo over`] } })
  await runOk(['start'], { home: home() })
  expect(await serverOf(home(), 'everything')).toMatchObject({ ready: true })
  const pid = await pidOf(home(), 'everything')
  const below = descendants(pid)
  expect(below.length).toBeGreaterThanOrEqual(2)
  await runOk(['stop'], { home: home() })
  expect([pid, ...below].filter(alive)).toEqual([])
  expect(home().leftovers()).toEqual([])
})
