import { describe, expect, it } from 'vitest'
import { ANONYMOUS, LOCAL, type Access } from '../../../src/lib/gateway/access.js'
import { createManagementTools } from '../../../src/lib/gateway/management-tools.js'
import type { AddedServer, ManagedServer, Management } from '../../../src/lib/gateway/management.js'
import { checkReach } from '../../../src/lib/gateway/reach.js'
import { McpctlError } from '../../../src/lib/errors/index.js'

const NOW = Date.UTC(2026, 0, 2)

function setup(allowCommands = false) {
  const all = new Map<string, ManagedServer>()
  const put = (name: string, more: Partial<ManagedServer> = {}): void => {
    all.set(name, { name, url: `http://localhost/${name}`, enabled: true, isAdded: true, health: 'healthy', lastCheck: NOW, toolCount: 2, errorCount: 0, lastError: null, ...more })
  }
  put('main')
  put('backup', { health: 'error', errorCount: 3, lastError: 'connection refused', toolCount: 0, lastCheck: null })
  const added: AddedServer[] = []
  const management: Management = {
    servers: () => [...all.values()],
    add: (server) => { added.push(server); put(server.name); return Promise.resolve() },
    remove: (name) => { all.delete(name); return Promise.resolve() },
    health: () => Promise.reject(new Error('not asked for')),
    switch: (name, isOn) => { put(name, { enabled: isOn, health: isOn ? 'healthy' : 'unknown' }); return Promise.resolve() },
  }
  const tools = createManagementTools({ management, version: '9.9.9', now: () => NOW, allowCommands: () => allowCommands, resolve: (host) => (host === 'nobody.example' ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve([{ address: host === 'inside.example' ? '10.0.0.5' : '93.184.216.34' }])) })
  const call = async (name: string, args: Record<string, unknown> = {}, caller: Access = LOCAL): Promise<Record<string, unknown>> => {
    const tool = tools.find(({ definition }) => definition['name'] === name)
    const result = await tool?.call(args, { access: caller, sight: null, steps: null })
    const structured = result?.['structuredContent'] as Record<string, unknown>
    expect(JSON.parse((result?.['content'] as { text: string }[])[0]?.text ?? '')).toEqual(structured)
    expect(result?.['isError']).toBe(structured['success'] !== true)
    return structured
  }
  return { call, added, tools }
}

