import { describe, expect, it } from 'vitest'
import { McpctlError } from '../../../src/lib/errors/index.js'
import { readSelection } from '../../../src/lib/verbs/proxy-servers.js'

describe('--servers', () => {
  it.each([
    ['files', { names: ['files'], urls: [] }],
    ['files,git', { names: ['files', 'git'], urls: [] }],
    [' files , git ', { names: ['files', 'git'], urls: [] }],
    ['main=http://localhost:8000/mcp', { names: [], urls: [{ name: 'main', url: 'http://localhost:8000/mcp' }] }],
    [
      'files,main=https://a.example/mcp?key=a=b,git,backup = http://[::1]:1/',
      {
        names: ['files', 'git'],
        urls: [
          { name: 'main', url: 'https://a.example/mcp?key=a=b' },
          { name: 'backup', url: 'http://[::1]:1/' },
        ],
      },
    ],
  ])('%s is read as it is meant', (text, selection) => {
    expect(readSelection(text)).toEqual(selection)
  })

  it.each([
    ['', ''],
    ['a,', 'a,'],
    ['a,b,a', 'a'],
    ['a,a=http://x/', 'a=http://x/'],
    ['a=', 'a='],
    ['=http://x/', '=http://x/'],
    ['a=//x', 'a=//x'],
    ['a=http://', 'a=http://'],
    ['a=file:///etc/passwd', 'a=file:///etc/passwd'],
    ['https://x/mcp?a=b', 'https://x/mcp?a=b'],
    ['-a', '-a'],
    ['name#1', 'name#1'],
    [`${'x'.repeat(64)}`, 'x'.repeat(64)],
  ])('%j is refused under the name of its entry', (text, entry) => {
    try {
      readSelection(text)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(McpctlError)
      expect(error).toMatchObject({ code: 'USAGE', details: { flag: 'servers', entry }, hint: expect.any(String) as string })
    }
  })
})
