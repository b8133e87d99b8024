import { describe, expect, it } from 'vitest'
import { mergeCatalogues, nearestTools } from '../../../src/lib/gateway/merge.js'
import { ALWAYS, member, namesOf, NONE, ON_COLLISION } from './merge-fixture.js'

describe('merging catalogues', () => {
  it('keeps the order of the servers, then of each server, and every field of a definition', () => {
    const read = { name: 'read', title: 'Read', inputSchema: { type: 'object', 'x-odd': [1, null] }, annotations: { readOnlyHint: true }, _meta: { a: 1 }, 'x-vendor': { deep: ['ü'] } }
    const merged = mergeCatalogues([member('b', { tools: [read, 'write'] }), member('a', { tools: ['zip', 'abc'] })], ALWAYS)
    expect(namesOf(merged.tools)).toEqual(['b__read', 'b__write', 'a__zip', 'a__abc'])
    expect(merged.tools[0]).toEqual({ ...read, name: 'b__read' })
    expect(Object.keys(merged.tools[0] ?? {})).toEqual(Object.keys(read))
    expect(merged.toolRoutes.get('b__read')).toEqual({ server: 'b', from: 'b', name: 'read', definition: read })
    expect(merged.warnings).toEqual([])
  })

  it('puts the server in front only of names that two servers use, tools and prompts apart', () => {
    const merged = mergeCatalogues([member('a', { tools: ['list', 'read'], prompts: ['list'] }), member('b', { tools: ['list'], prompts: ['ask'] })], ON_COLLISION)
    expect(namesOf(merged.tools)).toEqual(['a__list', 'read', 'b__list'])
    expect(namesOf(merged.prompts)).toEqual(['list', 'ask'])
  })

  it('gives a name to the first server when there are no prefixes, and says what is hidden', () => {
    const merged = mergeCatalogues([member('a', { tools: ['list'] }), member('b', { tools: ['list', 'own'] })], NONE)
    expect(namesOf(merged.tools)).toEqual(['list', 'own'])
    expect(merged.toolRoutes.get('list')?.server).toBe('a')
    expect(merged.warnings).toEqual(['the tool "list" of server "b" is hidden, because server "a" before it uses the same name and names get no prefix'])
  })

  it('never gives two tools one name, and leaves a name that needs no change to its owner', () => {
    const merged = mergeCatalogues([member('s', { tools: ['x y', 'x/y', 'x_y'] })], ALWAYS)
    const names = namesOf(merged.tools)
    expect(new Set(names).size).toBe(3)
    expect(merged.toolRoutes.get('s__x_y')?.name).toBe('x_y')
    expect(names[0]).toMatch(/^s__x_y_[a-z0-9]{7}$/)
    expect(merged.warnings).toHaveLength(2)
    expect(merged.warnings[0]).toContain(`the tool "x y" of server "s" is shown as ${JSON.stringify(names[0])}`)
  })

  it('tells a server with a separator in its name from another one with it in a tool', () => {
    const merged = mergeCatalogues([member('a', { tools: ['b__c'] }), member('a__b', { tools: ['c'] })], ALWAYS)
    expect(merged.toolRoutes.get('a__b__c')?.server).toBe('a')
    expect([...merged.toolRoutes.values()].map((route) => route.server)).toEqual(['a', 'a__b'])
  })

  it('keeps a shortened name whoever else is there', () => {
    const long = member('files', { tools: ['a_very_long_name_that_goes_on_and_on_until_no_client_would_take_it_any_more'] })
    const [alone] = namesOf(mergeCatalogues([long], ALWAYS).tools)
    const [, among] = namesOf(mergeCatalogues([member('other', { tools: ['one'] }), long], ALWAYS).tools)
    expect(alone).toBe(among)
    expect(alone).toMatch(/^files__a_very_long_name_.*_[a-z0-9]{7}$/)
    expect(String(alone)).toHaveLength(64)
  })

  it('leaves room for the tool when the server has the long name', () => {
    const [name] = namesOf(mergeCatalogues([member('s'.repeat(80), { tools: ['read_file'] })], ALWAYS).tools)
    expect(name).toMatch(/^s+__read_file_[a-z0-9]{7}$/)
  })

  it('shows, renames, redescribes and hides tools as the configuration says', () => {
    const traffic = { allow: ['read*', 'w*'], deny: ['*_all'], tools: { read: { name: 'open', description: 'Opens.' }, write: { enabled: false } } }
    const merged = mergeCatalogues([member('s', { traffic, tools: [{ name: 'read', description: 'old', more: 1 }, 'read_all', 'write', 'walk', 'delete'] })], ALWAYS)
    expect(merged.tools).toEqual([{ name: 's__open', description: 'Opens.', more: 1 }, { name: 's__walk' }])
    expect(merged.toolRoutes.get('s__open')).toMatchObject({ server: 's', name: 'read', definition: { description: 'old' } })
  })

  it('says when the configuration names a tool that the server does not have', () => {
    const merged = mergeCatalogues([member('s', { traffic: { deny: ['delte', 'x*'], tools: { constructor: { enabled: false } } }, tools: ['delete', 'toString'] })], ALWAYS)
    expect(namesOf(merged.tools)).toEqual(['s__delete', 's__toString'])
    expect(merged.warnings).toEqual(['2 tools of server "s" are named in the configuration, but the server has no such tool: "delte", "constructor"'])
  })

  it('keeps a renamed tool and its namesake apart', () => {
    const merged = mergeCatalogues([member('s', { traffic: { tools: { read: { name: 'write' } } }, tools: ['read', 'write'] })], NONE)
    expect([...merged.toolRoutes.values()].map((route) => route.name)).toEqual(['read', 'write'])
  })

  it('leaves out what has no usable name, and second entries, with a reason', () => {
    const merged = mergeCatalogues([member('s', { tools: [null, 'ok', { name: 7 }, ['x'], { name: '' }, 'ok'], prompts: [3] })], ALWAYS)
    expect(namesOf(merged.tools)).toEqual(['s__ok'])
    expect(merged.warnings).toEqual([
      '4 tools of server "s" are left out for want of a usable name: "#1", "#3", "#4" and 1 more',
      'the tool "ok" of server "s" is left out, because the server lists that name before',
      'the prompt "#1" of server "s" is left out for want of a usable name',
    ])
  })

  it('takes tasks off tools and hides tools that need them', () => {
    const merged = mergeCatalogues([member('s', { tools: [{ name: 'a', execution: { taskSupport: 'optional' } }, { name: 'b', execution: { taskSupport: 'required' } }] })], NONE)
    expect(merged.tools).toEqual([{ name: 'a' }])
    expect(merged.warnings).toEqual(['the tool "b" of server "s" is hidden, because tools that run as tasks only are not passed on'])
  })

  it('leaves URIs alone and gives a URI that two servers list to the first', () => {
    const merged = mergeCatalogues([member('a', { resources: [{ uri: 'x://1', size: 3 }, 'x://2'] }), member('b', { resources: ['x://2', 'x://3', {}] })], ALWAYS)
    expect(merged.resources).toEqual([{ uri: 'x://1', size: 3 }, { uri: 'x://2' }, { uri: 'x://3' }])
    expect([...merged.resourceOwners]).toEqual([['x://1', 'a'], ['x://2', 'a'], ['x://3', 'b']])
    expect(merged.warnings).toEqual(['the resource "x://2" of server "b" is hidden, because server "a" before it lists the same', 'the resource "#3" of server "b" is left out for want of a usable "uri"'])
  })

  it('finds the server whose template fits a URI, the one that says most first', () => {
    const merged = mergeCatalogues([member('any', { resourceTemplates: ['{+uri}', 'bad://{x'] }), member('db', { resourceTemplates: ['db://{table}/rows/{id}'] })], ALWAYS)
    expect(merged.templateOwner('db://users/rows/7')).toBe('db')
    expect(merged.templateOwner('db://users')).toBe('any')
    expect(merged.templateOwnerOf('db://{table}/rows/{id}')).toBe('db')
    expect(merged.templateOwnerOf('db://{other}')).toBeNull()
    expect(merged.warnings).toEqual([expect.stringContaining('the resource template "bad://{x" of server "any" is shown, but')])
    expect(mergeCatalogues([], ALWAYS).templateOwner('db://users')).toBeNull()
  })

  it('names the tools that may have been meant', () => {
    const merged = mergeCatalogues([member('files', { tools: ['read_file', 'write_file'] }), member('mem', { tools: ['read_graph'] })], ALWAYS)
    expect(nearestTools(merged, 'files__raed_file')).toContain('files__read_file')
    expect(nearestTools(merged, 'read_file')[0]).toBe('files__read_file')
    expect(nearestTools(merged, 'read_grahp')).toEqual(['mem__read_graph'])
    expect(nearestTools(merged, 'x'.repeat(100_000))).toEqual([])
  })

  it('takes time in proportion to the number of tools', () => {
    const servers = Array.from({ length: 400 }, (_, s) => member(`server-${s}`, { tools: Array.from({ length: 20 }, (_, t) => ({ name: `tool_number_${t}`, inputSchema: { type: 'object' } })) }))
    // Processor time: what else the machine does meanwhile says nothing.
    const timeOf = (count: number): number => {
      const times = Array.from({ length: 7 }, () => {
        const before = process.cpuUsage()
        expect(mergeCatalogues(servers.slice(0, count), ALWAYS).tools).toHaveLength(count * 20)
        const { user, system } = process.cpuUsage(before)
        return user + system
      })
      return Math.min(...times)
    }
    timeOf(400)
    // Four times as many: about four times as long; sixteen times if each tool were compared with all others.
    expect(timeOf(400) / timeOf(100)).toBeLessThan(11)
  })
})
