import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { BIN, cliEnvironment, run, runOk } from '../helpers/cli.js'
import { createHome } from '../helpers/home.js'
import { alive, listProcesses } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy, toolNames } from './proxy-support.js'
import { daemonFacts, errorOf, fixture, statusOf, useHome } from './support.js'

const home = useHome()
// Hooks run last in, first out: the proxies go before the daemon is asked to stop.
afterEach(endProxies)

describe('mcpctl proxy', () => {
  it('starts the daemon and its servers, and is all of them in one', async () => {
    home().config({ one: fixture('mcp-legacy.mjs'), two: fixture('mcp-modern.mjs') })
    const proxy = startProxy(home())
    expect(await proxy.initialize()).toMatchObject({ result: { protocolVersion: '2025-11-25', serverInfo: { name: 'mcpctl' } } })
    expect(toolNames(await proxy.ask('tools/list'))).toEqual(['one', 'two'].flatMap((name) => ['echo', 'wait', 'exit', 'pid'].map((tool) => `${name}__${tool}`)))
    expect(await proxy.call('one__echo', { text: 'grüße' })).toBe('grüße')
    expect(await proxy.call('two__echo', { text: '2' })).toBe('2')
    expect(proxy.stderr()).toBe('')
    const { servers } = await statusOf(home())
    expect(servers.map(({ phase }) => phase)).toEqual(['ready', 'ready'])
  })

  it('does not wait for servers that are slow to start', async () => {
    home().config({ slow: fixture('mcp-dual.mjs', '--delay', '20000'), quick: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    await waitFor(async () => (await proxy.call('quick__echo', { text: 'x' })) === 'x')
    expect((await statusOf(home())).servers.find(({ name }) => name === 'slow')?.phase).toBe('starting')
  })

  it('shares the servers with every other client, also when all come at once', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxies = Array.from({ length: 6 }, () => startProxy(home()))
    const pids = await Promise.all(
      proxies.map(async (proxy) => {
        await proxy.initialize()
        await proxy.ask('tools/list')
        return proxy.call('one__pid')
      }),
    )
    expect(new Set(pids).size).toBe(1)
    expect(listProcesses().filter(({ commandLine }) => commandLine.includes('daemon/main.js')).filter(({ pid }) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(home().home))).toHaveLength(1)
  })

  it('shows only the servers that were asked for, under the names that were asked for', async () => {
    home().config({ one: fixture('mcp-dual.mjs'), two: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home(), ['--servers', 'two', '--prefix', 'none'])
    await proxy.initialize()
    expect(toolNames(await proxy.ask('tools/list'))).toEqual(['echo', 'wait', 'exit', 'pid'])
    const other = startProxy(home(), ['--servers', 'two,one', '--separator', '.'])
    await other.initialize()
    expect(toolNames(await other.ask('tools/list'))).toContain('one.echo')
  })

  it('shows the servers of a profile', async () => {
    home().config({ one: fixture('mcp-dual.mjs'), two: fixture('mcp-dual.mjs') }, { profiles: { work: ['two'] } })
    const proxy = startProxy(home(), ['--profile', 'work'])
    await proxy.initialize()
    expect(new Set(toolNames(await proxy.ask('tools/list')).map((name) => name.split('__')[0]))).toEqual(new Set(['two']))
    const unknown = await run(['proxy', '--profile', 'wrok'], { home: home() })
    expect(unknown).toMatchObject({ exitCode: 4, stdout: '', stderr: 'error: there is no profile "wrok"\nhint: Did you mean work?\n' })
  })

  it('takes a configuration that the running daemon does not know yet', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    const file = home().write('elsewhere/mcp.config.json', { servers: { other: fixture('mcp-dual.mjs') } })
    const proxy = startProxy(home(), ['--config', file, '--servers', 'other'])
    await proxy.initialize()
    await waitFor(async () => (await proxy.call('other__echo', { text: 'x' })) === 'x')
  })

  it('finds a server of the configuration here that the running daemon does not know yet', async () => {
    const other = home().write('elsewhere/mcp.config.json', { servers: { one: fixture('mcp-dual.mjs') } })
    await runOk(['start', '--config', other], { home: home() })
    home().config({ mine: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home(), ['--servers', 'mine'])
    await proxy.initialize()
    await waitFor(async () => (await proxy.call('mine__echo', { text: 'x' })) === 'x')
  })

  it('ends with its client and leaves the daemon running', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    proxy.process.stdin.end()
    expect(await proxy.ended).toBe(0)
    expect(alive(daemonFacts(home()).pid)).toBe(true)
  })

  it('answers what was asked before its input ended', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    const lines = ['{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}', '{"jsonrpc":"2.0","method":"notifications/initialized"}', '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"one__echo","arguments":{"text":"last"}}}']
    const result = await runOk(['proxy'], { home: home(), input: lines.join('\n') })
    expect(result.jsonLines()).toMatchObject([{ id: 1 }, { id: 2, result: { content: [{ text: 'last' }] } }])
  })

  it('ends on SIGTERM at once, with a call under way', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    proxy.send({ id: 'w', method: 'tools/call', params: { name: 'one__wait' } })
    await proxy.ask('ping')
    proxy.process.kill('SIGTERM')
    expect(await proxy.ended).toBe('SIGTERM')
  })

  it('ends when nobody reads its output any more', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    proxy.process.stdout.destroy()
    proxy.send({ id: 'a', method: 'ping' })
    proxy.send({ id: 'b', method: 'ping' })
    expect(await proxy.ended).toBe(0)
  })

  it('says on stderr what it does, when asked', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home(), ['--debug'])
    await proxy.initialize()
    expect(proxy.stderr()).toContain('mcpctl proxy: connected to the daemon\n')
  })

  it('needs hardly more memory than Node itself, even if it had to start the daemon', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9); console.log(1)'], { stdio: ['pipe', 'pipe', 'ignore'] })
    try {
      await new Promise((resolve) => bare.stdout.once('data', resolve))
      expect(residentBytes(proxy.pid)).toBeLessThan(1.25 * residentBytes(bare.pid ?? 0))
    } finally {
      bare.kill('SIGKILL')
    }
  })
})

