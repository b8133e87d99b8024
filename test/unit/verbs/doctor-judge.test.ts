import { describe, expect, it } from 'vitest'
import type { Alert } from '../../../src/lib/core/index.js'
import { runCheck } from '../../../src/lib/verbs/doctor-check.js'
import { judgePath } from '../../../src/lib/verbs/doctor-config.js'
import { checkNode, judgeDaemon, judgeDescriptors, judgeLimits } from '../../../src/lib/verbs/doctor-daemon.js'
import { ok } from '../../../src/lib/verbs/doctor-finding.js'
import { judgeClock, judgeDisk, judgePlace } from '../../../src/lib/verbs/doctor-home.js'
import { judgeServerPort, sharedPorts } from '../../../src/lib/verbs/doctor-network.js'
import { downOf, serverOf, snapshotOf } from './snapshot-fixture.js'

const MB = 1024 ** 2

describe('a place of ours', () => {
  const place = (mode: number, uid = 1000, wanted: 0o700 | 0o600 = 0o700) => judgePlace('/h/.mcp', { mode: 0o40000 | mode, uid }, wanted, 1000)

  it('is right when only its owner can get at it, or when it is not there', () => {
    expect(place(0o700)).toBeNull()
    expect(place(0o500)).toBeNull()
    expect(judgePlace('/h/.mcp', null, 0o700, 1000)).toBeNull()
  })

  it('that others can read deserves a warning, one that they can change is wrong; both can be mended', () => {
    expect(place(0o755)).toMatchObject({ state: 'warn', detail: '/h/.mcp has mode 0755: others can read it', fix: 'chmod 0700 /h/.mcp, or mcpctl doctor --fix', repair: { does: 'mode 0700 for /h/.mcp' } })
    expect(place(0o720)).toMatchObject({ state: 'fail', detail: expect.stringContaining('others can change it') as string })
    expect(place(0o666, 1000, 0o600)).toMatchObject({ state: 'fail', fix: expect.stringContaining('chmod 0600') as string })
  })

  it('of another user cannot be mended from here', () => {
    expect(place(0o700, 1001)).toMatchObject({ state: 'fail', detail: '/h/.mcp belongs to another user (uid 1001)', repair: null })
  })
})

describe('disk, clock, Node and descriptors', () => {
  it('say how much is left, and what to do when it is little', () => {
    expect(judgeDisk('/h', { freeBytes: 80_000 * MB, freeFiles: 1e6 })).toMatchObject({ state: 'ok', detail: '/h: 78 GB free' })
    expect(judgeDisk('/h', { freeBytes: 200 * MB, freeFiles: null }).state).toBe('warn')
    expect(judgeDisk('/h', { freeBytes: 3 * MB, freeFiles: null })).toMatchObject({ state: 'fail', fix: expect.stringContaining('/h') as string })
    expect(judgeDisk('/h', { freeBytes: 80_000 * MB, freeFiles: 2 })).toMatchObject({ state: 'fail', detail: '/h: no file can be made there any more (2 left)' })
  })

  it('notice a clock that was set back or never set', () => {
    const now = Date.UTC(2026, 5, 1)
    expect(judgeClock(now, now - 5000).state).toBe('ok')
    expect(judgeClock(now, now + 30_000).state).toBe('ok')
    expect(judgeClock(now, now + 120_000)).toMatchObject({ state: 'warn', detail: expect.stringContaining('it was set back') as string })
    expect(judgeClock(Date.UTC(1970, 0, 1), 0).state).toBe('fail')
  })

  it.each([['20.19.0', 'ok'], ['26.1.0', 'ok'], ['20.18.3', 'fail'], ['18.20.0', 'fail']])('Node %s: %s', (version, state) => expect(checkNode(version).state).toBe(state))

  it('count open files with the servers there are', () => {
    expect(judgeDescriptors(1024, 20).state).toBe('ok')
    expect(judgeDescriptors(256, 200)).toMatchObject({ state: 'warn', detail: '256 allowed, about 1240 needed for 200 servers' })
    expect(judgeDescriptors(Number.NaN, 3).state).toBe('ok')
  })
})

describe('the PATH of servers', () => {
  const judge = (folders: string[], login: string[], isRunning = true) => judgePath({ folders, login, isRunning, from: 'of the running server files', shell: '/bin/zsh' })

  it('is right when nothing of the login shell is missing, in any order and spelling', () => {
    expect(judge(['/usr/bin', '/opt/homebrew/bin/', '/x'], ['/opt/homebrew/bin', '/usr/bin/'])).toMatchObject({ state: 'ok', detail: '3 folders (of the running server files), all that zsh searches among them' })
  })

  it('names what is missing, and how servers come to it', () => {
    expect(judge(['/usr/bin'], ['/opt/homebrew/bin', '/usr/bin', '/home/me/.nvm/bin'])).toMatchObject({
      state: 'warn',
      detail: '2 folders that zsh searches at login are missing from the PATH of the running server files: /opt/homebrew/bin, /home/me/.nvm/bin',
      fix: expect.stringMatching(/^From a terminal: mcpctl restart\./) as string,
    })
    expect(judge(['/usr/bin'], Array.from({ length: 9 }, (_, index) => `/p${index}`)).detail).toMatch(/\/p5 and 3 more$/)
    expect(judge(['/usr/bin'], ['/x'], false).fix).toMatch(/^Start servers from a login shell/)
  })
})

