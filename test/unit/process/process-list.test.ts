import { describe, expect, it } from 'vitest'
import { readMarked } from '../../../src/lib/process/login-path.js'
import { isServiceGroup, parseList } from '../../../src/lib/process/process-list.js'

describe('the list of processes of ps', () => {
  const text = [
    '    1     0     0   4512 Sat Nov 21 03:44:00 2026 /sbin/launchd',
    '  812     1   501  81920 Sat Nov 21 13:00:05 2026 /opt/homebrew/bin/node /x/mcp-server-git --repository /r',
    '  813   812   501   2048 Sat Nov 21 13:00:06 2026 sh -c git status',
    'nonsense',
    '',
  ].join('\n')

  it('has the processes of one user, each with the program of its parent', () => {
    expect(parseList(text, { owner: 501, markers: new Map([[813, 'home:run:git:1']]) })).toEqual([
      { pid: 812, parentPid: 1, parentName: 'launchd', args: ['/opt/homebrew/bin/node', '/x/mcp-server-git', '--repository', '/r'], memoryBytes: 81920 * 1024, startedAt: Date.parse('Sat Nov 21 13:00:05 2026'), marker: null, isService: false },
      { pid: 813, parentPid: 812, parentName: 'node', args: ['sh', '-c', 'git', 'status'], memoryBytes: 2048 * 1024, startedAt: Date.parse('Sat Nov 21 13:00:06 2026'), marker: 'home:run:git:1', isService: false },
    ])
  })
})

describe('a process of a service', () => {
  it.each([
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/notes.service', true],
    ['12:memory:/system.slice/notes.service\n0::/', true],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-code-12.scope', false],
    ['0::/user.slice/user-1000.slice/session-3.scope', false],
    ['0::/user.slice/user-1000.slice/user@1000.service', false],
    ['', false],
  ])('%s: %s', (text, expected) => {
    expect(isServiceGroup(text)).toBe(expected)
  })
})

describe('what a login shell says', () => {
  it.each([
    ['mcpctl-login-path\n/usr/bin:/bin\nmcpctl-login-path\n', '/usr/bin:/bin'],
    ['Welcome!\nmcpctl-login-path\r\n/opt/x\r\nmcpctl-login-path\r\nBye', '/opt/x'],
    ['mcpctl-login-path\n/usr/bin:/b', null],
    ['mcpctl-login-path\nmcpctl-login-path\n', null],
    ['no mark at all', null],
    ['', null],
  ])('%j is %j', (text, expected) => {
    expect(readMarked(text)).toBe(expected)
  })
})
