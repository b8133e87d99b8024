import { createHook } from 'node:async_hooks'
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'vitest'
import { watchConfig, type ConfigWatcher, type WatchOptions } from '../../src/lib/config/index.js'
import { waitFor } from '../helpers/wait.js'

interface Rig {
  readonly calls: number[]
  readonly watcher: () => ConfigWatcher
  readonly at: (name: string) => string
  readonly write: (name: string, text: string) => void
  /** Watches, and proves that it does: the watch stands when a change of a file of its own is noticed. */
  readonly watchAll: (...names: string[]) => Promise<void>
  /** As many calls and not one more. */
  readonly expectCalls: (times: number) => Promise<void>
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** So long after a call a second one would have come. */
const SETTLED_MS = 500

/** For what a test does in steps: on a busy machine it may itself pause in the middle of what is to be one save. */
const PATIENT = { quietMs: 1000, mostMs: 30_000 }

/** A folder and a watcher of one test alone: the tests mostly wait, so they run at the same time. */
function open({ expect, onTestFinished }: TestContext, timing: Pick<WatchOptions, 'quietMs' | 'mostMs'> = {}): Rig {
  const settledMs = SETTLED_MS + (timing.quietMs ?? 0)
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mcpctl-watch-')))
  const calls: number[] = []
  const troubles: string[] = []
  let watcher: ConfigWatcher | null = null
  onTestFinished(async () => {
    await watcher?.close()
    rmSync(folder, { recursive: true, force: true })
    expect(troubles).toEqual([])
  })
  const at = (name: string): string => join(folder, name)
  return {
    calls,
    at,
    write: (name, text) => writeFileSync(at(name), text),
    watcher: () => {
      if (!watcher) throw new Error('nothing is watched yet')
      return watcher
    },
    watchAll: async (...names) => {
      const probe = at('.probe')
      writeFileSync(probe, '0')
      watcher = watchConfig({ ...timing, files: [...names.map(at), probe], onChange: () => void calls.push(performance.now()), onTrouble: (message) => void troubles.push(message) })
      let count = 0
      await waitFor(() => {
        if (calls.length > 0) return true
        writeFileSync(probe, String(++count))
        return false
      }, { pollMs: 300 + (timing.quietMs ?? 0), timeoutMs: 25_000 })
      // Of the last of these writes nobody needs to hear.
      watcher.update(names.map(at))
      await pass(settledMs)
      calls.length = 0
    },
    expectCalls: async (times) => {
      if (times > 0) await waitFor(() => calls.length >= times, { timeoutMs: 25_000, what: `${times} calls, so far ${calls.length}` })
      await pass(settledMs)
      expect(calls).toHaveLength(times)
    },
  }
}

describe.concurrent('a change is told once', () => {
  it('when a file is written in place', async (context) => {
    const { write, watchAll, expectCalls } = open(context)
    write('a.json', '{}')
    await watchAll('a.json')
    write('a.json', '{ "a": 1 }')
    await expectCalls(1)
    write('a.json', '{ "a": 2 }')
    await expectCalls(2)
  })

  it('when an editor writes another file and renames it over the old one, again and again', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    write('a.json', '{}')
    await watchAll('a.json')
    for (let round = 1; round <= 3; round++) {
      write('a.json.tmp', `{ "round": ${round} }`)
      renameSync(at('a.json.tmp'), at('a.json'))
      await expectCalls(round)
    }
  })

  it('when an editor renames the old one to a backup and writes a new one', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    write('a.json', '{}')
    await watchAll('a.json')
    renameSync(at('a.json'), at('a.json~'))
    write('a.json', '{ "new": 1 }')
    await expectCalls(1)
    write('a.json', '{ "new": 2 }')
    await expectCalls(2)
  })

  it('when it is saved twice in a moment, and when several files change together', async (context) => {
    const { write, watchAll, expectCalls } = open(context)
    write('a.json', '1')
    write('b.json', '1')
    await watchAll('a.json', 'b.json')
    write('a.json', '2')
    write('a.json', '3')
    write('b.json', '2')
    await expectCalls(1)
  })

  it('when it is written in pieces, after the last one', async (context) => {
    const { at, write, watchAll, expectCalls, calls } = open(context, PATIENT)
    write('a.json', '{}')
    await watchAll('a.json')
    truncateSync(at('a.json'), 0)
    for (const piece of ['{ "a"', ': ', '1 ', '}']) {
      await pass(80)
      appendFileSync(at('a.json'), piece)
    }
    const writtenAt = performance.now()
    await expectCalls(1)
    context.expect(calls[0]).toBeGreaterThanOrEqual(writtenAt)
  })

