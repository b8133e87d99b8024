import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { diffLines, findClient, userPlaces } from '../../../src/lib/clients/index.js'
import { isSelf } from '../../../src/lib/clients/self.js'

const files = (platform: NodeJS.Platform, env: Record<string, string> = {}): string[] => userPlaces({ env: { HOME: '/home/me', ...env }, cwd: '/', platform }).map(({ client, file }) => `${client} ${file}`)

describe('the files of the clients', () => {
  it('are where each system has them', () => {
    expect(files('linux')).toEqual([
      'cursor /home/me/.cursor/mcp.json', 'claude-code /home/me/.claude.json', 'claude-desktop /home/me/.config/Claude/claude_desktop_config.json', 'codex /home/me/.codex/config.toml',
      'windsurf /home/me/.codeium/windsurf/mcp_config.json', 'windsurf /home/me/.codeium/mcp_config.json', 'vscode /home/me/.config/Code/User/mcp.json',
      'vscode /home/me/.config/Code - Insiders/User/mcp.json', 'zed /home/me/.config/zed/settings.json', 'gemini /home/me/.gemini/settings.json',
    ])
    expect(files('darwin')).toEqual(expect.arrayContaining(['claude-desktop /home/me/Library/Application Support/Claude/claude_desktop_config.json', 'vscode /home/me/Library/Application Support/Code/User/mcp.json', 'zed /home/me/.config/zed/settings.json']))
    expect(files('win32', { APPDATA: '/roaming' })).toEqual(expect.arrayContaining(['claude-desktop /roaming/Claude/claude_desktop_config.json', 'zed /roaming/Zed/settings.json']))
  })

  it('follow the variables that move them', () => {
    const moved = files('linux', { XDG_CONFIG_HOME: '/xdg', CODEX_HOME: '/codex', CLAUDE_CONFIG_DIR: '/claude' })
    expect(moved).toEqual(expect.arrayContaining(['codex /codex/config.toml', 'claude-code /claude/.claude.json', 'zed /xdg/zed/settings.json', 'vscode /xdg/Code/User/mcp.json']))
    expect(files('linux', { CODEX_HOME: 'relative' })).toContain('codex /home/me/.codex/config.toml')
  })

  it('are found by the names people use', () => {
    expect([findClient('Claude'), findClient('claude-desktop'), findClient('VS Code'), findClient('gemini-cli'), findClient('emacs'), findClient('constructor')]).toEqual(['claude-code', 'claude-desktop', 'vscode', 'gemini', undefined, undefined])
  })
})

it.each([
  [{ command: 'mcpctl', args: ['proxy'] }, true], [{ command: '/usr/bin/node', args: ['/x/mcpctl/bin/run.js', 'proxy', '--config', 'y'] }, true], [{ command: 'node', args: [fileURLToPath(new URL('../../../bin/run.js', import.meta.url)), 'proxy'] }, true], [{ command: 'node', args: ['/other/bin/run.js', 'proxy'] }, false], [{ command: 'npx', args: ['-y', 'mcpctl', 'proxy'] }, true], [{ url: 'http://127.0.0.1:7420/mcp' }, true],
  [{ command: 'mcpctl', args: ['call'] }, false], [{ command: 'node', args: ['server.js', 'proxy'] }, false], [{ url: 'http://127.0.0.1:9000/mcp' }, false], [null, false],
])('%j is mcpctl itself: %s', (raw, expected) => {
  expect(isSelf('x', raw, ['http://127.0.0.1:7420'])).toBe(expected)
})

describe('a comparison by lines', () => {
  it('shows what goes and comes, with two lines around', () => {
    const before = [...'abcdefghij'].join('\n')
    const shown = diffLines(before, before.replace('e', 'E\nF')).map(({ kind, text }) => `${kind} ${text}`)
    expect(shown).toEqual(['skip 2', 'same c', 'same d', 'old e', 'new E', 'new F', 'same f', 'same g', 'skip 3'])
  })

  it('makes the new text of the old one, whatever the two are', () => {
    const texts = ['', 'a', 'a\nb\nc', 'c\nb\na', 'b\nb\nb\na', 'x\ny\nz\na\nb', 'a\r\nb\r\nc\r\n']
    const lines = (text: string): string[] => text.split(/\r?\n/).filter((line, index, all) => index < all.length - 1 || line !== '')
    for (const before of texts) for (const after of texts) {
      const diff = diffLines(before, after)
      if (diff.some(({ kind }) => kind === 'skip')) continue
      if (diff.length === 0) expect(lines(before)).toEqual(lines(after))
      else {
        expect(diff.filter(({ kind }) => kind !== 'new').map(({ text }) => text)).toEqual(lines(before))
        expect(diff.filter(({ kind }) => kind !== 'old').map(({ text }) => text)).toEqual(lines(after))
      }
    }
  })
})
