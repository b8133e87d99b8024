import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { sampleTrees, TreeSampler } from '../../../src/lib/process/index.js'
import { waitFor } from '../../helpers/wait.js'

const onLinux = describe.runIf(process.platform === 'linux')
const MIB = 1024 ** 2
const EXACT = { budgetMs: null, maxAgeMs: 0 }
/** Nothing is looked into a second time that did not change. */
const LAZY = { budgetMs: null, maxAgeMs: 3_600_000 }

/** Keeps a buffer of as many MiB as it is told on a line, and says so. */
const HOLDER = "let held; process.stdin.on('data', (line) => { held = Buffer.alloc(Number(line) * 1048576, 1); console.log(held.length) })"

const children: ChildProcess[] = []
afterEach(async () => {
  await Promise.all(children.splice(0).map(async (child) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }))
})

async function startHolder(): Promise<{ readonly pid: number; readonly hold: (mib: number) => Promise<void> }> {
  const child = spawn(process.execPath, ['-e', HOLDER], { stdio: ['pipe', 'pipe', 'ignore'] })
  children.push(child)
  const hold = async (mib: number): Promise<void> => {
    const said = once(child.stdout, 'data')
    child.stdin.write(`${mib}\n`)
    await said
  }
  await hold(1)
  return { pid: child.pid ?? 0, hold }
}

onLinux('a sampler of trees', () => {
  it('finds what looking at everything anew would find, and follows what grows', async () => {
    const one = await startHolder()
    const roots = new Map([['one', one.pid], ['none', 2 ** 22 + 1]])
    const sampler = new TreeSampler()
    const read = async (): Promise<number> => (await sampler.sample(roots, LAZY)).get('one')?.memoryBytes ?? 0
    const before = await read()
    await one.hold(100)
    const grown = await read()
    expect(grown - before).toBeGreaterThan(90 * MIB)
    const exact = (await sampleTrees(roots)).get('one')
    expect(Math.abs(grown - (exact?.memoryBytes ?? 0))).toBeLessThan(5 * MIB)
    expect((await sampler.sample(roots, LAZY)).get('one')).toMatchObject({ processes: 1, cpuMs: expect.any(Number) })
    expect((await sampler.sample(roots, LAZY)).has('none')).toBe(false)
  })

  it('estimates when it may not look: by how much the process changed since it was looked into', async () => {
    const one = await startHolder()
    const roots = new Map([['one', one.pid]])
    const sampler = new TreeSampler()
    const read = async (budgetMs: number | null): Promise<number> => (await sampler.sample(roots, { budgetMs, maxAgeMs: 0 })).get('one')?.memoryBytes ?? 0
    const before = await read(null)
    await one.hold(100)
    const other = await startHolder()
    // The budget is used up by the process nobody has looked into yet.
    const both = new Map([['other', other.pid], ...roots])
    const estimated = (await sampler.sample(both, { budgetMs: 0, maxAgeMs: 0 })).get('one')?.memoryBytes ?? 0
    expect(estimated - before).toBeGreaterThan(90 * MIB)
    expect(estimated - before).toBeLessThan(115 * MIB)
  })

  it('looks into all of them in time, however little it may do at once', async () => {
    const holders = await Promise.all([startHolder(), startHolder(), startHolder()])
    const roots = new Map(holders.map(({ pid }, index) => [`h${index}`, pid]))
    const sampler = new TreeSampler()
    const exact = await sampleTrees(roots)
    await waitFor(async () => {
      const samples = await sampler.sample(roots, { budgetMs: 0, maxAgeMs: 3_600_000 })
      return [...samples].every(([name, { memoryBytes }]) => Math.abs(memoryBytes - (exact.get(name)?.memoryBytes ?? 0)) < 6 * MIB)
    })
  })

  it('forgets processes that are gone', async () => {
    const one = await startHolder()
    const sampler = new TreeSampler()
    expect((await sampler.sample(new Map([['one', one.pid]]), EXACT)).size).toBe(1)
    const [child] = children
    const gone = child === undefined ? null : once(child, 'exit')
    child?.kill('SIGKILL')
    await gone
    expect((await sampler.sample(new Map([['one', one.pid]]), EXACT)).size).toBe(0)
    expect((await sampler.sample(new Map(), EXACT)).size).toBe(0)
  })
})
