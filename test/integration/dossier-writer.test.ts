import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureHome, resolveHome, type Home } from '../../src/lib/control/index.js'
import { createIdleState, NO_HISTORY, type FleetEntry, type InstanceEnd, type ServerSpec } from '../../src/lib/core/index.js'
import { createDossierWriter, type EndedInstance } from '../../src/lib/daemon/dossier-writer.js'
import { secretsOf } from '../../src/lib/daemon/server-secrets.js'
import { readDossiers } from '../../src/lib/logs/index.js'
import { openStdioLink, type Link } from '../../src/lib/mcp/index.js'
import { specOf } from '../unit/core/spec-fixture.js'

const NOW = Date.now()
const SECRET = 'canary/4f1e"x 77'
let base: string
let home: Home
let told: string[]
const links: Link[] = []
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mcpctl-writer-'))
  home = resolveHome({ MCP_HOME: join(base, 'home') })
  ensureHome(home)
  told = []
})
afterEach(() => {
  for (const link of links.splice(0)) link.close()
  rmSync(base, { recursive: true, force: true })
})

const journal = { write: (_level: string, message: string, facts?: Record<string, unknown>) => void told.push(`${message}: ${String(facts?.['reason'])}`) }
const writer = () => createDossierWriter({ home, journal, now: () => NOW })
const directory = (): string => join(home.state, 'crashes')

function endOf(changes: Partial<InstanceEnd> = {}): InstanceEnd {
  return { generation: 2, cause: 'exit', reason: 'exited with code 1 after 5.0s', code: 1, signal: null, startedAt: NOW - 5000, readyAt: NOW - 4000, endedAt: NOW, ...changes }
}

function entryOf(spec: ServerSpec, ...ends: InstanceEnd[]): FleetEntry {
  const state = { ...createIdleState(NOW), desired: 'up' as const, phase: 'backoff' as const, until: NOW + 500, reason: 'exited; restart 1 in 500ms', generation: 2, history: { ...NO_HISTORY, total: 1, restartedAt: [NOW], ends } }
  return { spec, nextSpec: null, removed: false, standIn: null, trouble: null, state }
}

function instanceOf(spec: ServerSpec, changes: { lines?: string[]; link?: Link | null } = {}): EndedInstance {
  return { generation: 2, spec, log: { lastLines: (count) => (changes.lines ?? []).slice(-count) }, remains: { pid: 4242, link: changes.link ?? null, usage: { memoryBytes: 7, processes: 2, cpuPercent: 1.5 } } }
}

async function read(name = 'files') {
  const { found, damaged } = await readDossiers(directory(), name)
  expect(damaged).toEqual([])
  return found.map(({ dossier }) => dossier)
}

function openTestLink(): { link: Link; output: PassThrough } {
  const output = new PassThrough()
  const link = openStdioLink({ client: { name: 'test', version: '1' }, input: new PassThrough(), output, onNoise: () => undefined })
  links.push(link)
  return { link, output }
}