  it('when it is truncated and filled only after a while', async (context) => {
    const { at, write, watchAll, expectCalls, calls } = open(context, { mostMs: 30_000 })
    write('a.json', '{}')
    await watchAll('a.json')
    truncateSync(at('a.json'), 0)
    await pass(1000)
    write('a.json', '{ "a": 1 }')
    const writtenAt = performance.now()
    await expectCalls(1)
    context.expect(calls[0]).toBeGreaterThanOrEqual(writtenAt)
  })

  it('when it is deleted and written again after a while', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context, { mostMs: 30_000 })
    write('a.json', '{}')
    await watchAll('a.json')
    rmSync(at('a.json'))
    await pass(1000)
    write('a.json', '{ "a": 1 }')
    await expectCalls(1)
  })

  it('every two seconds when it is edited a hundred times a second, the last edit included', async (context) => {
    const quietMs = 500
    const { write, watchAll, calls } = open(context, { quietMs })
    write('a.json', '0')
    await watchAll('a.json')
    const startedAt = performance.now()
    const writes = [startedAt]
    while (performance.now() - startedAt < 3000) {
      write('a.json', String(writes.length))
      writes.push(performance.now())
      await pass(10)
    }
    const endedAt = writes.at(-1) ?? 0
    await waitFor(() => calls.some((time) => time > endedAt), { timeoutMs: 25_000 })
    await pass(quietMs + SETTLED_MS)
    // On a busy machine the writer itself may come to a halt, which rightly counts as the end of a burst.
    const pauses = writes.filter((time, index) => time - (writes[index - 1] ?? time) > quietMs / 2).length
    context.expect(calls.length).toBeGreaterThanOrEqual(2)
    context.expect(calls.length).toBeLessThanOrEqual(3 + pauses)
    if (pauses === 0) context.expect(calls[0]).toBeGreaterThan(startedAt + 1900)
  })

  it('when it is deleted for good, and once more when it comes back', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    write('a.json', '{}')
    await watchAll('a.json')
    rmSync(at('a.json'))
    await expectCalls(1)
    write('a.json', '{}')
    await expectCalls(2)
  })
})

describe.concurrent('nothing is told', () => {
  it('of a file that was touched, rewritten as it was, or deleted and restored', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context, { mostMs: 30_000 })
    write('a.json', '{}')
    await watchAll('a.json')
    utimesSync(at('a.json'), new Date(), new Date())
    await pass(300)
    write('a.json', '{}')
    await pass(300)
    copyFileSync(at('a.json'), at('saved'))
    rmSync(at('a.json'))
    await pass(300)
    renameSync(at('saved'), at('a.json'))
    await expectCalls(0)
    write('a.json', '{ "a": 1 }')
    await expectCalls(1)
  })

  it('of other files in the same folder', async (context) => {
    const { write, watchAll, expectCalls } = open(context)
    write('a.json', '{}')
    await watchAll('a.json', 'missing.json')
    for (let count = 0; count < 20; count++) write(`other-${count}.json`, String(count))
    await expectCalls(0)
  })

  it('after the watcher was closed', async (context) => {
    const { write, watchAll, expectCalls, watcher } = open(context)
    write('a.json', '{}')
    await watchAll('a.json')
    write('a.json', '1')
    await watcher().close()
    await expectCalls(0)
  })
})

