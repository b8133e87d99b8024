import { spawn, type ChildProcess } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { readVitals } from '../../../src/lib/process/index.js'
import { parsePsVitals, selectTree } from '../../../src/lib/process/vitals.js'
import { waitFor } from '../../helpers/wait.js'

const started: ChildProcess[] = []

afterEach(() => {
  for (const child of started.splice(0)) {
    try {
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL')
    } catch {
      // Ended by itself.
    }
  }
})

function shell(script: string): { readonly pid: number; readonly child: ChildProcess } {
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(child)
  if (child.pid === undefined) throw new Error('no process')
  return { pid: child.pid, child }
}

const stateOf = async (pid: number): Promise<string> => (await readVitals(pid)).map(({ state }) => state).join('')

describe.runIf(process.platform === 'linux')('the vitals of a process tree', () => {
  test('are those of the leader and all below it, the leader first, also below a thread and in sessions of their own', async () => {
    const { pid } = shell('sh -c "sleep 100 & wait" & setsid sleep 100 & wait')
    const tree = await waitFor(async () => {
      const found = await readVitals(pid)
      return found.length === 4 && found.every(({ state }) => state === 'S') ? found : null
    })
    expect(tree[0]?.pid).toBe(pid)
    expect(new Set(tree.map((one) => one.pid)).size).toBe(4)
  })

  test('tell work from rest', async () => {
    const [rests, works] = [shell('sleep 100; true'), shell('while :; do :; done')]
    await waitFor(async () => (await readVitals(works.pid)).some(({ state, cpuMs }) => state === 'R' && cpuMs >= 50))
    expect((await readVitals(rests.pid)).every(({ cpuMs }) => cpuMs <= 20)).toBe(true)
  })

  test('count the work of children that have ended', async () => {
    const { pid } = shell('sh -c "i=0; while [ \\$i -lt 400000 ]; do i=\\$((i+1)); done"; sleep 100; true')
    await waitFor(async () => ((await readVitals(pid))[0]?.cpuMs ?? 0) >= 100)
  })

  test('show who was stopped, and who goes on', async () => {
    const { pid } = shell('sleep 100; true')
    await waitFor(async () => (await stateOf(pid)) === 'SS')
    process.kill(-pid, 'SIGSTOP')
    await waitFor(async () => (await stateOf(pid)) === 'TT')
    process.kill(-pid, 'SIGCONT')
    await waitFor(async () => (await stateOf(pid)) === 'SS')
  })

  test('are none of a process that has ended, collected or not', async () => {
    const { pid, child } = shell('exit 0')
    await new Promise((resolve) => child.once('exit', resolve))
    expect(await readVitals(pid)).toEqual([])
    const parent = shell('sh -c "exit 0" & echo $!; exec sleep 100')
    const zombie = await new Promise<number>((resolve) => parent.child.stdout?.once('data', (text: Buffer) => resolve(Number(String(text)))))
    await waitFor(async () => (await readVitals(zombie)).length === 0)
    expect((await readVitals(parent.pid)).map((one) => one.pid)).toEqual([parent.pid])
  })
})

test('what ps says is read on systems without /proc', () => {
  const text = `
    1     0 Ss     1-02:03:04
  100     1 S+     0:00.07
  101   100 R      12:34.56
  102   101 T      0:01
  103   100 U      0:00.00
  104   100 Z      0:00.00
  105     1 S      0:09
  garbage`
  const table = parsePsVitals(text)
  expect(table).toContainEqual({ pid: 1, parentPid: 0, state: 'S', cpuMs: 93_784_000 })
  expect(selectTree(100, table)).toEqual([
    { pid: 100, state: 'S', cpuMs: 70 },
    { pid: 101, state: 'R', cpuMs: 754_560 },
    { pid: 103, state: 'D', cpuMs: 0 },
    { pid: 102, state: 'T', cpuMs: 1000 },
  ])
  expect(selectTree(999, table)).toEqual([])
})
