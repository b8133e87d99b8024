import { describe, expect, it } from 'vitest'
import type { DashData } from '../../../src/lib/tui/dash/model.js'
import { NOTHING_TOLD, tellChanges } from '../../../src/lib/tui/dash/plain.js'
import { alert, NOW, server, world } from './support.js'

const context = { look: { unicode: true }, now: NOW, isShown: () => true }

/** What is said at each step. */
function tell(...steps: DashData[]): string[][] {
  let told = NOTHING_TOLD
  return steps.map((data) => {
    const next = tellChanges(told, data, context)
    told = next.told
    return [...next.lines]
  })
}

describe('plain lines', () => {
  it('tell how everything is, then only what changes, in words', () => {
    const before = world({ servers: [server('db'), server('files')] })
    const after = world({ servers: [server('db', 'backoff', { reason: 'exited with code 1', retryAt: NOW + 12_000 }), server('files')], alerts: [alert('db', { text: 'db restarts often', hint: 'mcpctl why db' })] })
    expect(tell(before, before, after, before)).toEqual([
      ['connected to daemon 0.1.0: 2 servers, 2 ready, 1.2G of memory', 'db: ready', 'files: ready'],
      [],
      ['db: backoff, exited with code 1, retry in 12 seconds', 'alert: db restarts often (mcpctl why db)'],
      ['db: ready', 'no longer an alert: db crash-loop'],
    ])
  })

  it('do not tell again of a wait that runs down', () => {
    const data = world({ servers: [server('db', 'backoff', { reason: 'exited with code 1', retryAt: NOW + 12_000 })] })
    const { told } = tellChanges(NOTHING_TOLD, data, context)
    expect(tellChanges(told, data, { ...context, now: NOW + 5000 }).lines).toEqual([])
  })

  it('tell when the daemon goes and comes back, and what is different then', () => {
    const live = world({ servers: [server('db')] })
    const lost: DashData = { ...live, link: { state: 'lost', since: NOW, error: null } }
    expect(tell(live, lost, lost, world({ servers: [] })).slice(1)).toEqual([['disconnected from the daemon, retrying'], [], ['connected again', 'db: gone from the configuration']])
  })

  it('tell only of the servers that are meant', () => {
    const data = world({ servers: [server('db'), server('files')], alerts: [alert('db')] })
    const { lines } = tellChanges(NOTHING_TOLD, data, { ...context, isShown: (name) => name === 'files' })
    expect(lines).toEqual([expect.stringContaining('1 server') as string, 'files: ready'])
  })
})
