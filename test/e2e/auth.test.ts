import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { run, runOk, start } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { exchange, HttpSession, postModern, type HttpResponse } from './gateway-http.js'
import { fixture, useHome } from './support.js'

const homeOf = useHome()
const SECRETS = {
  GATE: 'canary-gate-5c1f7d', CI: 'canary-ci-key-81b2', JWT: 'canary-jwt-secret-0123456789abcdef', UPSTREAM: 'canary-upstream-77aa', PASSWORD: 'canary-password-3e9c',
}

function token(): string {
  const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${b64({ alg: 'HS256' })}.${b64({ sub: 'alice', exp: Math.floor(Date.now() / 1000) + 600 })}`
  return `${text}.${createHmac('sha256', SECRETS.JWT).update(text).digest('base64url')}`
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

function toolsOf(response: HttpResponse): unknown {
  return (response.messages()[0]?.result as { tools?: { name: string }[] } | undefined)?.tools?.map(({ name }) => name)
}

it('lets in who may come in, shows each what is his, and writes no secret anywhere', async () => {
  const home = homeOf()
  const port = await freePort()
  const url = `http://127.0.0.1:${String(port)}/mcp`
  const record = join(home.base, 'files.record')
  const sent: string[] = []
  const upstream = createServer((req, res) => {
    sent.push(JSON.stringify([req.url, req.rawHeaders]))
    res.writeHead(500).end()
  })
  await new Promise<void>((resolve) => { upstream.listen(0, '127.0.0.1', resolve) })
  const { port: remote } = upstream.address() as AddressInfo
  home.config({
    files: { ...fixture('mcp-talkative.mjs', '--name', 'files'), env: { TALK_RECORD: record, DB_PASSWORD: '${PASSWORD}' } },
    db: { ...fixture('mcp-talkative.mjs', '--name', 'db', '--tools', 'echo,fail') },
    remote: { url: `http://127.0.0.1:${String(remote)}/mcp?key=\${UPSTREAM}`, headers: { 'X-Key': '${UPSTREAM}' }, auth: { type: 'bearer', token: '${UPSTREAM}' }, start: 'on-demand' },
  }, { gateway: { port, token: '${GATE}', audit: true, startWait: '500ms', auth: { keys: { ci: { key: '${CI}', servers: ['db'], tools: { deny: ['db__fail'] } } }, jwt: { secret: '${JWT}' } } } })
  await runOk(['start', 'files', 'db'], { home, env: SECRETS })
  const made = (await runOk(['key', 'create', 'laptop', '--allow', 'files__e*', '--json'], { home })).json()['key'] as string
  const jwt = token()
  const as = (bearer: string): Record<string, string> => ({ authorization: `Bearer ${bearer}` })
  const list = async (bearer: string): Promise<unknown> => toolsOf(await postModern(url, { id: 1, method: 'tools/list', params: META }, { headers: as(bearer) }))
  const callTool = (bearer: string, name: string): Promise<HttpResponse> => postModern(url, { id: 2, method: 'tools/call', params: { name, arguments: { text: 'argument-canary' }, ...META } }, { headers: as(bearer) })

  expect((await exchange(url, { body: {} })).status).toBe(401)
  expect(await list(SECRETS.CI)).toEqual(['db__echo'])
  expect(await list(made)).toEqual(['files__echo'])
  expect(await list(jwt)).toEqual(expect.arrayContaining(['files__echo', 'db__fail']))
  expect((await callTool(made, 'files__echo')).messages()[0]?.result).toMatchObject({ content: [{ type: 'text' }] })
  for (const [bearer, name] of [[SECRETS.CI, 'db__fail'], [SECRETS.CI, 'files__echo'], [made, 'files__pid']] as const) {
    const [message] = (await callTool(bearer, name)).messages()
    expect(message?.error).toMatchObject({ code: -32602, message: expect.stringContaining(`Unknown tool: ${name}`) as string })
  }
  for (const name of ['files__fail', 'files__crash', 'db__fail', 'remote__nothing', 'nonsense']) await callTool(SECRETS.GATE, name)
  await HttpSession.open(url, {}, as(made))
  for (const wrong of ['wrong-canary-bearer', `${jwt}x`]) expect((await callTool(wrong, 'files__echo')).status).toBe(401)
  await waitFor(() => sent.length > 0)
  expect(sent.every((request) => request.includes(SECRETS.UPSTREAM))).toBe(true)
  for (const own of [SECRETS.GATE, SECRETS.CI, made, jwt]) expect(sent.join('\n')).not.toContain(own)
  await runOk(['key', 'remove', 'laptop'], { home })
  await waitFor(async () => (await callTool(made, 'files__echo')).status === 401)

  const audit = await waitFor(() => {
    const lines = readFileSync(join(home.home, 'logs/audit.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    return lines.some(({ code }) => code === 'unauthorised') && lines.length > 8 ? lines : null
  })
  expect(audit).toContainEqual(expect.objectContaining({ caller: 'key:laptop', server: 'files', method: 'tools/call', target: 'echo', outcome: 'ok' }))
  expect(audit).toContainEqual(expect.objectContaining({ caller: 'key:ci', target: 'db__fail', outcome: 'refused', code: 'unknown' }))
  expect(audit).toContainEqual(expect.objectContaining({ caller: null, status: 401, outcome: 'refused' }))

  const commands = [['status'], ['status', 'files'], ['status', '--json'], ['config', 'show'], ['config', 'show', '--json'], ['why', 'files'], ['why', 'remote', '--json'], ['logs', '--tail', 'all'], ['trace', '--last', '100', '--no-follow', '--body'], ['doctor'], ['daemon', 'status', '--json'], ['key', 'list', '--json']]
  const shown = new Map<string, string>()
  for (const args of commands) {
    const { stdout, stderr } = await run(args, { home, env: SECRETS })
    shown.set(args.join(' '), stdout + stderr)
  }
  const events = start(['events', '--json'], { home, deadlineMs: 60_000 })
  let heard = ''
  events.stdout.on('data', (chunk) => (heard += String(chunk)))
  // It listens as soon as it has told of a restart.
  await waitFor(async () => {
    await runOk(['restart', 'files'], { home, env: SECRETS })
    return heard !== ''
  }, { timeoutMs: 30_000 })
  events.kill('SIGINT')
  shown.set('events', String((await events).stdout))
  shown.set('ps', execFileSync('ps', ['-ww', '-eo', 'args'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }))
  for (const file of filesBelow(home.base)) shown.set(file, readFileSync(file, 'latin1'))
  const secrets = [...Object.values(SECRETS), made, jwt.slice(jwt.lastIndexOf('.') + 1), 'wrong-canary-bearer']
  const leaks = [...shown].flatMap(([where, text]) => secrets.filter((secret) => text.includes(secret)).map((secret) => `${where}: ${secret}`))
  expect(leaks).toEqual([])
  // The scan would have found them: it has looked where the traffic is.
  expect([shown.get(record)?.includes('argument-canary'), shown.get('trace --last 100 --no-follow --body')?.includes('tools/call'), shown.get('events')?.includes('files'), shown.get('config show')?.includes('***')]).toEqual([true, true, true, true])
  upstream.closeAllConnections()
  upstream.close()
  expect(readFileSync(join(home.home, 'logs/audit.log'), 'utf8')).not.toContain('argument-canary')
}, 90_000)

const META = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} } }