describe('the writer of dossiers', () => {
  it('writes down what is known of the instance and of its link', async () => {
    const spec = specOf('files', { limits: { memoryBytes: 200 * 1024 ** 2 } })
    const { link } = openTestLink()
    link.notify('notifications/first', { text: 'hello' })
    const message = '{"jsonrpc":"2.0","method":"notifications/first","params":{"text":"hello"}}'
    const own = writer()
    own.write(entryOf(spec, endOf({ generation: 1 }), endOf()), instanceOf(spec, { lines: ['one', 'two'], link }))
    await own.close()
    expect(await read()).toEqual([{
      schemaVersion: 1, server: 'files', source: '/project/mcp.config.json', ...endOf(), pid: 4242, limits: { memoryBytes: 200 * 1024 ** 2 }, usage: { memoryBytes: 7, processes: 2, cpuPercent: 1.5 },
      lastErrors: ['one', 'two'], lastHeardAt: link.activity.lastHeardAt,
      lastFrames: [{ at: link.activity.lastSentAt, direction: 'out', bytes: message.length, head: message }],
      inFlight: [], queuedInputBytes: message.length + 1,
      verdict: { phase: 'backoff', reason: 'exited; restart 1 in 500ms', retryAt: NOW + 500, policy: 'on-failure', restarts: 1, restartedAt: [NOW], maxRestarts: 5, windowMs: 60_000 },
    }])
    expect(told).toEqual([])
  })

  it('works for a server that never had a link', async () => {
    const spec = specOf('files')
    const own = writer()
    own.write(entryOf(spec, endOf({ cause: 'launch-failed', readyAt: null })), { ...instanceOf(spec), remains: { pid: null, link: null, usage: null } })
    await own.close()
    expect(await read()).toMatchObject([{ cause: 'launch-failed', pid: null, usage: null, lastHeardAt: null, lastFrames: [], inFlight: [] }])
  })

  it('hides every secret of the configuration, in stderr and in messages, wherever they were cut', async () => {
    const spec = specOf('files', {
      launch: { command: 'server', args: ['--key', 'argument-secret-1', '--root', '/data/projects'], cwd: '/', env: { PATH: '/usr/bin', KEY: SECRET }, ownEnv: ['KEY'], shown: ['server', '--key', '***', '--root', '${ROOT}'] },
      endpoint: { url: 'http://me:url-password-2@localhost:1/mcp?sig=query%2Fsecret-3', headers: { 'x-key': 'Custom header-secret-4' } },
    })
    const { link, output } = openTestLink()
    for (let shift = 0; shift < 8; shift++) output.write(`{"jsonrpc":"2.0","method":"n","params":{"text":"${'x'.repeat(440 + 4 * shift)} ${JSON.stringify(SECRET).slice(1, -1)} ${'y'.repeat(200)}"}}\n`)
    for (let shift = 0; shift < 6; shift++) link.notify('n', { text: `${'x'.repeat(440 + 5 * shift)} header-secret-4 header-secret-4` })
    link.notify('n', { password: 'hunter2', url: 'https://a:b-c-d@host', token: 'ghp_0123456789abcdef0123456789' })
    await new Promise((resolve) => setImmediate(resolve))
    const long = `${'z'.repeat(2040)}${SECRET.slice(0, 8)}`
    const lines = [`env ${SECRET}`, 'args argument-secret-1 in /data/projects', 'pw url-password-2', 'q query/secret-3 or query%2Fsecret-3', 'h header-secret-4', 'Authorization: Bearer abcdefgh', long, Buffer.from(SECRET).toString('base64')]
    const own = writer()
    own.write(entryOf(spec, endOf({ reason: `said ${SECRET}` })), instanceOf(spec, { lines, link }))
    await own.close()
    const [file = ''] = readdirSync(join(directory(), 'files'))
    const text = readFileSync(join(directory(), 'files', file), 'utf8')
    for (const word of ['canary', '4f1e', 'argument-secret', 'url-password', 'secret-3', 'header-secret', 'hunter2', 'b-c-d', 'ghp_', 'abcdefgh', Buffer.from(SECRET).toString('base64').slice(0, 8)]) expect(text).not.toContain(word)
    const [dossier] = await read()
    expect(dossier?.lastErrors.slice(0, 2)).toEqual(['env ***', 'args *** in /data/projects'])
    expect(dossier?.lastFrames).toHaveLength(15)
    expect(dossier?.reason).toBe('said ***')
  })

  it('passes over what was asked for, what has not ended, and what is gone', async () => {
    const spec = specOf('files')
    const own = writer()
    for (const cause of ['stop', 'restart', 'replaced', 'probe-exit'] as const) own.write(entryOf(spec, endOf({ cause })), instanceOf(spec))
    own.write(entryOf(spec, endOf({ generation: 1 })), instanceOf(spec))
    own.write(entryOf(spec), instanceOf(spec))
    own.write(undefined, instanceOf(spec))
    await own.close()
    expect(await read()).toEqual([])
  })

  it('files the processes of single sessions and of replacements with their server', async () => {
    const own = writer()
    for (const name of ['files#2', 'files~3']) own.write(entryOf(specOf(name), endOf()), instanceOf(specOf(name)))
    await own.close()
    expect((await read()).map(({ server }) => server).sort()).toEqual(['files#2', 'files~3'])
    expect(readdirSync(directory())).toEqual(['files'])
  })

  it('loses only the dossier when it cannot be written, and says so', async () => {
    writeFileSync(directory(), 'a file in the way')
    const own = writer()
    own.write(entryOf(specOf('files'), endOf()), instanceOf(specOf('files')))
    await own.close()
    expect(told).toEqual([expect.stringMatching(/^files: no crash dossier: (EEXIST|ENOTDIR)/)])
  })

  it('holds a bounded number that wait for the disk', async () => {
    const own = writer()
    for (let count = 0; count < 500; count++) own.write(entryOf(specOf('files'), endOf({ endedAt: NOW + count })), instanceOf(specOf('files')))
    await own.close()
    expect(await read()).toHaveLength(10)
    expect(told).toHaveLength(400)
    own.write(entryOf(specOf('other'), endOf()), instanceOf(specOf('other')))
    await own.close()
    expect(await read('other')).toHaveLength(1)
  })
})

describe('the secrets of a server', () => {
  it('are what its configuration sets, not what it inherits or what a path stands for', () => {
    const spec = specOf('x', {
      launch: {
        command: 'c', args: ['--token=abc-def', '${x}', '/home/me/key', 'plain'], cwd: '/', env: { PATH: '/bin', A: 'value-a' }, ownEnv: ['A'],
        shown: ['c', '--token=***', '${HOME}', '${API_KEY}', 'plain'],
      },
      health: { ...specOf('x').health, probe: { type: 'http', url: 'http://u:p%40ss@h/?k=v%201' } },
    })
    const secrets = secretsOf(spec)
    expect(secrets).toEqual(expect.arrayContaining(['value-a', 'abc-def', '/home/me/key', 'p%40ss', 'p@ss', 'v 1', 'v%201']))
    for (const plain of ['/bin', 'plain', 'c']) expect(secrets).not.toContain(plain)
  })
})
