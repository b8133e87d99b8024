import { describe, expect, it } from 'vitest'
import type { ClientId } from '../../../src/lib/clients/index.js'
import { toDraft } from '../../../src/lib/clients/draft.js'
import { essenceOf, identityOf } from '../../../src/lib/clients/identity.js'
import { translateText, type Translation } from '../../../src/lib/clients/reference.js'

function translation(parts: Partial<Translation> = {}): Translation {
  return { env: { SET: 'value' }, project: null, folder: '/here', inputs: new Map([['api-key', 'The key']]), expandsDollar: false, notes: new Set(), missing: new Set(), unknown: new Set(), ...parts }
}

describe('a reference of a client', () => {
  it.each([
    ['${env:SET}', '${SET}'], ['${SET}', '${SET}'], ['${UNSET:-a ${SET}}', '${UNSET:-a ${SET}}'], ['${userHome}/x', '${userHome}/x'], ['${env:odd name}', '${env:odd name}'],
    ['${workspaceFolder}/x', '${workspaceFolder}/x'], ['${workspaceFolderBasename}', 'here'], ['a${pathSeparator}b', 'a/b'], ['$SET 5%', '$SET 5%'], ['${open', '$${open'],
  ])('%s becomes %s', (text, expected) => {
    expect(translateText(text, translation())).toBe(expected)
  })

  it('to the folder of another project becomes its path', () => {
    expect(translateText('${workspaceFolder}/a ${CLAUDE_PROJECT_DIR:-.}', translation({ project: '/there' }))).toBe('/there/a /there')
    expect(translateText('${workspaceFolder}/a', translation({ project: '/here' }))).toBe('${workspaceFolder}/a')
  })

  it('to something VS Code asks for becomes a variable, with a note', () => {
    const at = translation()
    expect(translateText('Bearer ${input:api-key}', at)).toBe('Bearer ${API_KEY}')
    expect([...at.notes]).toEqual(['asks for "api-key" (The key) in VS Code; here it comes from the variable API_KEY'])
    expect([...at.missing]).toEqual(['API_KEY'])
  })

  it('of Gemini CLI has no braces; a percent sign counts only for a variable that is there', () => {
    expect(translateText('$SET ${SET} %SET% 100%X%', translation({ expandsDollar: true }))).toBe('${SET} ${SET} ${SET} 100%X%')
  })

  it('nobody here can replace is escaped and told', () => {
    const at = translation()
    expect(translateText('${command:pick}', at)).toBe('$${command:pick}')
    expect([...at.unknown]).toEqual(['${command:pick}'])
  })
})

const draft = (raw: unknown, client: ClientId = 'claude-code', at = translation()) => toDraft(raw, client, at)

