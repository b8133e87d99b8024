import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import { connectControl, VERSION } from '../../src/lib/control/index.js'
import { freePort } from '../helpers/port.js'
import { alive, listProcesses } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { textOf } from '../e2e/gateway-client.js'
import { exchange, HttpSession, type HttpRequest } from '../e2e/gateway-http.js'
import { talkative } from '../e2e/gateway-support.js'
import { errorOf, look, serverOf, untilServer } from '../e2e/support.js'
import { bound, fault, scale, type Lab } from './lab.js'
import { calmDelays, delaysWhile, forgetPeak, holdingsOf, MIB, peakMib } from './measure.js'
import { faulty, tiny } from './servers.js'

const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

const PING = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }

/** A connection of our own on the daemon's HTTP port; errors only end it. */
function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.once('connect', () => resolve(socket))
    socket.once('close', () => resolve(socket))
    socket.resume()
  })
}

async function connectMany(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: Math.min(200, count - sockets.length) }, () => connect(port)))))
  return sockets
}

fault('F61', async (lab) => {
  await lab.start({ a: tiny() })
  const session = await lab.http()
  const { hostname, port } = new URL(lab.url)
  /** What the server answers to these raw bytes, and what comes after them until it closes. */
  const once = (head: string, body: () => Buffer | null): Promise<string> => new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname)
    let answer = ''
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString()
      if (answer.includes('\r\n\r\n')) socket.destroy()
    })
    socket.once('close', () => resolve(answer))
    socket.write(head)
    // Between two pieces it looks whether there is an answer: one that was only being sent would be lost at the end of the connection.
    const more = (): void => {
      const chunk = socket.destroyed || answer !== '' ? null : body()
      if (chunk !== null) socket.write(chunk, () => setImmediate(more))
    }
    more()
  })
  /** A connection that is reset under what is still being sent takes its answer along: then it is asked again. */
  const raw = (lines: string, body: () => Buffer | null): Promise<string> => waitFor(() => once(lines, body), { what: 'an answer that is not lost with its connection' })
  const head = (...lines: string[]): string => [`POST /mcp HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Content-Type: application/json', 'Accept: application/json, text/event-stream', ...lines, '', ''].join('\r\n')
  const mebibyte = Buffer.alloc(MIB, 'x')
  const hurt = async (): Promise<void> => {
    let sent = 0
    const long = await waitFor(() => {
      sent = 0
      return once(head(`Content-Length: ${100 * MIB}`), () => (sent++ < 100 ? mebibyte : null))
    }, { what: 'an answer that is not lost with its connection' })
    expect(long).toMatch(/^HTTP\/1\.1 413 /)
    expect(sent).toBeLessThan(100)
    const endless = await raw(head('Transfer-Encoding: chunked'), () => Buffer.concat([Buffer.from('100000\r\n'), mebibyte, Buffer.from('\r\n')]))
    expect(endless).toMatch(/^HTTP\/1\.1 413 /)
    const headers = await raw(head(...Array.from({ length: 10_000 }, (_, index) => `X-${index}: ${'y'.repeat(20)}`), 'Content-Length: 0'), () => null)
    expect(headers).toMatch(/^HTTP\/1\.1 431 /)
    expect(textOf(await session.call('a__echo'))).toBe('here')
  }
  const pid = await lab.watch()
  const { residentMib } = holdingsOf(pid)
  forgetPeak(pid)
  await hurt()
  expect(peakMib(pid) - residentMib).toBeLessThan(160)
  lab.measured(`peak ${(peakMib(pid) - residentMib).toFixed(0)} MiB above normal`)
  await lab.watch()
  await hurt()
}, { memoryMoreMib: 72, timeoutMs: 60_000 })

fault('F62', async (lab) => {
  const token = 'letmein-37c1'
  await lab.start({ a: tiny() }, { gateway: { token, sse: true } })
  await lab.watch()
  const authorization = `Bearer ${token}`
  const wrong: [string, number, Record<string, string>][] = [
    ['a foreign host', 403, { host: 'evil.example', authorization }],
    ['a name that points here', 403, { host: `rebound.evil.example:${lab.port}`, authorization }],
    ['a name that begins like ours', 403, { host: `localhost.evil.example:${lab.port}`, authorization }],
    ['a foreign origin', 403, { origin: 'https://evil.example', authorization }],
    ['an origin that begins like ours', 403, { origin: 'http://localhost.evil.example', authorization }],
    ['a null origin', 403, { origin: 'null', authorization }],
    ['no token', 401, {}],
    ['a wrong token', 401, { authorization: 'Bearer letmein' }],
    ['a wrong scheme', 401, { authorization: `Basic ${token}` }],
  ]
  const places = ['/mcp', '/mcp/a', '/mcp/no-such-server', '/sse', '/message?sessionId=1', '/profiles/none/mcp', '/', '/health', '/metrics', '/status', '/../../etc/passwd']
  const base = `http://127.0.0.1:${lab.port}`
  // Who was let in before is let in while others from the same address try wrong tokens.
  expect((await exchange(`${base}/mcp`, { headers: { authorization }, body: PING })).status).toBe(200)
  for (const [what, status, headers] of wrong) {
    for (const place of places) {
      for (const method of ['GET', 'POST']) {
        const request: HttpRequest = { method, headers, ...(method === 'POST' ? { body: PING } : {}) }
        // Who goes on trying wrong ones is not even listened to.
        const answered = (await exchange(`${base}${place}`, request)).status
        expect([what, place, method, answered === 429 && 'authorization' in headers ? 401 : answered]).toEqual([what, place, method, status])
      }
    }
  }
  expect((await exchange(`${base}/mcp`, { headers: { authorization }, body: PING })).status).toBe(200)
  // Nothing of it started anything.
  expect((await look(lab.home))?.servers).toHaveLength(1)
  lab.measured(`${wrong.length} kinds of requests to ${places.length} places`)
})