describe.concurrent('a file that is not a plain one in a plain folder', () => {
  it('is noticed when it is missing at first, its folder too', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    await watchAll('one/two/a.json')
    mkdirSync(at('one'))
    await pass(300)
    mkdirSync(at('one/two'))
    await pass(300)
    write('one/two/a.json', '{}')
    await expectCalls(1)
  })

  it('is noticed when its folder comes while the watch is being set up, at whatever moment', async (context) => {
    const { at } = open(context)
    const moments = Array.from({ length: 24 }, (_, index) => index)
    const seen = new Set<number>()
    const watchers = await Promise.all(moments.map(async (moment) => {
      const watcher = watchConfig({ files: [at(`${moment}/a.json`)], onChange: () => void seen.add(moment), onTrouble: () => undefined })
      for (let turn = 0; turn < moment; turn++) await new Promise((resolve) => setImmediate(resolve))
      mkdirSync(at(String(moment)))
      return watcher
    }))
    await pass(1500)
    for (const moment of moments) writeFileSync(at(`${moment}/a.json`), '{}')
    await waitFor(() => seen.size === moments.length, { timeoutMs: 15_000 }).catch(() => undefined)
    context.expect([...seen].sort((a, b) => a - b)).toEqual(moments)
    await Promise.all(watchers.map((watcher) => watcher.close()))
  })

  it('is noticed when its whole folder is removed and put back', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    mkdirSync(at('conf'))
    write('conf/a.json', '{}')
    await watchAll('conf/a.json')
    rmSync(at('conf'), { recursive: true })
    await expectCalls(1)
    mkdirSync(at('conf'))
    await pass(300)
    rmSync(at('conf'), { recursive: true })
    mkdirSync(at('conf'))
    write('conf/a.json', '{ "a": 1 }')
    await expectCalls(2)
  })

  it('is noticed behind the links of a mounted volume whose inner link is swapped', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    for (const [version, text] of [['v1', '1'], ['v2', '2'], ['v3', '3']] as const) {
      mkdirSync(at(version))
      write(`${version}/a.json`, text)
    }
    symlinkSync('v1', at('..data'))
    symlinkSync('..data/a.json', at('a.json'))
    await watchAll('a.json')
    for (const [round, version] of ['v2', 'v3'].entries()) {
      symlinkSync(version, at('..data_tmp'))
      renameSync(at('..data_tmp'), at('..data'))
      await expectCalls(round + 1)
    }
    write('v3/a.json', 'in place')
    await expectCalls(3)
    write('v1/a.json', 'nobody leads here any more')
    await expectCalls(3)
  })

  it('is noticed when a link to it dangles at first', async (context) => {
    const { at, write, watchAll, expectCalls } = open(context)
    symlinkSync('real/a.json', at('a.json'))
    await watchAll('a.json')
    mkdirSync(at('real'))
    write('real/a.json', '{}')
    await expectCalls(1)
  })
})

describe.concurrent('another list of files', () => {
  it('takes the place of the old one, and a change of a file that stays is not lost', async (context) => {
    const { at, write, watchAll, expectCalls, watcher } = open(context)
    write('a.json', '1')
    write('b.json', '1')
    write('c.json', '1')
    await watchAll('a.json', 'b.json')
    write('a.json', '2')
    watcher().update([at('a.json'), at('c.json')])
    await expectCalls(1)
    write('b.json', '2')
    await expectCalls(1)
    write('c.json', '2')
    await expectCalls(2)
  })

  it('tells of a new file that was deleted since it was read', async (context) => {
    const { at, write, watchAll, expectCalls, watcher } = open(context)
    write('a.json', '1')
    await watchAll('a.json')
    watcher().update([at('a.json'), at('b.json')], Date.now())
    await expectCalls(1)
    watcher().update([at('a.json'), at('b.json'), at('c.json')])
    await expectCalls(1)
  })

  it('takes a file that was not there when the others were read for no news, until it comes', async (context) => {
    const { at, write, watchAll, expectCalls, watcher } = open(context)
    write('a.json', '1')
    await watchAll('a.json')
    const since = Date.now()
    await pass(50)
    watcher().update([at('a.json'), at('b.json')], since, [at('b.json')])
    await expectCalls(0)
    write('b.json', '1')
    await expectCalls(1)
  })

  it('tells of a new file that changed since it was read', async (context) => {
    const { at, write, watchAll, expectCalls, watcher } = open(context)
    write('a.json', '1')
    await watchAll('a.json')
    const since = Date.now()
    await pass(50)
    write('b.json', 'written after the configuration was loaded')
    watcher().update([at('a.json'), at('b.json')], since)
    await expectCalls(1)
    write('c.json', '1')
    await pass(50)
    watcher().update([at('a.json'), at('b.json'), at('c.json')], Date.now())
    await expectCalls(1)
  })
})

it('does nothing at all while nothing happens', async (context) => {
  const { at, write, watchAll } = open(context)
  write('a.json', '{}')
  symlinkSync('a.json', at('link.json'))
  await watchAll('a.json', 'link.json', 'missing.json')
  let looks = 0
  // Whatever it does by itself begins with a look at a file.
  const hook = createHook({ init: (_id, type) => { if (/^(FSREQ|STATWATCHER)/.test(type)) looks++ } }).enable()
  await pass(1000)
  hook.disable()
  context.expect(looks).toBe(0)
  context.expect(process.getActiveResourcesInfo().filter((type) => type === 'StatWatcher')).toEqual([])
})
