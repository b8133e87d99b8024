import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { readApplyParams } from '../../src/lib/control/index.js'
import { FULL_GRANT } from '../../src/lib/core/index.js'
import { createProject, problemsOf } from './config-support.js'

const ENV = { PATH: '/usr/bin', KAIROS_DB: 'outside-db', KAIROS_KEY: 'outside-key' }
const SERVERS = {
  db: { command: 'x', env: { URL: '${DB_URL:-plain}', LEVEL: 'info' }, dependsOn: 'files' },
  files: { command: 'y', tags: ['t'] },
  web: { url: 'http://h/mcp' },
}

it('a profile with variables and secrets has servers of its own, where they really differ', async () => {
  const profiles = { kairos: { servers: ['db', 'web'], tags: ['t'], env: { LEVEL: 'debug' }, secrets: { DB_URL: '${KAIROS_DB}' }, token: '${KAIROS_KEY}' }, plain: ['db'] }
  const { servers, settings, explained, source } = await createProject({ 'mcp.config.json': { servers: SERVERS, profiles } }).load({ env: ENV })
  expect(servers.map(({ name, traffic, dependsOn }) => [name, traffic.profile, traffic.membership?.group ?? null, dependsOn])).toEqual([
    ['db', null, null, ['files']], ['db@kairos', 'kairos', 'db', ['files@kairos']], ['files', null, null, []], ['files@kairos', 'kairos', 'files', []], ['web', null, null, []],
  ])
  expect(servers[0]?.launch?.env).toMatchObject({ URL: 'plain', LEVEL: 'info' })
  expect(servers[1]?.launch?.env).toMatchObject({ URL: 'outside-db', LEVEL: 'debug' })
  expect(settings.gateway.profiles).toEqual({ kairos: { servers: ['db', 'web'], tags: ['t'] }, plain: { servers: ['db'], tags: [] } })
  expect(settings.gateway.auth.keys).toEqual({ 'profile:kairos': { sha256: createHash('sha256').update('outside-key').digest('hex'), expiresAt: null, grant: { ...FULL_GRANT, profile: 'kairos' } } })
  expect(readApplyParams(JSON.parse(JSON.stringify({ source, settings, servers })))).toEqual({ source, settings, servers })
  expect(JSON.stringify([settings, explained])).not.toContain('outside-')
  expect(explained.settings.filter(({ field }) => field.startsWith('profiles.kairos.')).map(({ field, value }) => [field.slice(16), value])).toEqual([
    ['servers', ['db', 'web']], ['tags', ['t']], ['env.LEVEL', 'debug'], ['secrets.DB_URL', '***'], ['token', '***'],
  ])
})

it('a server that needs what only profiles have exists in them alone', async () => {
  const crm = { command: 'x', env: { KEY: '${CRM_KEY}' }, instances: 2 }
  const profiles = { a: { servers: ['crm'], secrets: { CRM_KEY: '1' } }, b: { servers: ['crm'], secrets: { CRM_KEY: '2' } } }
  const { servers } = await createProject({ 'mcp.config.json': { servers: { crm }, profiles } }).load()
  expect(servers.map(({ name, launch, traffic }) => [name, launch?.env['KEY'], traffic.profile, traffic.membership?.group])).toEqual([
    ['crm@a@1', '1', 'a', 'crm'], ['crm@a@2', '1', 'a', 'crm'], ['crm@b@1', '2', 'b', 'crm'], ['crm@b@2', '2', 'b', 'crm'],
  ])
})

it('what does not go is told with its place', async () => {
  const crm = { command: 'x', env: { KEY: '${CRM_KEY}' } }
  const fail = async (config: object) => problemsOf(await createProject({ 'mcp.config.json': config }).fail()).map(({ field, message }) => `${field}: ${message}`)
  expect(await fail({ servers: { crm }, profiles: { a: { servers: ['crm'], secrets: { CRM_KEY: '1' } }, b: ['crm'] } })).toEqual([expect.stringMatching(/^profiles\.b: .*has the server "crm", but not all values it needs: .*CRM_KEY/)])
  expect(await fail({ servers: { crm }, profiles: { a: ['crm'] } })).toEqual([expect.stringMatching(/^servers\.crm\.env\.KEY: .*CRM_KEY/)])
  expect(await fail({ servers: { crm, b: { command: 'x', dependsOn: 'crm' } }, profiles: { a: { servers: ['crm'], secrets: { CRM_KEY: '1' } } } })).toEqual([expect.stringMatching(/^servers\.b\.dependsOn: .*names "crm", which exists in profiles only/)])
  expect(await fail({ servers: SERVERS, profiles: { a: { servers: ['db'], secrets: { 'a-b': '1' } } } })).toEqual([expect.stringMatching(/is not a possible name in a reference/)])
  expect(await fail({ servers: SERVERS, profiles: { a: { servers: ['db'], token: 'two words' } } })).toEqual([expect.stringMatching(/^profiles\.a\.token: .*no HTTP header can carry/)])
})
