import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type * as Library from '../../src/index.js'
import { alive } from '../helpers/proc.js'
import { run } from '../helpers/cli.js'
import { createHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'
import { fixture, kill } from './support.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const load = async (): Promise<typeof Library> => (await import(pathToFileURL(join(ROOT, 'dist/index.js')).href)) as typeof Library

let folder = ''
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'mcpctl-l-')) })
afterEach(() => { rmSync(folder, { recursive: true, force: true }) })

describe('the library', () => {
  test('runs servers in this process, brings one back that was killed, serves them over HTTP, and leaves nothing', async () => {
    const { createGateway, createSupervisor } = await load()
    const own = createHome()
    const { home } = own
    const supervisor = createSupervisor({ home, servers: { box: fixture('e2e-toolbox.mjs'), basic: fixture('mcp-legacy.mjs'), later: { ...fixture('mcp-legacy.mjs'), start: 'on-demand' } } })
    const seen: string[] = []
    const silence = supervisor.on('change', (name, status) => { seen.push(`${name} ${status?.phase ?? 'gone'}`) })
    expect((await supervisor.start()).map(({ name, ready }) => `${name} ${ready}`)).toEqual(['box true', 'basic true'])
    expect(seen).toEqual(expect.arrayContaining(['box starting', 'box ready', 'basic ready']))
    expect((await supervisor.status()).map(({ name, phase }) => `${name} ${phase}`)).toEqual(['box ready', 'basic ready', 'later idle'])

    // Called by the server's own names, and by those of the gateway.
    const pidOf = (result: Library.ToolResult): number => Number(result.content?.[0]?.['text'])
    const first = pidOf(await supervisor.call('basic', 'pid'))
    const gateway = createGateway(supervisor, { servers: ['basic'], separator: '.' })
    expect((await gateway.tools()).map(({ name }) => name)).toEqual(['basic.echo', 'basic.wait', 'basic.exit', 'basic.pid'])
    expect(await gateway.call('basic.echo', { text: 'hello' })).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    await expect(gateway.call('box.add', {})).rejects.toMatchObject({ code: 'CALL_FAILED', message: expect.stringContaining('Unknown tool') as string })
    await expect(supervisor.call('nobody', 'x')).rejects.toMatchObject({ code: 'SERVER_UNKNOWN' })
    const taken = new AbortController()
    const waiting = expect(gateway.call('basic.wait', {}, { signal: taken.signal })).rejects.toMatchObject({ code: 'INTERRUPTED' })
    taken.abort()
    await waiting

    // An official client over HTTP; a command of this home sees the same servers.
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(new StreamableHTTPClientTransport(new URL(await gateway.listen())))
    expect((await client.listTools()).tools).toHaveLength(4)
    await client.close()
    const status = await run(['status', '--json'], { home: own })
    expect(status.json()).toMatchObject({ servers: [{ name: 'box', ready: true }, { name: 'basic' }, { name: 'later' }] })
    await expect(createSupervisor({ home, servers: { box: fixture('e2e-toolbox.mjs') } }).status()).rejects.toMatchObject({ code: 'HOME_UNUSABLE' })

    // It is the real supervisor.
    kill(first)
    const again = await waitFor(async () => {
      const now = (await supervisor.status()).find(({ name }) => name === 'basic')
      return now?.ready === true && now.pid !== first ? now : null
    })
    expect(again.restarts).toBe(1)
    await supervisor.stop(['box'])
    expect((await supervisor.status())[0]).toMatchObject({ name: 'box', phase: 'idle', desired: 'down' })
    silence()
    await gateway.close()
    await supervisor.close()
    await supervisor.close()
    expect(alive(again.pid ?? 0)).toBe(false)
    await own.cleanup()
  }, 60_000)

  test('says what is wrong, and gives back what it had opened', async () => {
    const { createGateway, createSupervisor } = await load()
    const before = readdirSync(tmpdir()).filter((name) => /^mcpctl-[A-Za-z0-9]{6}$/.test(name))
    await expect(createSupervisor({}).start()).rejects.toMatchObject({ code: 'USAGE' })
    await expect(createSupervisor({ config: join(folder, 'none.json') }).start()).rejects.toMatchObject({ code: expect.stringMatching(/^CONFIG_/) as string })
    const broken = createSupervisor({ servers: { bad: { command: process.execPath, args: ['-e', 'console.error("no way"); process.exit(3)'], restart: 'never' } } })
    await expect(broken.start()).rejects.toMatchObject({ code: 'SERVER_FAILED', message: expect.stringContaining('bad is failed') as string, hint: 'It said: no way' })
    await broken.close()
    expect(() => createGateway({} as Library.Supervisor)).toThrow(TypeError)
    expect(readdirSync(tmpdir()).filter((name) => /^mcpctl-[A-Za-z0-9]{6}$/.test(name))).toEqual(before)
  }, 30_000)

  test('loads nothing but the door for those who only define a configuration', async () => {
    const probe = `const { defineConfig } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'dist/index.js')).href)}); defineConfig({}); console.log(JSON.stringify(performance.getEntriesByType('resource').length), process.moduleLoadList.filter((name) => /NativeModule (net|http|child_process)$/.test(name)).length)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', probe])
    expect(stdout.trim()).toBe('0 0')
  })

  test('has an example in its page that runs as it stands', async () => {
    const example = /```js\n([\s\S]+?)```/.exec(readFileSync(join(ROOT, 'docs/library.md'), 'utf8'))?.[1] ?? ''
    const file = join(ROOT, `library-example-${process.pid}.mjs`)
    try {
      writeFileSync(file, example)
      const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: ROOT, timeout: 60_000 })
      expect(stdout).toContain("'everything__echo'")
      expect(stdout).toContain('hello')
      expect(stdout).toMatch(/for other clients: http:\/\/127\.0\.0\.1:\d+\/mcp/)
    } finally {
      if (existsSync(file)) rmSync(file)
    }
  }, 60_000)
})