describe('an entry of a client', () => {
  it('of Codex keeps its variables as references', () => {
    const raw = { command: 'x', env: { A: '1' }, env_vars: ['SET', { name: 'LATER', source: 'local' }], startup_timeout_sec: 20, enabled_tools: ['a'], tool_timeout_sec: 60, enabled: false }
    expect(draft(raw, 'codex')).toEqual({ command: 'x', args: [], env: { A: '1', SET: '${SET}', LATER: '${LATER:-}' }, enabled: false, more: { startTimeout: 20, tools: { allow: ['a'] } } })
    expect(draft({ url: 'https://h/mcp', bearer_token_env_var: 'SET', env_http_headers: { 'X-A': 'SET' }, http_headers: { B: 'c' } }, 'codex')).toEqual({
      url: 'https://h/mcp', headers: { B: 'c', Authorization: 'Bearer ${SET}', 'X-A': '${SET}' }, enabled: true, more: {},
    })
  })

  it('names its address in its own way', () => {
    expect(draft({ serverUrl: 'https://h/mcp' }, 'windsurf')).toMatchObject({ url: 'https://h/mcp' })
    expect(draft({ url: 'https://h/sse' }, 'gemini')).toMatchObject({ transport: 'sse' })
    expect(draft({ httpUrl: 'https://h/mcp' }, 'gemini')).not.toHaveProperty('transport')
    expect(draft({ url: 'https://h', type: 'sse' }, 'vscode')).toMatchObject({ transport: 'sse' })
  })

  it('of another project is run there', () => {
    expect(draft({ command: './x' }, 'cursor', translation({ project: '/there' }))).toMatchObject({ cwd: '/there' })
    expect(draft({ command: './x', cwd: 'sub' }, 'vscode', translation({ project: '/there' }))).toMatchObject({ cwd: '/there/sub' })
    expect(draft({ command: './x' }, 'cursor', translation({ project: '/here' }))).not.toHaveProperty('cwd')
  })

  it('keeps what is ours and says what is lost', () => {
    const at = translation()
    expect(draft({ command: 'x', restart: 'always', trust: true, 'x-mcpctl': { limits: { memory: '1G' } }, oauth: {}, strange: 1 }, 'gemini', at)).toMatchObject({ more: { restart: 'always', limits: { memory: '1G' } } })
    expect([...at.notes]).toEqual(['its sign-in (oauth) is not carried over'])
  })

  it.each([
    [null, 'it is not an object'], [{ args: [] }, 'it has neither a command nor a url'], [{ command: 'x', args: 'y' }, 'its args is not a list'], [{ command: 'x', env: { A: {} } }, 'its env.A is not a text'],
    [{ command: ' ' }, 'its command is empty'], [{ url: 'unix:///x' }, 'its address is not http:// or https://, and nothing else is supported'], [{ source: 'extension', settings: {} }, 'it belongs to an extension of the client'],
  ])('%j is no server: %s', (raw, reason) => {
    expect(draft(raw)).toEqual({ reason })
  })
})

describe('two entries', () => {
  const identity = (raw: Record<string, unknown>, env: Record<string, string> = {}): string => {
    const read = draft(raw, 'cursor', translation({ env }))
    if ('reason' in read) throw new Error(read.reason)
    return identityOf(essenceOf(read, { env, workspaceFolder: '/here', userHome: '/home', readFile: () => '' }))
  }

  it.each([
    [{ command: 'npx', args: ['-y', 'server', 'a'] }, { command: 'cmd', args: ['/c', 'npx', 'server', 'a'] }],
    [{ command: 'npx', args: ['-y', '@x/server@latest'] }, { command: '/opt/homebrew/bin/npx', args: ['--yes', '@x/server'] }],
    [{ command: 'C:\\Program Files\\nodejs\\npx.cmd', args: ['server'] }, { command: 'npx', args: ['--', 'server'] }],
    [{ command: 'x', env: { A: '1', B: '2' } }, { command: 'x', env: { B: '2', A: '1' } }],
    [{ command: 'x', env: { A: '${env:SET}' } }, { command: 'x', env: { A: '${SET}' } }],
    [{ url: 'https://H/mcp', headers: { authorization: 'x' } }, { serverUrl: 'https://h/mcp', headers: { Authorization: 'x' } }],
    [{ command: 'x' }, { command: 'x', args: [], env: {}, type: 'stdio', disabled: true }],
  ])('%j and %j are one server', (a, b) => {
    expect(identity(a)).toBe(identity(b))
  })

  it('are one when a reference stands for what the other writes out', () => {
    const [a, b] = [{ command: 'x', env: { A: '${env:T}' } }, { command: 'x', env: { A: 'secret' } }]
    expect(identity(a, { T: 'secret' })).toBe(identity(b, { T: 'secret' }))
    expect(identity(a, { T: 'other' })).not.toBe(identity(b, { T: 'other' }))
  })

  it.each([
    [{ command: 'npx', args: ['server'] }, { command: 'npx', args: ['server', '-y'] }],
    [{ command: 'npx', args: ['server@1'] }, { command: 'npx', args: ['server@2'] }],
    [{ command: './npx-like', args: [] }, { command: 'npx', args: [] }],
    [{ command: 'x', args: ['a', 'b'] }, { command: 'x', args: ['b', 'a'] }],
    [{ url: 'https://h/mcp' }, { url: 'https://h/mcp', headers: { A: 'b' } }],
    [{ command: 'npm', args: ['start'], cwd: '/a' }, { command: 'npm', args: ['start'], cwd: '/b' }],
  ])('%j and %j are two servers', (a, b) => {
    expect(identity(a)).not.toBe(identity(b))
  })
})
