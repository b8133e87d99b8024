import { describe, expect, test } from 'vitest'
import type { ProfileSpec } from '../../../src/lib/core/index.js'
import { waitFor } from '../../helpers/wait.js'
import { createRig } from './rig.js'

describe('a client in a profile', () => {
  test('sees and reaches what the profile has now, and is told of it', async () => {
    const look = { tools: [{ name: 'look', inputSchema: {} }], resources: [{ uri: 'note://crm', name: 'n' }] }
    const profiles: Record<string, ProfileSpec> = { kairos: { servers: ['crm', 'web'], tags: [] } }
    const rig = createRig({ crm: { catalogue: look }, web: { catalogue: { tools: look.tools } }, db: { catalogue: { tools: look.tools } } }, { profiles })
    const view = rig.gateway.viewOfProfile('kairos')
    if (view === null) throw new Error('there is the profile')
    const client = rig.client({ view })
    client.initialize()
    const names = (): string[] => ((client.answerTo(client.request('tools/list'))?.['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name))
    expect(names()).toEqual(['crm__look', 'web__look'])
    profiles['kairos'] = { servers: ['web', 'db'], tags: [] }
    rig.gateway.settingsChanged()
    await waitFor(() => client.heard.some(({ method }) => method === 'notifications/tools/list_changed'))
    expect(names()).toEqual(['web__look', 'db__look'])
    for (const [method, params] of [['tools/call', { name: 'crm__look' }], ['resources/read', { uri: 'note://crm' }]] as const) {
      expect(client.answerTo(client.request(method, params))).toMatchObject({ error: {} })
    }
    expect(rig.link('crm').passed).toEqual([])
    Reflect.deleteProperty(profiles, 'kairos')
    rig.gateway.settingsChanged()
    await rig.settle()
    expect(names()).toEqual([])
  })

  test('hears nothing more of a resource whose server was taken out, and again when it is back', async () => {
    const profiles: Record<string, ProfileSpec> = { kairos: { servers: ['crm'], tags: [] } }
    const rig = createRig({ crm: { catalogue: { resources: [{ uri: 'note://crm', name: 'n' }] } } }, { profiles })
    const view = rig.gateway.viewOfProfile('kairos') ?? rig.view('crm')
    const [legacy, modern] = [rig.client({ view }), rig.client({ view })]
    legacy.initialize()
    legacy.request('resources/subscribe', { uri: 'note://crm' })
    modern.modern('subscriptions/listen', { notifications: { resourceSubscriptions: ['note://crm'] } })
    await rig.settle()
    const heard = (): number[] => {
      rig.says('crm', 'notifications/resources/updated', { uri: 'note://crm' })
      return [legacy, modern].map((client) => client.heard.filter(({ method }) => method === 'notifications/resources/updated').length)
    }
    expect(heard()).toEqual([1, 1])
    profiles['kairos'] = { servers: [], tags: [] }
    rig.gateway.settingsChanged()
    expect(heard()).toEqual([1, 1])
    profiles['kairos'] = { servers: ['crm'], tags: [] }
    rig.gateway.settingsChanged()
    expect(heard()).toEqual([2, 2])
  })
})
