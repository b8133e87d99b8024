import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, runOk, type CliOptions } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { fixture, kill, look, type StatusDocument } from './support.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What may be packed, as it was built, and something of what must not. Packing in the checkout itself would empty `dist` under the tests that run beside this one. */
const CONTENT = ['package.json', 'bin', 'dist', 'oclif.manifest.json', 'src', 'scripts', 'docs', 'schema', 'README.md', 'LICENSE', 'CHANGELOG.md']
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; scripts: Record<string, string>; devDependencies: Record<string, string> }

let home: TestHome
let packed: readonly string[] = []

/** npm without what an npm around this test says about its own run (`npx vitest` sets two dozen variables). */
async function npm(args: readonly string[], cwd: string): Promise<string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_(registry|cache|userconfig)$)|INIT_CWD$|NODE_ENV$)/i.test(name))
  const result = await execa('npm', args, { cwd, env: Object.fromEntries(kept), extendEnv: false, stdin: 'ignore', timeout: 240_000, reject: false })
  if (result.exitCode !== 0) throw new Error(`npm ${args.join(' ')} ended with ${result.exitCode}\n${result.stdout}\n${result.stderr}`)
  return result.stdout
}

beforeAll(async () => {
  home = createHome()
  const source = join(home.base, 'source')
  mkdirSync(source)
  for (const name of CONTENT) cpSync(join(ROOT, name), join(source, name), { recursive: true })
  await npm(['pack', '--ignore-scripts', '--pack-destination', home.base], source)
  const tarball = join(home.base, `mcpctl-${manifest.version}.tgz`)
  packed = (await execa('tar', ['-tzf', tarball])).stdout.split('\n')
  await npm(['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], home.project)
}, 300_000)

afterAll(async () => {
  const daemon = await look(home).catch(() => null)
  if (daemon !== null) kill(daemon.daemon.pid, 'SIGTERM')
  await home.cleanup()
})

/** The installed command itself, by its link and its first line, as a shell runs it. */
const installed = (): Pick<CliOptions, 'home' | 'node' | 'bin'> => ({ home, node: '/usr/bin/env', bin: join(home.project, 'node_modules/.bin/mcpctl') })

describe('the packed package', () => {
  test('holds what it needs to run, and neither sources nor tests', () => {
    expect(packed).toEqual(expect.arrayContaining(['package/bin/run.js', 'package/oclif.manifest.json', 'package/dist/bundle/command/main.js', 'package/dist/bundle/daemon/main.js', 'package/LICENSE', 'package/README.md']))
    expect(packed.filter((path) => /^package\/(src|test|bench|scripts|node_modules)\//.test(path))).toEqual([])
    // It is packed by the build that all tests run on.
    expect([manifest.scripts['prepack'], manifest.scripts['build']]).toEqual(['node scripts/build.mjs --clean', 'node scripts/build.mjs'])
  })

  test('brings no development dependency with it', () => {
    expect(existsSync(join(home.project, 'node_modules/@oclif/core/package.json'))).toBe(true)
    expect(Object.keys(manifest.devDependencies).filter((name) => existsSync(join(home.project, 'node_modules', name)))).toEqual([])
  })

  test('tells its version and helps', async () => {
    const version = await runOk(['--version'], installed())
    expect(version.stdout).toMatch(new RegExp(`^mcpctl/${manifest.version.replaceAll('.', '\\.')} `))
    const help = await runOk(['help'], installed())
    for (const word of ['start', 'stop', 'restart', 'status', 'logs', 'wait', 'events', 'config', 'daemon']) expect(help.stdout).toMatch(new RegExp(`^  ${word} +\\S`, 'm'))
    expect((await runOk(['help', 'start'], installed())).stdout).toContain('$ mcpctl start [NAME...]')
    expect(home.leftovers()).toEqual([])
  })

  test('has types for those who use it as a library', async () => {
    cpSync(join(ROOT, 'test/fixtures/library/types.ts'), join(home.project, 'types.ts'))
    home.write('tsconfig.json', { compilerOptions: { target: 'es2023', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [] }, files: ['types.ts'] })
    const checked = await execa(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', home.project], { reject: false })
    expect(checked.stdout).toBe('')
    expect(checked.exitCode).toBe(0)
  })

  test('starts, shows and stops the servers of an .mcp.json', async () => {
    home.write('.mcp.json', { mcpServers: { notes: { command: 'node', args: fixture('mcp-legacy.mjs').args } } })
    const started = await runOk(['start', '--json'], installed())
    expect(started.json()).toMatchObject({ schemaVersion: 1, ready: 1, failed: 0, servers: [{ name: 'notes', phase: 'ready' }] })
    const { daemon, servers } = (await runOk(['status', '--json'], installed())).json() as unknown as StatusDocument
    expect(servers).toMatchObject([{ name: 'notes', phase: 'ready', ready: true, era: 'legacy', source: join(home.project, '.mcp.json') }])
    expect(servers[0]?.tools).toBeGreaterThan(0)
    expect(daemon).toMatchObject({ version: manifest.version })
    expect((await runOk(['status'], installed())).stdout).toMatch(/notes +\S* *ready/)
    await runOk(['stop'], installed())
    expect(home.leftovers()).toEqual([])
    expect((await run(['status', '--json'], installed())).json()).toMatchObject({ daemon: null })
  })
})
