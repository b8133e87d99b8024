import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { environmentOf } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { textOf } from '../e2e/gateway-client.js'
import { look, processesLeft, serverOf, startsOf, untilServer } from '../e2e/support.js'
import { fault, type Lab } from './lab.js'
import { faulty, many, tiny } from './servers.js'

/** Waits until the daemon says that the newest version of the file is not in effect, and why. */
function untilTrouble(lab: Lab, pattern: RegExp): Promise<unknown> {
  return waitFor(async () => {
    const configs = (await look(lab.home))?.daemon.configs ?? []
    if (configs.some(({ trouble }) => trouble !== null && pattern.test(trouble))) return true
    throw new Error(JSON.stringify(configs))
  }, { what: `trouble like ${pattern}` })
}

const pids = async (lab: Lab): Promise<Record<string, number | null>> => Object.fromEntries(((await look(lab.home))?.servers ?? []).map(({ name, pid }) => [name, pid]))

fault('F53', async (lab) => {
  const gateway = { port: 0 }
  const tagged = (tag: string): Record<string, unknown> => ({ ...many(5, () => tiny()), s0: { ...tiny(), env: { TAG: tag } } })
  const config = (servers: Record<string, unknown>): string => `${JSON.stringify({ gateway: { port: gateway.port }, servers }, null, 2)}\n`
  await lab.start(tagged('zero'))
  gateway.port = lab.port
  const file = join(lab.home.project, 'mcp.config.json')
  const before = await pids(lab)
  const other = ({ s0: _changed, ...rest }: Record<string, number | null>): Record<string, number | null> => rest
  // Broken in one way after the other; between them nothing changes.
  const broken: [string, () => void, RegExp][] = [
    ['a syntax error', () => writeFileSync(file, config(tagged('one')).replace('{', '{{')), /mcp\.config\.json/],
    ['half of it', () => writeFileSync(file, config(tagged('one')).slice(0, 150)), /mcp\.config\.json/],
    ['wrong', () => writeFileSync(file, config({ ...tagged('one'), s1: { command: 1 } })), /s1/],
    ['deleted', () => rmSync(file), /mcp\.config\.json/],
  ]
  for (const [, spoil, trouble] of broken) {
    spoil()
    await untilTrouble(lab, trouble)
    expect(await pids(lab)).toEqual(before)
  }
  expect((await lab.run(['reload', '--config', file])).exitCode).toBe(5)
  // Back, in the way editors do it.
  writeFileSync(`${file}.tmp`, config(tagged('one')))
  renameSync(`${file}.tmp`, file)
  await untilServer(lab.home, 's0', ({ ready, pid }) => ready && pid !== before['s0'])
  await waitFor(async () => (await look(lab.home))?.daemon.configs?.every(({ trouble }) => trouble === null))
  expect(other(await pids(lab))).toEqual(other(before))
  const settled = await pids(lab)
  // Saved a hundred times in a second: the last one counts, and it is not a hundred restarts.
  let pauses = 0
  for (let save = 1, savedAt = performance.now(); save <= 100; save++) {
    writeFileSync(file, config(tagged(`save ${save}`)))
    await new Promise((resolve) => setTimeout(resolve, 10))
    // On a busy machine we may come to a halt, which rightly counts as the end of a burst.
    if (performance.now() - savedAt > 100) pauses++
    savedAt = performance.now()
  }
  await untilServer(lab.home, 's0', ({ ready, pid }) => ready && pid !== settled['s0'])
  await waitFor(async () => {
    const { ready, pid } = await serverOf(lab.home, 's0')
    return ready && pid !== null && environmentOf(pid)['TAG'] === 'save 100'
  }, { timeoutMs: 40_000, pollMs: 50, what: 'the newest version to be in effect' })
  await waitFor(() => isQuiet(lab), { timeoutMs: 30_000, pollMs: 200, what: 'nothing to be left to do' })
  const starts = (await startsOf(lab.home, 's0')).length
  expect(starts).toBeLessThanOrEqual(8 + pauses)
  expect(other(await pids(lab))).toEqual(other(before))
  expect(processesLeft(lab.home).filter((line) => line.includes('tiny.sh'))).toHaveLength(5)
  lab.measured(`100 saves: ${starts - 2} replacements of the changed server, none of the 4 others`)
}, { timeoutMs: 150_000 })

/** Nothing is left to be done and nothing under way. */
async function isQuiet(lab: Lab): Promise<boolean> {
  const { changes } = (await lab.run(['reload', '--dry-run', '--json'])).json() as unknown as { changes: { action: string }[] }
  const servers = (await look(lab.home))?.servers ?? []
  return changes.every(({ action }) => action === 'none') && servers.length === 5 && servers.every(({ ready }) => ready)
}

fault('F54', async (lab) => {
  await lab.start({ goes: faulty(), stays: tiny() })
  const client = await lab.legacy()
  const { goes } = await pids(lab)
  const calls = Array.from({ length: 20 }, (_, index) => client.call('goes__late', { ms: 1500, text: `answer ${index}` }))
  await client.request('ping')
  lab.rewrite({ stays: tiny() })
  const answers = await Promise.all(calls)
  expect(answers.map(textOf)).toEqual(calls.map((_, index) => `answer ${index}`))
  await waitFor(async () => (await look(lab.home))?.servers.map(({ name }) => name).join() === 'stays')
  expect(processesLeft(lab.home).some((line) => line.startsWith(`process ${goes} `))).toBe(false)
  expect(await client.text('stays__echo')).toBe('here')
})
