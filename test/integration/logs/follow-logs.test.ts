import { createHook } from 'node:async_hooks'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { followLogs, openServerLog, type FollowQuery, type ServerLog } from '../../../src/lib/logs/index.js'
import { waitFor } from '../../helpers/wait.js'

let base: string
let directory: string
let abort: AbortController
let running: Promise<void>[]
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mcpctl-follow-'))
  directory = join(base, 'logs')
  abort = new AbortController()
  running = []
})
afterEach(async () => {
  abort.abort()
  await Promise.all(running)
  rmSync(base, { recursive: true, force: true })
})

/** Follows in the background; the list fills as lines come. */
function follow(query: Partial<FollowQuery> = {}): string[] {
  const seen: string[] = []
  running.push((async () => {
    for await (const line of followLogs({ directory, names: ['web'], signal: abort.signal, tail: 0, ...query })) seen.push(line.text)
  })())
  return seen
}

function openLog(name = 'web', limits = { maxBytes: 1_000_000, keep: 3 }): ServerLog {
  return openServerLog({ directory, name, limits, now: Date.now })
}

async function say(log: ServerLog, ...texts: string[]): Promise<void> {
  for (const text of texts) log.write('err', Buffer.from(`${text}\n`), 1)
  await log.close()
}

describe('following logs', () => {
  it('shows the past that was asked for, then what is new, each line once', async () => {
    await say(openLog(), 'old', 'older', 'oldest')
    const seen = follow({ tail: 2 })
    await waitFor(() => seen.length === 2)
    await say(openLog(), 'new')
    await waitFor(() => seen.length === 3)
    expect(seen).toEqual(['older', 'oldest', 'new'])
  })

  it('shows each line once also when it is written while the past is read', async () => {
    const log = openLog()
    for (let number = 0; number < 5000; number++) log.write('err', Buffer.from(`${number}\n`), 1)
    await waitFor(() => existsSync(join(directory, 'web.log')))
    const seen: string[] = []
    running.push((async () => {
      for await (const line of followLogs({ directory, names: ['web'], signal: abort.signal })) seen.push(line.text)
    })())
    for (let number = 5000; number < 10_000; number++) {
      log.write('err', Buffer.from(`${number}\n`), 1)
      if (number % 500 === 0) await new Promise((done) => setTimeout(done, 5))
    }
    await log.close()
    await waitFor(() => seen.length >= 10_000)
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, number) => String(number)))
  })

  it('waits for files and folders that do not exist yet', async () => {
    const seen = follow({ tail: 10 })
    const everything = follow({ names: null, tail: 10 })
    await say(openLog(), 'first')
    await say(openLog('db'), 'second')
    await waitFor(() => seen.length === 1 && everything.length === 2)
    expect(everything).toEqual(['first', 'second'])
    expect(seen).toEqual(['first'])
  })

  it('loses nothing over many rotations at once, as long as the files are kept', async () => {
    await say(openLog('web', { maxBytes: 1000, keep: 50 }), 'start')
    const seen = follow({ tail: 1 })
    await waitFor(() => seen.length === 1)
    const log = openLog('web', { maxBytes: 1000, keep: 50 })
    const expected = ['start']
    for (let number = 0; number < 400; number++) {
      expected.push(`line ${number}`)
      log.write('err', Buffer.from(`line ${number}\n`), 1)
    }
    await log.close()
    expect(readdirSync(directory).length).toBeGreaterThan(10)
    await waitFor(() => seen.length >= expected.length)
    expect(seen).toEqual(expected)
  })

  it('goes on after the file was deleted, truncated or replaced, and after the folder was', async () => {
    const path = join(directory, 'web.log')
    await say(openLog(), 'one')
    const seen = follow({ tail: 10 })
    await waitFor(() => seen.length === 1)
    // Seen by the follower itself, and not in what was there before: it holds the file now, and its number is not given to another.
    await say(openLog(), 'first')
    await waitFor(() => seen.length === 2)
    unlinkSync(path)
    await say(openLog(), 'two and more than comes next')
    await waitFor(() => seen.length === 3)
    truncateSync(path)
    // Shorter than what was there: whoever looks only now sees the cut by that.
    await say(openLog(), 'three')
    await waitFor(() => seen.length === 4)
    renameSync(path, join(directory, 'elsewhere'))
    await say(openLog(), 'four')
    await waitFor(() => seen.length === 5)
    rmSync(directory, { recursive: true })
    await say(openLog(), 'five')
    await waitFor(() => seen.length === 6)
    await say(openLog(), 'six')
    await waitFor(() => seen.length === 7)
    expect(seen).toEqual(['one', 'first', 'two and more than comes next', 'three', 'four', 'five', 'six'])
  })

  it('shows a line only when it is complete, and only what matches', async () => {
    mkdirSync(directory)
    const stamp = new Date().toISOString()
    const write = (text: string) => appendFileSync(join(directory, 'web.log'), text)
    write(`${stamp} 1 err good morning\n${stamp} 1 err good on`)
    const seen = follow({ grep: /good/g, tail: 10 })
    await waitFor(() => seen.length === 1)
    write('e')
    write(`\n${stamp} 1 err bad\n${stamp} 1 err good two\n`)
    await waitFor(() => seen.length === 3)
    expect(seen).toEqual(['good morning', 'good one', 'good two'])
  })

  it('ends when it is aborted, and does next to nothing while nothing happens', async () => {
    await say(openLog(), 'one')
    const seen = follow({ tail: 1 })
    await waitFor(() => seen.length === 1)
    let rounds = 0
    // Each of its rounds begins with a timer; every second is enough.
    const hook = createHook({ init: (_id, type) => { if (type === 'Timeout') rounds++ } }).enable()
    await new Promise((done) => setTimeout(done, 500))
    hook.disable()
    expect(rounds).toBeLessThan(8)
    abort.abort()
    await Promise.all(running)
  })
})
