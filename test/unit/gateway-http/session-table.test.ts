import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Heartbeat } from '../../../src/lib/gateway/http/heartbeat.js'
import { ANONYMOUS } from '../../../src/lib/gateway/access.js'
import { SessionTable, type SessionPlace } from '../../../src/lib/gateway/http/session-table.js'
import { ALL, FakeGateway, FakeStore } from './fake-gateway.js'

const STATE = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: null, logLevel: null, subscriptions: [] }
const user = { sessionEnded: (): void => undefined }
const at = (path: string, access = ANONYMOUS): SessionPlace => ({ path, view: ALL, access })
let gateway: FakeGateway
let store: FakeStore
let table: SessionTable

beforeEach(() => {
  gateway = new FakeGateway()
  store = new FakeStore()
  table = new SessionTable({ gateway, store, view: ALL, log: () => undefined, settings: { host: '', port: null, token: null, allowedHosts: [], allowedOrigins: [], sse: false } }, new Heartbeat(), () => undefined)
})
afterEach(() => { table.close() })

function admit(path = '/mcp'): NonNullable<ReturnType<SessionTable['open']>> {
  const session = table.open(at(path))
  if (session === null) throw new Error('no room')
  const below = gateway.sessions.at(-1)
  if (below !== undefined) below.state = STATE
  table.admit(session)
  return session
}

describe('the table of sessions', () => {
  it('finds a session by its id, at its own place only', () => {
    const session = admit('/mcp/a')
    expect(session.id).toMatch(/^[A-Za-z0-9_-]{32}$/)
    expect(table.find(session.id, at('/mcp/a'))).toBe(session)
    expect(table.find(session.id, at('/mcp'))).toBeNull()
    expect(table.find('x'.repeat(32), at('/mcp'))).toBeNull()
  })

  it('ends what was not used for half an hour, and nothing else', () => {
    const [idle, used, open] = [admit(), admit(), admit()]
    open.join(user)
    for (let minute = 0; minute < 29; minute++) table.sweep(() => true)
    table.find(used.id, at('/mcp'))
    table.sweep(() => true)
    expect([idle.isClosed, used.isClosed, open.isClosed]).toEqual([true, false, false])
    expect(store.sessions.has(idle.id)).toBe(false)
    open.leave(user, table.now)
    for (let minute = 0; minute < 30; minute++) table.sweep(() => true)
    expect([open.isClosed, table.size]).toEqual([true, 0])
  })

  it('stores what a session has to be continued with, once for each change', () => {
    const session = admit()
    table.save(session)
    expect(store.saves).toBe(1)
    const below = gateway.sessions.at(-1)
    if (below !== undefined) below.state = { ...STATE, logLevel: 'debug' }
    table.save(session)
    expect(store.sessions.get(session.id)).toEqual({ path: '/mcp', caller: 'anonymous', state: { ...STATE, logLevel: 'debug' } })
  })

  it('continues a stored session, at its own place only', () => {
    const id = 'A'.repeat(32)
    store.sessions.set(id, { path: '/mcp', state: STATE })
    expect(table.find(id, at('/mcp/other'))).toBeNull()
    const session = table.find(id, at('/mcp'))
    expect([session?.id, gateway.sessions.at(-1)?.options.resume]).toEqual([id, STATE])
    expect(table.find(id, at('/mcp'))).toBe(session)
    expect(store.saves).toBe(0)
  })

  it('never asks the store for what cannot be an id', () => {
    const asked: string[] = []
    store.load = (id) => {
      asked.push(id)
      return null
    }
    for (const id of ['../../etc/passwd', '', 'a'.repeat(31), 'a'.repeat(33), `${'a'.repeat(31)}/`]) expect(table.find(id, at('/mcp'))).toBeNull()
    expect(asked).toEqual([])
  })

  it('makes room by ending the session that was idle longest, not one in use', () => {
    const [first, second] = [admit(), admit()]
    first.join(user)
    table.sweep(() => true)
    for (let n = 2; n < 10_000; n++) admit()
    expect(table.open(at('/mcp'))).not.toBeNull()
    expect([first.isClosed, second.isClosed]).toEqual([false, true])
    admit()
    expect(table.open(at('/mcp'))).toBeNull()
  })

  it('leaves the store alone when everything ends', () => {
    const session = admit()
    table.close()
    expect([session.isClosed, store.sessions.has(session.id)]).toEqual([true, true])
  })
})