describe('manage, proxy_status and proxy_health', () => {
  it('answer in the documented shape', async () => {
    const { call } = setup()
    const servers = [
      { name: 'main', url: 'http://localhost/main', enabled: true, health_status: 'healthy', last_check: '2026-01-02T00:00:00.000Z', tool_count: 2, error_count: 0, last_error: null },
      { name: 'backup', url: 'http://localhost/backup', enabled: true, health_status: 'error', last_check: null, tool_count: 0, error_count: 3, last_error: 'connection refused' },
    ]
    const counted = { total_count: 2, enabled_count: 2, healthy_count: 1 }
    expect(await call('manage', { operation: 'list' })).toEqual({ success: true, servers, ...counted })
    expect(await call('proxy_status')).toEqual({ success: true, proxy: { name: 'mcpctl', version: '9.9.9', timestamp: '2026-01-02T00:00:00.000Z' }, servers, ...counted })
    expect(await call('proxy_health')).toEqual({ success: true, servers, ...counted })
    expect(await call('proxy_health', { name: 'backup' })).toEqual({ success: true, server: servers[1], ...counted })
    expect(await call('manage', { operation: 'health', name: 'nope' })).toEqual({ success: false, error: 'Server "nope" not found', available_servers: ['main', 'backup'] })
  })

  it('add, disable, enable and remove', async () => {
    const { call, added } = setup()
    expect(await call('manage', { operation: 'add', name: 'third', url: 'http://localhost:8002/mcp' })).toMatchObject({ success: true, total_count: 3, server: { name: 'third' } })
    expect(added).toEqual([{ name: 'third', url: 'http://localhost:8002/mcp' }])
    expect(await call('manage', { operation: 'disable', name: 'main' })).toMatchObject({ success: true, enabled_count: 2, server: { enabled: false, health_status: 'unknown' } })
    expect(await call('manage', { operation: 'enable', name: 'main' })).toMatchObject({ success: true, enabled_count: 3 })
    expect(await call('manage', { operation: 'remove', name: 'third' })).toMatchObject({ success: true, total_count: 2 })
  })

  it.each([
    [{}, /operation/], [{ operation: 'explode' }, /operation/], [{ operation: 'remove' }, /name/], [{ operation: 'add', name: 'x' }, /"url" is needed/],
    [{ operation: 'add', name: 'MAIN', url: 'http://a.example/' }, /already/], [{ operation: 'add', name: '../x', url: 'http://a.example/' }, /"name"/],
    [{ operation: 'add', name: 'x', url: 'file:///etc/passwd' }, /http/], [{ operation: 'add', name: 'x', url: 'http://u:p@a.example/' }, /password/],
    [{ operation: 'add', name: 'x', command: 'rm' }, /only servers at a URL/],
    // What stands in a configuration is filled in when it is read: nobody may have files and variables sent somewhere.
    [{ operation: 'add', name: 'x', url: 'https://a.example/?x=${file:/etc/passwd}' }, /reference/], [{ operation: 'add', name: 'x', url: 'https://a.example/${HOME}' }, /reference/],
  ])('refuse %j', async (args, why) => {
    const { call, added } = setup()
    expect(await call('manage', args)).toMatchObject({ success: false, error: expect.stringMatching(why) })
    expect(added).toEqual([])
  })

  it('add commands where that is allowed', async () => {
    const { call, added, tools } = setup(true)
    expect(JSON.stringify(tools[0]?.definition)).toContain('"command"')
    await call('manage', { operation: 'add', name: 'x', command: 'node', args: ['a.js'] })
    expect(added).toEqual([{ name: 'x', command: 'node', args: ['a.js'] }])
  })

  it('say whether they change anything', () => {
    expect(setup().tools.map(({ definition }) => [definition['name'], (definition['annotations'] as Record<string, unknown>)['readOnlyHint']])).toEqual([['manage', false], ['proxy_status', true], ['proxy_health', true]])
  })

  it('keep callers from elsewhere away from what only this machine reaches', async () => {
    const { call, added } = setup()
    expect(await call('manage', { operation: 'add', name: 'x', url: 'http://127.0.0.1:8000/mcp' }, ANONYMOUS)).toMatchObject({ success: false, error: expect.stringMatching(/own networks/) })
    expect(await call('manage', { operation: 'add', name: 'y', url: 'https://mcp.example/mcp' }, ANONYMOUS)).toMatchObject({ success: true })
    expect(added.map(({ name }) => name)).toEqual(['y'])
  })
})

describe('the address of a server that somebody elsewhere adds', () => {
  const resolve = (host: string) => Promise.resolve([{ address: '93.184.216.34' }, ...(host === 'both.example' ? [{ address: '192.168.1.1' }] : [])])
  it.each([
    'http://localhost/', 'http://LOCALHOST./', 'http://x.localhost/', 'http://127.1/', 'http://2130706433/', 'http://0x7f.1/', 'http://0.0.0.0/', 'http://[::1]/', 'http://[::]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:a00:1]/',
    'http://10.1.2.3/', 'http://172.20.0.1/', 'http://192.168.0.1/', 'http://169.254.169.254/latest/meta-data', 'http://100.64.0.1/', 'http://[fd00::1]/', 'http://[fe80::1]/', 'http://[64:ff9b::7f00:1]/', 'http://[64:ff9b:1::a00:1]/', 'http://[fec0::1]/', 'http://printer.local/', 'http://metadata.google.internal/', 'http://both.example/',
  ])('must not be %s', async (url) => {
    await expect(checkReach(url, false, resolve)).rejects.toThrow(McpctlError)
    await expect(checkReach(url, true, resolve)).resolves.toBe(url)
  })

  it.each(['https://mcp.example/mcp', 'http://93.184.216.34:8000/', 'http://[2606:2800:220:1::1]/'])('may be %s', async (url) => {
    await expect(checkReach(url, false, resolve)).resolves.toBe(url)
  })
})