const NAMES = ['../../x', 'a/b', 'a\\b', '..', '.', '.hidden', '-rf', 'CON', 'nul.txt', 'a\0b', 'a b', 'a\nb', '', 'x'.repeat(300), 'раypal', 'ａ', 'a\u202eb', '%2e%2e%2fx', '__proto__', '$(touch x)']

fault('F63', async (lab) => {
  await lab.start({ good: tiny() })
  const before = readdirSync(lab.home.base, { recursive: true }).length
  lab.home.write('mcp.config.json', `{"servers":{${NAMES.map((name) => `${JSON.stringify(name)}:${JSON.stringify(tiny())}`).join(',')},"good":${JSON.stringify(tiny())}}}`)
  const refused = await lab.run(['start', '--json'])
  expect(refused.exitCode).toBe(5)
  const { problems } = errorOf(refused).details as { problems: { message: string }[] }
  expect(problems).toHaveLength(NAMES.length)
  expect(problems.filter(({ message }) => !message.includes('is not a possible server name'))).toEqual([])
  lab.rewrite({ good: tiny() })
  for (const name of ['../../x', 'a/b']) {
    for (const args of [['start', name], ['logs', name]]) {
      const { exitCode } = await lab.run(args)
      expect([args, exitCode]).toEqual([args, 4])
    }
  }
  // A client that speaks to the socket itself.
  const client = await connectControl(lab.home.paths, VERSION)
  if (client === null) throw new Error('no daemon')
  const request = await specs(lab)
  for (const name of ['../../x', 'a/b', '..', '.hidden', 'a\0b', '', 'x'.repeat(300)]) {
    const sent = client.request('apply', { ...request, servers: request.servers.map((spec) => ({ ...spec, name })) } as never)
    await expect(sent, name).rejects.toThrow()
  }
  for (const name of NAMES) await expect(client.request('start', { names: [name] }), name).rejects.toThrow()
  client.close()
  for (const name of NAMES) {
    const response = await exchange(`http://127.0.0.1:${lab.port}/mcp/${encodeURIComponent(name)}`, { body: PING })
    expect([name, [400, 404].includes(response.status) || name === '']).toEqual([name, true])
  }
  expect((await look(lab.home))?.servers.map(({ name }) => name)).toEqual(['good'])
  expect(readdirSync(lab.home.base, { recursive: true }).length).toBeLessThanOrEqual(before + 2)
  lab.measured(`${NAMES.length} names`)
})

/** What a command sends for the servers of this home: one good server. */
async function specs(lab: Lab): Promise<{ source: string; settings: unknown; servers: Record<string, unknown>[] }> {
  const { loadConfig } = await import('../../src/lib/config/index.js')
  const config = await loadConfig({ cwd: lab.home.project, env: { HOME: lab.home.base, MCP_HOME: lab.home.home, PATH: process.env['PATH'] } })
  return { source: config.source, settings: config.settings, servers: config.servers as unknown as Record<string, unknown>[] }
}

