import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { numberOf } from '../../../src/lib/process/limits/cgroup-file.js'
import { findHeapFailure, withHeapOption } from '../../../src/lib/process/limits/heap.js'
import { launcherArgs } from '../../../src/lib/process/limits/launcher.js'
import { RefusalRow } from '../../../src/lib/process/limits/refusals.js'

const MIB = 1024 ** 2
const always = (): boolean => true
const never = (): boolean => false

describe('refused processes', () => {
  it('are the end of a server only when they go on for a second', () => {
    const row = new RefusalRow()
    const verdicts = Array.from({ length: 12 }, (_, look) => row.observe(look + 1, look * 150, never))
    expect(verdicts.indexOf(true)).toBe(7)
  })

  it('are forgiven when they come in bursts with calm in between', () => {
    const row = new RefusalRow()
    let count = 0
    for (let look = 0; look < 100; look++) {
      if (look % 12 < 4) count += 50
      expect(row.observe(count, look * 150, never)).toBe(false)
    }
  })

  it('are the end when a full group goes on asking, with pauses that grow, as shells do', () => {
    const row = new RefusalRow()
    const verdicts = Array.from({ length: 24 }, (_, look) => row.observe(look < 8 ? 64 : look < 20 ? 128 : 192, look * 150, always))
    expect(verdicts.indexOf(true)).toBe(8)
  })

  it('are not when a full group asks once in a while for what it can do without', () => {
    const row = new RefusalRow()
    for (let look = 0; look < 700; look++) expect(row.observe(Math.floor(look / 10), look * 150, always)).toBe(false)
  })

  it('may miss a look or two and still be one row', () => {
    const row = new RefusalRow()
    const counts = [1, 1, 1, 2, 2, 3, 4, 4, 5]
    expect(counts.map((count, look) => row.observe(count, look * 150, never)).at(-1)).toBe(true)
  })

  it('explain an exit only shortly after', () => {
    const row = new RefusalRow()
    expect(row.isRecent(0)).toBe(false)
    row.observe(3, 1000, never)
    expect(row.isRecent(3500)).toBe(true)
    expect(row.isRecent(4500)).toBe(false)
  })
})

describe('a process that gave up for want of memory', () => {
  const v8 = ['<--- Last few GCs --->', 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory', ...Array.from({ length: 20 }, (_, i) => `${i}: 0xb7a940 node::Abort() [node]`), '']

  it.each([
    ['Node', { code: null, signal: 'SIGABRT' }, v8],
    ['Node below a shell', { code: 134, signal: null }, [...v8, 'Aborted']],
    ['Python', { code: 1, signal: null }, ['Traceback (most recent call last):', '  File "x.py", line 1', 'MemoryError']],
    ['C++', { code: null, signal: 'SIGABRT' }, ["terminate called after throwing an instance of 'std::bad_alloc'", '  what():  std::bad_alloc']],
    ['Go', { code: 2, signal: null }, ['fatal error: runtime: out of memory', '', ...Array.from({ length: 15 }, () => 'goroutine 1 [running]:')]],
    ['Java', { code: 1, signal: null }, ['Exception in thread "main" java.lang.OutOfMemoryError: Java heap space']],
    ['Rust', { code: null, signal: 'SIGABRT' }, ['memory allocation of 1073741824 bytes failed']],
  ])('is recognised by its last words: %s', (_who, exit, lines) => {
    expect(findHeapFailure(exit, lines, 200 * MIB)).toEqual({ cause: 'heap', reason: 'ran out of memory under its limit of 200 MiB' })
  })

  it('is not seen in a good end, in a signal from outside, or in what was said long before', () => {
    expect(findHeapFailure({ code: 0, signal: null }, v8, MIB)).toBeNull()
    expect(findHeapFailure({ code: null, signal: 'SIGTERM' }, v8, MIB)).toBeNull()
    expect(findHeapFailure({ code: 1, signal: null }, ['MemoryError', 'recovered', 'going on', 'cannot open the database', 'exit'], MIB)).toBeNull()
    expect(findHeapFailure({ code: 1, signal: null }, [], MIB)).toBeNull()
  })
})

describe('the size of the heap', () => {
  it('is three quarters of the limit for Node, behind what NODE_OPTIONS says already', () => {
    expect(withHeapOption({ file: '/usr/bin/node', args: [], env: {} }, 200 * MIB)).toEqual({ NODE_OPTIONS: '--max-old-space-size=150' })
    expect(withHeapOption({ file: '/usr/bin/node', args: [], env: { NODE_OPTIONS: '--no-warnings' } }, 200 * MIB)).toEqual({ NODE_OPTIONS: '--no-warnings --max-old-space-size=150' })
  })

  it('is left alone where it is set, and for other programs', () => {
    const set = { NODE_OPTIONS: '--max_old_space_size=64' }
    expect(withHeapOption({ file: '/usr/bin/node', args: [], env: set }, MIB)).toBe(set)
    const env = {}
    expect(withHeapOption({ file: '/usr/bin/node', args: ['--max-old-space-size=64', 'x.js'], env }, MIB)).toBe(env)
    expect(withHeapOption({ file: '/usr/bin/python3', args: ['x.py'], env }, MIB)).toBe(env)
  })

  it('is set for a script that asks for Node in its first line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'limits-heap-'))
    const file = join(folder, 'server')
    writeFileSync(file, '#!/usr/bin/env node\n')
    expect(withHeapOption({ file, args: [], env: {} }, 100 * MIB)).toEqual({ NODE_OPTIONS: '--max-old-space-size=75' })
    rmSync(folder, { recursive: true })
  })
})

describe('the launcher', () => {
  it('takes every value as an argument and gives the server no variable of its own', () => {
    const args = launcherArgs({ joins: ['/sys/fs/cgroup/a b'], dataKib: 1024, prefix: { file: 'x', args: [], env: { BUS: '1' } } }, { file: '/bin/x', args: ['--', '$HOME', '"'], env: { PWD: '/' } })
    expect(args[0]).toBe('-c')
    expect(args.slice(2)).toEqual(['mcpctl-launch', 'join=/sys/fs/cgroup/a b', 'data=1024', 'unset=OLDPWD', 'unset=SHLVL', 'unset=_', 'unset=INVOCATION_ID', 'unset=BUS', '--', '/bin/x', '--', '$HOME', '"'])
  })
})

describe('a counter of the kernel', () => {
  it('is found by its whole name', () => {
    const text = 'low 0\noom 3\noom_kill 2\noom_group_kill 1\n'
    expect([numberOf(text, 'oom'), numberOf(text, 'oom_kill'), numberOf(text, 'kill'), numberOf('', 'oom')]).toEqual([3, 2, 0, 0])
    expect(numberOf('max 307\n', 'max')).toBe(307)
  })
})
