import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ControlClient, ControlEvent } from '../../../src/lib/control/index.js'
import type { Phase, ServerSnapshot } from '../../../src/lib/core/index.js'
import { judgeStart, watchServers, type Verdict, type Watch } from '../../../src/lib/verbs/watch.js'
import { downOf, serverOf, snapshotOf } from './snapshot-fixture.js'

const among = (...servers: readonly ServerSnapshot[]): ReadonlyMap<string, ServerSnapshot> => new Map(servers.map((server) => [server.name, server]))

describe('a start', () => {
  it.each<[Phase, Verdict]>([
    ['ready', 'good'],
    ['failed', 'bad'],
    ['exited', 'bad'],
    ['backoff', 'bad'],
    ['unready', 'bad'],
    ['idle', 'bad'],
    ['starting', 'open'],
    ['stopping', 'open'],
    ['waiting', 'open'],
  ])('in the phase %s is %s', (phase, verdict) => {
    expect(judgeStart(serverOf('a', { phase }), new Map())).toBe(verdict)
  })

  it('of a server that is gone has failed', () => {
    expect(judgeStart(undefined, new Map())).toBe('bad')
  })

  it('that waits is lost as soon as something it depends on is, however far away', () => {
    const a = serverOf('a', { phase: 'waiting', dependsOn: ['b'] })
    const b = serverOf('b', { phase: 'waiting', dependsOn: ['c'] })
    expect(judgeStart(a, among(a, b, serverOf('c', { phase: 'starting' })))).toBe('open')
    expect(judgeStart(a, among(a, b, serverOf('c')))).toBe('open')
    expect(judgeStart(a, among(a, b, downOf('c', { phase: 'failed' })))).toBe('bad')
    expect(judgeStart(a, among(a, b))).toBe('bad')
  })
})

interface Stage {
  readonly watch: Watch
  readonly changes: string[]
  emit(event: ControlEvent): void
  server(server: ServerSnapshot): void
  hangUp(): void
}

function openWatch(timeoutMs: number | null = null, signal = new AbortController().signal): Stage {
  let emit: (event: ControlEvent) => void = () => undefined
  let hangUp: () => void = () => undefined
  const client = {
    subscribe: (onEvent: (event: ControlEvent) => void) => {
      emit = onEvent
      return new Promise<void>((resolve) => (hangUp = resolve))
    },
  } as unknown as ControlClient
  const changes: string[] = []
  const watch = watchServers(client, { judge: judgeStart, onChange: (server) => changes.push(`${server.name} ${server.phase}`), signal, timeoutMs })
  return { watch, changes, emit: (event) => emit(event), server: (server) => emit({ type: 'server', time: 0, previous: null, server }), hangUp: () => hangUp() }
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol('pending')
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('a watch', () => {
  afterEach(() => vi.useRealTimers())

  it('is done when every server it was told of has come to a verdict', async () => {
    const stage = openWatch()
    stage.emit({ type: 'snapshot', snapshot: snapshotOf(serverOf('a', { phase: 'starting' }), serverOf('b', { phase: 'starting' }), serverOf('other', { phase: 'starting' })) })
    stage.watch.begin(['a', 'b'])
    stage.server(serverOf('a'))
    expect(await isSettled(stage.watch.done)).toBe(false)
    stage.server(downOf('b', { phase: 'failed' }))
    expect(await stage.watch.done).toBe('done')
    expect(stage.changes).toEqual(['a ready', 'b failed'])
  })

  it('judges nothing before it is told what: an old failure is not the new one', async () => {
    const stage = openWatch()
    stage.emit({ type: 'snapshot', snapshot: snapshotOf(downOf('a', { phase: 'failed' })) })
    expect(await isSettled(stage.watch.done)).toBe(false)
    stage.server(serverOf('a', { phase: 'starting' }))
    stage.watch.begin(['a'])
    expect(await isSettled(stage.watch.done)).toBe(false)
    stage.server(serverOf('a'))
    expect(await stage.watch.done).toBe('done')
  })

  it('keeps a verdict, though the server is tried again meanwhile', async () => {
    const stage = openWatch()
    stage.emit({ type: 'snapshot', snapshot: snapshotOf(serverOf('a', { phase: 'starting' }), serverOf('b', { phase: 'starting' })) })
    stage.watch.begin(['a', 'b'])
    stage.server(downOf('a', { phase: 'backoff' }))
    stage.server(serverOf('a', { phase: 'starting' }))
    stage.server(serverOf('b'))
    expect(await stage.watch.done).toBe('done')
    expect(stage.watch.servers.get('a')?.phase).toBe('starting')
  })

  it('waits again for a server that was ready and is being restarted by somebody else', async () => {
    const stage = openWatch()
    stage.emit({ type: 'snapshot', snapshot: snapshotOf(serverOf('a', { phase: 'starting' }), serverOf('b', { phase: 'starting' })) })
    stage.watch.begin(['a', 'b'])
    stage.server(serverOf('b'))
    stage.server(serverOf('b', { phase: 'starting' }))
    stage.server(serverOf('a'))
    expect(await isSettled(stage.watch.done)).toBe(false)
    stage.server(serverOf('b'))
    expect(await stage.watch.done).toBe('done')
  })

  it('counts a server that is taken away as failed', async () => {
    const stage = openWatch()
    stage.emit({ type: 'snapshot', snapshot: snapshotOf(serverOf('a', { phase: 'starting' })) })
    stage.watch.begin(['a'])
    stage.emit({ type: 'removed', time: 0, name: 'a' })
    expect(await stage.watch.done).toBe('done')
    expect(stage.watch.servers.has('a')).toBe(false)
  })

  it('ends when the daemon goes, when it is interrupted, and when it is closed', async () => {
    const lost = openWatch()
    lost.hangUp()
    expect(await lost.watch.done).toBe('lost')
    const abort = new AbortController()
    const interrupted = openWatch(null, abort.signal)
    abort.abort()
    expect(await interrupted.watch.done).toBe('aborted')
    const closed = openWatch()
    closed.watch.close()
    expect(await closed.watch.done).toBe('aborted')
  })

  it('ends when its time is up, and not before', async () => {
    vi.useFakeTimers()
    const stage = openWatch(5_000)
    stage.watch.begin(['a'])
    const judged = openWatch(5_000)
    judged.emit({ type: 'snapshot', snapshot: snapshotOf(serverOf('a')) })
    judged.watch.begin(['a'])
    stage.emit({ type: 'snapshot', snapshot: snapshotOf(serverOf('a', { phase: 'starting' })) })
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await judged.watch.done).toBe('done')
    expect(vi.getTimerCount()).toBe(0)
  })
})