fault('F64', async (lab) => {
  const { home } = lab
  const target = join(home.base, 'target')
  mkdirSync(target)
  writeFileSync(join(target, 'precious'), 'keep me')
  mkdirSync(home.home, { mode: 0o700 })
  // First the folder is a link.
  symlinkSync(target, home.paths.pids)
  home.config({ a: tiny(), b: tiny() })
  const linked = await lab.run(['start'])
  expect([0, 6]).toContain(linked.exitCode)
  if (linked.exitCode === 0) {
    expect(await serverOf(home, 'a')).toMatchObject({ ready: true })
    expect(readFileSync(home.paths.daemonLog, 'utf8')).toMatch(/PID files: .* is a symbolic link/)
  }
  await lab.run(['stop'])
  expect(readdirSync(target)).toEqual(['precious'])
  // Then a file in it, and a log.
  for (const path of [home.paths.pids, home.paths.logs]) {
    rmSync(path, { recursive: true, force: true })
    mkdirSync(path, { mode: 0o700 })
  }
  symlinkSync(join(target, 'precious'), join(home.paths.pids, 'a.pid'))
  symlinkSync(join(target, 'precious'), join(home.paths.logs, 'b.log'))
  symlinkSync(join(target, 'new'), join(home.paths.pids, 'b.pid'))
  expect((await lab.run(['start'])).exitCode).toBe(0)
  await lab.watch()
  await waitFor(() => lstatSync(join(home.paths.pids, 'a.pid')).isFile() && lstatSync(join(home.paths.pids, 'b.pid')).isFile())
  expect((await lab.run(['status', 'b'])).stdout).toMatch(/cannot be written/)
  await lab.run(['stop', '--keep-daemon'])
  expect([readdirSync(target), readFileSync(join(target, 'precious'), 'utf8')]).toEqual([['precious'], 'keep me'])
  expect(readlinkSync(join(home.paths.logs, 'b.log'))).toBe(join(target, 'precious'))
}, { unless: isLinux ? null : 'links are told apart differently' })

