import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BIN, cliEnvironment, run, runOk } from '../helpers/cli.js'
import { wordsHere } from '../helpers/verbs.js'
import { errorOf, fixture, useHome } from './support.js'

const home = useHome()

const words = (...typed: string[]): Promise<string[]> => wordsHere(home(), ...typed)
/** What is not known within 1.5 s is left out, and may be there when it is asked for again. */
const expectWords = (typed: readonly string[], wanted: readonly string[]): Promise<void> => expect.poll(() => words(...typed), { timeout: 20_000 }).toEqual(wanted)
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0

/** What bash offers on a line, by its own machinery: the words as readline splits them. */
function askBash(script: string, line: string, split: readonly string[]): string[] {
  const program = `source "$1"; COMP_LINE=$2; COMP_POINT=\${#2}; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _mcpctl; printf '%s\\n' "\${COMPREPLY[@]}"`
  const env = { ...cliEnvironment(home()), PATH: `${join(home().base, 'bin')}:${process.env['PATH'] ?? ''}` }
  return execFileSync('bash', ['--norc', '-c', program, 'bash', script, line, ...split], { encoding: 'utf8', env, cwd: home().project }).trimEnd().split('\n')
}

function installShim(): void {
  const folder = join(home().base, 'bin')
  mkdirSync(folder)
  writeFileSync(join(folder, 'mcpctl'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`)
  chmodSync(join(folder, 'mcpctl'), 0o755)
}

describe('completion', () => {
  test('knows servers from the configuration before anything runs, and never fails', async () => {
    home().config({ files: fixture('mcp-legacy.mjs'), db: fixture('mcp-legacy.mjs') })
    await expectWords(['logs', ''], ['files', 'db'])
    await expectWords(['logs', 'files', 'd'], ['db'])
    expect(await words('call', 'files', '')).toEqual([])
    expect(await words('nonsense', '')).toEqual([])
    home().write('mcp.config.json', '{ broken')
    expect(await words('logs', '')).toEqual([])
    expect(await runOk(['completion', 'words', '--', 'logs', ''], { home: home() })).toMatchObject({ stdout: '', stderr: '' })
  })

  test('knows servers, tools and arguments as they are, and bash offers them', async () => {
    home().config({ box: fixture('e2e-toolbox.mjs'), basic: fixture('mcp-modern.mjs') })
    await runOk(['start'], { home: home() })
    await expectWords(['status', ''], ['box\tready', 'basic\tready'])
    await expectWords(['call', 'box', 'ad'], ['add\tAdds numbers.'])
    await expectWords(['call', 'box', 'add', ''], ['numbers=\tarray, required', 'label=\tstring', ':nospace'])
    await expectWords(['call', 'box', 'add', 'numbers=1', ''], ['label=\tstring', ':nospace'])
    expect((await words('install', 'cla')).map((line) => line.split('\t')[0])).toEqual(['claude-code', 'claude-desktop'])
    if (!has('bash')) return
    installShim()
    const script = join(home().base, 'mcpctl.bash')
    writeFileSync(script, (await runOk(['completion', 'bash'], { home: home() })).stdout)
    expect(askBash(script, 'mcpctl sta', ['mcpctl', 'sta'])).toEqual(['start', 'status'])
    expect(askBash(script, 'mcpctl daemon ', ['mcpctl', 'daemon', ''])).toEqual(['restart', 'run', 'status', 'stop'])
    expect(askBash(script, 'mcpctl call b', ['mcpctl', 'call', 'b'])).toEqual(['box', 'basic'])
    expect(askBash(script, 'mcpctl logs --since=5m ba', ['mcpctl', 'logs', '--since', '=', '5m', 'ba'])).toEqual(['basic'])
    expect(askBash(script, 'mcpctl proxy --prefix=on', ['mcpctl', 'proxy', '--prefix', '=', 'on'])).toEqual(['on-collision'])
    expect(askBash(script, 'mcpctl start --config mcp.c', ['mcpctl', 'start', '--config', 'mcp.c'])).toEqual(['mcp.config.json'])
    expect(askBash(script, 'mcpctl proxy --servers box,', ['mcpctl', 'proxy', '--servers', 'box,'])).toEqual(['box,basic'])
  }, 90_000)

  test('scripts are such that their shells read them', async () => {
    const shells = [['bash', '-n'], ['zsh', '-n'], ['fish', '--no-execute']] as const
    for (const [shell, check] of shells) {
      const { stdout } = await runOk(['completion', shell], { home: home() })
      const file = join(home().base, `mcpctl.${shell}`)
      writeFileSync(file, stdout)
      if (has(shell)) execFileSync(shell, [check, file])
      expect(stdout).toContain('completion words')
    }
    const wrong = await run(['completion', 'bush', '--json'], { home: home() })
    expect(wrong.exitCode).toBe(2)
    expect(errorOf(wrong)).toMatchObject({ code: 'USAGE', hint: 'Did you mean bash?' })
  })
})