describe('ports', () => {
  it('of a server that does not run must be free', () => {
    const port = { name: 'web', port: 8000 }
    const holder = { pid: 77, command: 'python app.py' }
    expect(judgeServerPort(port, null, null).state).toBe('ok')
    expect(judgeServerPort(port, { pid: 70, phase: 'ready' }, holder).state).toBe('ok')
    expect(judgeServerPort(port, { pid: null, phase: 'failed' }, holder)).toMatchObject({ state: 'fail', server: 'web', detail: 'web: port 8000, on which it is to listen, is held by pid 77 (python app.py)', fix: 'kill 77, or give web another port.' })
    expect(judgeServerPort(port, null, { pid: null, command: null })).toMatchObject({ state: 'fail', detail: expect.stringContaining('a process of another user') as string })
  })

  it('cannot be had by two servers', () => {
    expect(sharedPorts([{ name: 'a', port: 1 }, { name: 'b', port: 2 }])).toEqual([])
    expect(sharedPorts([{ name: 'a', port: 1 }, { name: 'b', port: 2 }, { name: 'c', port: 1 }])).toMatchObject([{ state: 'fail', detail: 'a and c are both to listen on port 1' }])
  })
})

describe('the daemon', () => {
  const alert = (kind: Alert['kind'], server: string | null): Alert => ({ kind, server, level: 'warning', text: `${kind} of ${server ?? 'all'}`, hint: 'mcpctl dash', since: null })

  it('fails with each server that is down, and tells it once', () => {
    const findings = judgeDaemon(snapshotOf(serverOf('a'), downOf('b', { phase: 'failed', desired: 'up', reason: 'exited with code 1' })), [alert('crash-loop', 'b'), alert('slow', 'a'), alert('unready', 'a'), alert('config', null)], '1.0.0')
    expect(findings.map(({ state, detail, fix, server }) => [state, detail, fix, server])).toEqual([
      ['ok', 'pid 1, 1 of 2 wanted servers ready', null, null],
      ['fail', 'b is failed: exited with code 1', 'mcpctl why b', 'b'],
      ['warn', 'slow of a', 'mcpctl dash', 'a'],
      ['warn', 'unready of a', 'mcpctl dash', 'a'],
    ])
  })

  it('of another version, without its port or with a refused configuration says what to do', () => {
    const snapshot = snapshotOf()
    const daemon = { ...snapshot.daemon, http: { url: null, trouble: 'port 7420 is taken' }, configs: [{ source: '/p/c.json', trouble: '1:1: a value is expected', watched: true }] }
    expect(judgeDaemon({ ...snapshot, daemon }, [], '2.0.0').slice(1)).toMatchObject([
      { state: 'warn', fix: 'mcpctl daemon restart' },
      { state: 'fail', detail: 'port 7420 is taken' },
      { state: 'fail', area: 'configuration', detail: '/p/c.json is not in effect: 1:1: a value is expected' },
    ])
  })
})

describe('limits', () => {
  const limits = { backend: 'poll', memory: 'polled', cpu: 'none', pids: 'none', notes: ['cgroup2: not delegated'] }
  it('that are only sampled say so, and for whom it matters', () => {
    expect(judgeLimits(limits, ['db'])).toMatchObject([{ state: 'warn', detail: 'poll: memory polled, cpu none, pids none (cgroup2: not delegated); it matters to db', fix: expect.stringContaining('Delegate=yes') as string }])
    expect(judgeLimits({ ...limits, backend: 'cgroup2', memory: 'tree', notes: [] }, ['db'])).toMatchObject([{ state: 'ok', detail: 'cgroup2: memory tree, cpu none, pids none' }])
  })
})

describe('a check', () => {
  it('that throws is a finding', async () => {
    expect(await runCheck({ area: 'disk', look: () => Promise.reject(new Error('no such device')) })).toMatchObject([{ area: 'disk', state: 'fail', detail: 'could not be checked: no such device' }])
    expect(await runCheck({ area: 'node', look: () => { throw new Error('at once') } })).toMatchObject([{ area: 'node', state: 'fail' }])
  })

  it('that does not come to an end is a finding too', async () => {
    expect(await runCheck({ area: 'path', look: () => new Promise(() => undefined) }, 5)).toMatchObject([{ area: 'path', state: 'fail', detail: 'could not be checked: no end within 0.005 s' }])
  })

  it('that answers in time is left alone', async () => {
    expect(await runCheck({ area: 'node', look: () => [ok('node', 'fine')] })).toEqual([ok('node', 'fine')])
  })
})