fault('F65', async (lab) => {
  const { home } = lab
  await lab.start({ a: { ...faulty(), env: { TOKEN: 'canary' } } })
  await (await lab.legacy()).call('a__flood', { kind: 'stderr', bytes: 1000 })
  await waitFor(() => readdirSync(home.paths.logs).length > 0 && readdirSync(home.paths.pids).length > 0)
  // Everybody may come as far as the home: what protects it is its own.
  chmodSync(home.base, 0o755)
  const found = readdirSync(home.home, { recursive: true, withFileTypes: true }).map((entry) => ({ path: join(entry.parentPath, entry.name), kind: entry.isSocket() ? 'socket' : entry.isDirectory() ? 'folder' : 'file' }))
  expect(found.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['socket', 'folder', 'file']))
  const script = `const fs=require('fs'),net=require('net');const all=JSON.parse(process.argv[1]);
    const attempt=({path,kind})=>new Promise((resolve)=>{
      if(kind==='socket')return net.connect(path).on('connect',()=>resolve('connected')).on('error',(e)=>resolve(e.code));
      try{kind==='folder'?fs.readdirSync(path):fs.readFileSync(path);resolve('read')}catch(e){resolve(e.code)}});
    Promise.all(all.map(attempt)).then((results)=>{console.log(JSON.stringify(results));process.exit()})`
  const other = await execa('setpriv', ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', process.execPath, '-e', script, JSON.stringify([{ path: home.home, kind: 'folder' }, ...found])], { reject: false })
  const results = JSON.parse(other.stdout || `"${other.stderr}"`) as string[]
  expect(results).toEqual(results.map(() => 'EACCES'))
  expect(results.length).toBe(found.length + 1)
  // Not even where the folder itself was opened by mistake.
  chmodSync(home.home, 0o755)
  const inside = await execa('setpriv', ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', process.execPath, '-e', script, JSON.stringify(found)], { reject: false })
  const insideResults = JSON.parse(inside.stdout || `"${inside.stderr}"`) as string[]
  expect(insideResults).toEqual(insideResults.map(() => 'EACCES'))
  lab.measured(`${found.length} files, folders and sockets`)
}, { unless: isLinux && isRoot ? null : 'only root can become somebody else' })

fault('F66', async (lab) => {
  const canary = (where: string): string => `canary-${where}-5b1e8d`
  const pattern = /canary-\w+-5b1e8d/
  const remote = http.createServer((_, response) => response.writeHead(500, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"broken"}}'))
  const port = await freePort()
  await new Promise<void>((resolve) => remote.listen(port, '127.0.0.1', resolve))
  lab.defer(() => { remote.close(); remote.closeAllConnections() })
  const env = { SECRET_ENV: canary('env'), SECRET_ARG: canary('arg'), SECRET_URL: canary('url'), SECRET_HEADER: canary('header'), SECRET_TOKEN: canary('token'), BYSTANDER: canary('bystander') }
  const servers = {
    a: { ...faulty(), env: { API_KEY: '${SECRET_ENV}' }, restart: { backoff: { initial: '10ms', max: '50ms' } } },
    b: { command: '/bin/sh', args: ['-c', 'exec sleep 600', 'sh', '--token=${SECRET_ARG}'], transport: 'none' },
    c: { url: `http://127.0.0.1:${port}/mcp?key=\${SECRET_URL}`, headers: { Authorization: 'Bearer ${SECRET_HEADER}' }, startTimeout: '2s' },
    d: { command: 'no-such-program', args: ['--token=${SECRET_ARG}'], env: { API_KEY: '${SECRET_ENV}' } },
  }
  lab.home.config(servers, { gateway: { port: (lab.port = await freePort()), token: '${SECRET_TOKEN}' } })
  const told: string[] = []
  const tell = async (...args: string[]): Promise<void> => {
    const { stdout, stderr } = await lab.run(args, { env })
    told.push(`${args.join(' ')}\n${stdout}\n${stderr}`)
  }
  await tell('start', '--timeout', '4s')
  await lab.watch()
  // An end nobody expected, while a call is under way.
  const client = await lab.legacy()
  await client.call('a__abort')
  await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  for (const args of [['status', 'a', 'b', 'c', 'd'], ['status', 'a', 'b', 'c', 'd', '--json'], ['config', 'show', '--json'], ['doctor', '--json'], ['why', 'a'], ['why', 'a', '--json'], ['why', 'c'], ['logs', '--tail', 'all'], ['reload', '--dry-run', '--json']]) await tell(...args)
  expect(told.filter((text) => pattern.test(text))).toEqual([])
  const files = readdirSync(lab.home.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  expect(files.length).toBeGreaterThan(5)
  expect(files.filter((file) => pattern.test(readFileSync(file, 'latin1')))).toEqual([])
  // The server that was given one as argument shows it itself; nobody else does.
  expect(listProcesses().filter(({ commandLine }) => pattern.test(commandLine) && !commandLine.startsWith('sleep') && !commandLine.includes('exec sleep 600')).map(({ commandLine }) => commandLine)).toEqual([])
  lab.measured(`${told.length} commands, ${files.length} files`)
})

fault('F67', async (lab) => {
  const planted = { AWS_SECRET_ACCESS_KEY: 'canary', GITHUB_TOKEN: 'canary', NODE_OPTIONS: '--max-old-space-size=3000', LD_LIBRARY_PATH: '/canary', MCP_GATEWAY_TOKEN: 'canary', SSH_AUTH_SOCK: '/canary' }
  lab.home.config({ a: { ...faulty(), env: { OWN: 'mine' } }, b: faulty() })
  expect((await lab.run(['start'], { env: planted })).exitCode).toBe(0)
  await lab.watch()
  const client = await lab.legacy()
  for (const [name, own] of [['a', ['OWN']], ['b', []]] as const) {
    const seen = JSON.parse(await client.text(`${name}__env`)) as Record<string, string>
    const allowed = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TERM|TMPDIR|TEMP|TMP|TZ|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy|(LC_|XDG_)\w+|MCPCTL_ID)$/
    expect(Object.keys(seen).filter((variable) => !allowed.test(variable))).toEqual(own)
    expect(Object.values(seen).filter((value) => value.includes('canary'))).toEqual([])
  }
})

fault('F68', async (lab) => {
  await lab.start({ a: talkative(lab, 'a', ['--era', 'modern']), b: talkative(lab, 'b', [], { clientAbilities: ['elicitation'] }) })
  const able = await lab.socket()
  const unable = await lab.socket()
  let asked = 0
  able.onQuestion('elicitation/create', () => (asked++, { action: 'accept', content: { answer: 'able' } }))
  await able.initialize({ elicitation: { form: {} } })
  await unable.initialize({})
  for (let round = 0; round < 5; round++) {
    const [mine, theirs] = await Promise.all([able.request('tools/call', { name: 'a__ask', arguments: { message: 'Who?' } }, 'same'), unable.request('tools/call', { name: 'a__ask', arguments: { message: 'Who?' } }, 'same')])
    expect(textOf(mine)).toContain('able')
    expect(JSON.stringify(theirs)).not.toContain('able"')
    const progress = await Promise.all([able, unable].map((client, index) => client.request('tools/call', { name: 'b__progress', arguments: { steps: 2, text: `${index}:` }, _meta: { progressToken: 'same' } }, `p${round}`)))
    expect(progress.map(textOf)).toEqual(['done 2', 'done 2'])
  }
  expect(asked).toBe(5)
  const texts = (client: typeof able): unknown[] => client.heard.filter(({ method }) => method === 'notifications/progress').map(({ params }) => params?.['message'])
  expect(texts(able)).toEqual(Array.from({ length: 5 }, () => ['0:1', '0:2']).flat())
  expect(texts(unable)).toEqual(Array.from({ length: 5 }, () => ['1:1', '1:2']).flat())
  expect(unable.heard.filter(({ method }) => method === 'elicitation/create')).toEqual([])
  // Sessions over HTTP: an id opens one's own session and nothing else.
  const [first, second] = [await lab.http(), await lab.http()]
  expect(first.id).not.toBe(second.id)
  await first.end()
  expect((await exchange(lab.url, { body: { jsonrpc: '2.0', id: 1, method: 'ping' }, headers: first.headers })).status).toBe(404)
  expect(textOf(await second.call('b__echo', { text: 'still mine' }))).toBe('still mine')
})

fault('F60', async (lab) => {
  const [descriptors, connections] = [scale(1024, 256), scale(10_000, 1200)]
  lab.port = await freePort()
  lab.home.config({ a: tiny() }, { gateway: { port: lab.port } })
  const { file, args, env, cwd } = lab.shellCommand(`ulimit -n ${descriptors}`, ['daemon', 'run'])
  const child = execa(file, args, { cwd, env, extendEnv: false, stdin: 'ignore', reject: false, timeout: 100_000, killSignal: 'SIGKILL' })
  lab.defer(() => child.kill('SIGKILL'))
  await waitFor(async () => (await serverOf(lab.home, 'a')).ready && (await look(lab.home))?.daemon.http.url != null)
  const daemon = await lab.watch()
  const sockets = await connectMany(lab.port, connections)
  lab.defer(() => sockets.forEach((socket) => socket.destroy()))
  const closedOnes = (): number => sockets.filter((socket) => socket.destroyed).length
  await waitFor(() => closedOnes() >= connections - descriptors / 2, { timeoutMs: 60_000, what: 'the excess to be closed' })
  const closed = closedOnes()
  // While the others are held, there is room for everything else: servers, commands, the clients of `mcpctl proxy`.
  expect((await lab.run(['restart', 'a'])).exitCode).toBe(0)
  expect(await (await lab.legacy()).text('a__echo')).toBe('here')
  for (const socket of sockets) socket.destroy()
  await waitFor(async () => (await exchange(lab.url, { body: PING, signal: AbortSignal.timeout(5000) })).status === 200, { timeoutMs: 30_000, what: 'a request to be answered again' })
  expect(alive(daemon)).toBe(true)
  expect(await serverOf(lab.home, 'a')).toMatchObject({ ready: true, restarts: 0 })
  await lab.expectNothingKept(20)
  expect((await look(lab.home))?.daemon.pid).toBe(daemon)
  child.kill('SIGTERM')
  expect((await child).exitCode).toBe(0)
  lab.measured(`${connections} connections, ${descriptors} descriptors, ${closed} closed`)
}, { timeoutMs: 120_000, unless: isLinux ? null : 'limits are set differently' })

fault('F59', async (lab) => {
  const count = scale(1000, 300)
  await lab.start({ a: tiny() })
  const session = await HttpSession.open(lab.url)
  const ask = (): Promise<unknown> => session.call('a__echo')
  const calm = await calmDelays(ask, 20)
  const sockets = await connectMany(lab.port, count)
  lab.defer(() => sockets.forEach((socket) => socket.destroy()))
  const from = performance.now()
  const text = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${lab.port}\r\n${'X-Slow: yes\r\n'.repeat(100)}`
  let at = 0
  const drip = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write(text[at % text.length] ?? '')
    at += 1
  }, 500)
  lab.defer(() => clearInterval(drip))
  const isOver = waitFor(() => sockets.every((socket) => socket.destroyed), { timeoutMs: 60_000, pollMs: 50, what: 'every slow connection to be closed' })
  const delays = await delaysWhile(ask, isOver, 100)
  const seconds = (performance.now() - from) / 1000
  expect(seconds).toBeLessThan(bound(10, 40))
  // The process of this test writes to all of them as well, which every few requests have to wait for.
  expect(delays.p50).toBeLessThan(Math.max(bound(100, 3000), 4 * calm.p50))
  expect(delays.worst).toBeLessThan(bound(3000, 20_000))
  lab.measured(`${count} connections closed after ${seconds.toFixed(1)} s, real requests meanwhile: p50 ${delays.p50.toFixed(0)} ms`)
}, { waits: true, timeoutMs: 120_000 })