/** A page is 4 KiB wherever this runs on Linux; only the ratio counts. */
function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096
}

describe.skipIf(spawnSync('tmux', ['-V']).status !== 0)('mcpctl proxy typed in a terminal', () => {
  it('says what it is for, and still speaks the protocol', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const tmux = (...args: string[]): string => execFileSync('tmux', ['-S', join(home().base, 'tmux'), ...args], { encoding: 'utf8', env: cliEnvironment(home(), { LC_ALL: 'C.UTF-8' }) })
    tmux('-f', '/dev/null', 'new-session', '-d', '-x', '200', '-y', '30', '-c', home().project, 'sh', '-c', `trap : INT; "${process.execPath}" "${BIN}" proxy; echo "exit=$?"; exec cat`)
    const until = (pattern: RegExp) => waitFor(() => pattern.test(tmux('capture-pane', '-p')), { pollMs: 40, what: `${String(pattern)} on the screen` })
    try {
      await until(/"mcpServers": \{ "mcpctl": \{ "command": "mcpctl", "args": \["proxy"\]/)
      tmux('send-keys', '{"jsonrpc":"2.0","id":7,"method":"ping"}', 'Enter')
      await until(/^\{"jsonrpc":"2\.0","id":7,"result":\{\}\}$/m)
      tmux('send-keys', 'C-c')
      await until(/exit=130$/m)
    } finally {
      tmux('kill-server')
    }
  })
})

describe('mcpctl proxy fails', () => {
  it('without a configuration, with nothing on stdout', async () => {
    const empty = createHome()
    try {
      const result = await run(['proxy'], { home: empty, input: '{"jsonrpc":"2.0","id":1,"method":"ping"}\n' })
      expect(result).toMatchObject({ exitCode: 5, stdout: '' })
      expect(result.stderr).toMatch(/^error: no configuration found in .*\nhint: /)
    } finally {
      await empty.cleanup()
    }
  })

  it('when its configuration cannot be used, and says why', async () => {
    home().write('mcp.config.json', { servers: { one: { comand: 'x' } } })
    const result = await run(['proxy'], { home: home() })
    expect(result).toMatchObject({ exitCode: 5, stdout: '' })
    expect(result.stderr).toContain('comand')
  })

  it('for a server that is nowhere, with near names', async () => {
    home().config({ files: fixture('mcp-dual.mjs') })
    const result = await run(['proxy', '--servers', 'fils'], { home: home() })
    expect(result).toMatchObject({ exitCode: 4, stdout: '', stderr: 'error: there is no server "fils"\nhint: Did you mean files?\n' })
  })

  it.each([
    [['--servers', 'a,,b'], 'there is nothing between two commas'],
    [['--servers', ''], 'it is empty'],
    [['--servers', 'a,a'], '"a" is there twice'],
    [['--servers', 'a=,b'], '"a=": "" is no URL'],
    [['--servers', 'a=localhost'], '"a=localhost": "localhost" is no URL'],
    [['--servers', 'a=ftp://x/'], '"a=ftp://x/": the URL has to begin with http:// or https://'],
    [['--servers', 'http://localhost:1/mcp'], '"http://localhost:1/mcp" has no name'],
    [['--servers', 'a b'], '"a b": "a b" is no name of a server'],
    [['--servers', 'a', '--profile', 'p'], '--servers and --profile exclude each other'],
    [['--port', '80'], '--port goes with --http'],
    [['--host', '::1'], '--host goes with --http'],
    [['--http', '--port', '0'], '--port "0" is no port'],
    [['--http', '--port', '65536'], '--port "65536" is no port'],
    [['--http', '--host', '0.0.0.0'], '--host "0.0.0.0" is not an address of this machine alone'],
    [['--separator', '//'], '--separator "//" cannot stand in a name'],
    [['--prefix', 'sometimes'], '--prefix=sometimes'],
    [['surplus'], 'surplus'],
  ])('on %j, with what is wrong and a way out', async (args, message) => {
    const result = await run(['proxy', ...args], { home: home() })
    expect(result).toMatchObject({ exitCode: 2, stdout: '' })
    expect(result.stderr).toContain(message)
    expect(result.stderr).toContain('hint: ')
  })

  it('as JSON when asked so, naming the entry', async () => {
    const result = await run(['proxy', '--servers', 'a,b=nowhere', '--json'], { home: home() })
    expect(errorOf(result)).toMatchObject({ code: 'USAGE', details: { flag: 'servers', entry: 'b=nowhere' } })
  })
})
