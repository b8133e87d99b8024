import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveHome, type Home } from '../../../src/lib/control/index.js'
import { createAudit } from '../../../src/lib/daemon/audit.js'
import type { ObservedCall } from '../../../src/lib/gateway/index.js'

const CALL: ObservedCall = {
  serial: 1, server: 'files', method: 'resources/read', target: 'https://user:pw123456@host/x?token=s3cret#y', session: 's1', caller: 'key:ci', era: 'modern',
  client: { name: 'c\n', version: '1' }, startedAt: 0, bytesIn: 10, traceparent: null, tracestate: null,
}
const END = { outcome: 'ok', durationMs: 1.6, bytesOut: 20, code: null } as const
let home: Home

beforeEach(() => { home = resolveHome({ MCP_HOME: mkdtempSync(join(tmpdir(), 'mcpctl-audit-')) }) })
afterEach(() => { rmSync(home.root, { recursive: true, force: true }) })

describe('the audit log', () => {
  it('says who called what and how it ended, and nothing of what was said', async () => {
    const audit = createAudit({ home, now: () => 0, isOn: () => true, isTaken: () => false })
    audit.observer.ended(CALL, END)
    audit.observer.refused?.({ method: 'tools/call', target: 'db__drop', session: 's1', caller: 'key:ci', client: null })
    audit.refused({ caller: null, address: '10.0.0.1', method: 'POST', path: '/mcp', status: 401, reason: 'unauthorised' })
    await audit.close()
    const time = '1970-01-01T00:00:00.000Z'
    expect(readFileSync(join(home.logs, 'audit.log'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
      { time, caller: 'key:ci', session: 's1', client: 'c\n 1', server: 'files', method: 'resources/read', target: 'https://host/x', outcome: 'ok', code: null, durationMs: 2, bytesIn: 10, bytesOut: 20 },
      { time, caller: 'key:ci', session: 's1', client: null, server: null, method: 'tools/call', target: 'db__drop', outcome: 'refused', code: 'unknown' },
      { time, caller: null, address: '10.0.0.1', method: 'POST', target: '/mcp', outcome: 'refused', code: 'unauthorised', status: 401 },
    ])
  })

  it('is not there while it is off, and keeps out of the way of a server of that name', async () => {
    let isOn = false
    const audit = createAudit({ home, now: () => 0, isOn: () => isOn, isTaken: () => true })
    audit.observer.ended(CALL, END)
    isOn = true
    audit.observer.ended(CALL, END)
    await audit.close()
    expect(readFileSync(join(home.logs, 'audit@.log'), 'utf8').trimEnd().split('\n')).toHaveLength(1)
  })

  it('survives a disk that refuses', async () => {
    mkdirSync(join(home.logs, 'audit.log'), { recursive: true })
    const audit = createAudit({ home, now: () => 0, isOn: () => true, isTaken: () => false })
    for (let count = 0; count < 10_000; count++) audit.observer.ended(CALL, END)
    await audit.close()
    expect(audit.trouble()).toContain('cannot be written')
  })
})
