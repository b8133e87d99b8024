import { describe, expect, it } from 'vitest'
import { extractSecrets, gather, toName, writeJson, writeTypeScript, type Draft, type Found } from '../../../src/lib/clients/index.js'

const draft = (parts: Partial<Draft>): Draft => ({ enabled: true, more: {}, ...parts })

function extract(parts: Partial<Draft>, taken = new Map<string, string | null>()) {
  const { draft: shown, secrets } = extractSecrets('s', draft(parts), taken)
  return { shown, files: Object.fromEntries(secrets.map(({ file, value }) => [file, value])) }
}

describe('what is secret in an entry', () => {
  it('goes into files: variables, headers, arguments, parameters of an address', () => {
    const { shown, files } = extract({
      command: 'x', args: ['--api-key', 'abc123', '--token=def456', 'postgresql://me:pw@db/x', '--verbose'], env: { API_KEY: 'abc', MODE: 'fast', OTHER: 'ghp_0123456789abcdefghijABCDEFGHIJ012345' },
      url: 'https://h/mcp?api_key=ghi789&v=1', headers: { Authorization: 'Bearer jkl012345', Accept: 'x' },
    })
    expect(shown).toMatchObject({
      args: ['--api-key', '${file:./mcp.secrets/s.api-key}', '--token=${file:./mcp.secrets/s.token}', '${file:./mcp.secrets/s.3}', '--verbose'],
      env: { API_KEY: '${file:./mcp.secrets/s.API_KEY}', MODE: 'fast', OTHER: '${file:./mcp.secrets/s.OTHER}' },
      url: 'https://h/mcp?api_key=${file:./mcp.secrets/s.api_key-2}&v=1', headers: { Authorization: 'Bearer ${file:./mcp.secrets/s.Authorization}', Accept: 'x' },
    })
    expect(files).toMatchObject({ 's.api-key': 'abc123', 's.token': 'def456', 's.3': 'postgresql://me:pw@db/x', 's.API_KEY': 'abc', 's.Authorization': 'jkl012345' })
  })

  it('is not what is a reference, a number, a switch, an address or a path', () => {
    const env = { TOKEN: '${env:TOKEN}', A_KEY: '${A:-}', MAX_TOKENS: '4096', USE_KEYS: 'true', TOKEN_URL: 'https://h/token', KEY_FILE: '/home/me/key.pem', SECRET: '', AUTH: 'Bearer ${T}' }
    expect(extract({ command: 'x', env, headers: { Authorization: 'Bearer ${T}' } })).toEqual({ shown: draft({ command: 'x', env, headers: { Authorization: 'Bearer ${T}' } }), files: {} })
  })

  it('is a default inside of a reference too', () => {
    expect(extract({ command: 'x', env: { TOKEN: '${T:-abc123}' } })).toMatchObject({ shown: { env: { TOKEN: '${T:-${file:./mcp.secrets/s.TOKEN}}' } }, files: { 's.TOKEN': 'abc123' } })
  })

  it('never takes the file of another secret, and uses one that says the same again', () => {
    const taken = new Map<string, string | null>([['s.token', 'other'], ['s.key', 'same']])
    expect(extract({ command: 'x', env: { TOKEN: 'mine', KEY: 'same' } }, taken).shown.env).toEqual({ TOKEN: '${file:./mcp.secrets/s.TOKEN-2}', KEY: '${file:./mcp.secrets/s.KEY}' })
  })
})

const found = (name: string, client: Found['place']['client'], parts: Partial<Found> & { readonly words?: readonly string[] } = {}): Found => {
  const { words = ['x'], ...rest } = parts
  const essence = { program: words, env: {}, url: null, headers: {}, cwd: null }
  return { place: { client, scope: 'user', file: `/${client}`, path: ['mcpServers'], project: null }, name, draft: draft({ command: words[0] ?? '', args: words.slice(1) }), essence, identity: words.join(' '), notes: [], missing: [], unknown: [], ...rest }
}

describe('servers of several clients', () => {
  it('are one when they are the same, under whatever names; the first name counts', () => {
    expect(gather([found('a', 'cursor'), found('b', 'zed')])).toMatchObject([{ name: 'a', renamed: null, sources: [{ name: 'a' }, { name: 'b' }] }])
  })

  it('keep apart what only shares a name, without regard to case', () => {
    const servers = gather([found('git', 'cursor'), found('Git', 'zed', { words: ['x', 'y'] }), found('git', 'gemini', { words: ['z'] })])
    expect(servers.map(({ name, renamed }) => [name, renamed])).toEqual([['git', null], ['Git-zed', '"Git" is another server in Cursor: another program'], ['git-gemini', '"git" is another server in Cursor: another program']])
  })

  it('run when one client runs them, and are disabled when none does or a variable is not set', () => {
    const off = draft({ command: 'x', enabled: false })
    expect(gather([found('a', 'cursor', { draft: off }), found('a', 'zed')])).toMatchObject([{ disabled: null }])
    expect(gather([found('a', 'cursor', { draft: off })])).toMatchObject([{ disabled: 'it is disabled in Cursor', draft: { enabled: false } }])
    expect(gather([found('a', 'cursor', { missing: ['A', 'B'] })])).toMatchObject([{ disabled: 'it needs the variable A and the variable B, which are not set' }])
  })

  it.each([['My Server!', 'My-Server'], ['üñï', 'uni'], ['a..b', 'a.b'], ['...', 'server'], ['con', 'server-con'], ['x'.repeat(80), 'x'.repeat(63)], ['ok.name_1', 'ok.name_1']])('%s is called %s', (name, expected) => {
    expect(toName(name)).toBe(expected)
  })
})

it('a configuration is written so that it says exactly what was meant', () => {
  const strange = { name: "it's", draft: draft({ command: 'a\\"b\'\n\u2028', args: ['x'.repeat(150), 'y'], env: { 'odd name': '$${x}', __proto__x: '1' } }), comments: ['two\nlines */ here'] }
  const text = writeTypeScript([strange])
  const body = text.replace(/^import .*$/m, '').replace('export default defineConfig(', 'return (')
  // The text is ours: a test may run it.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  const value: unknown = new Function(body)()
  expect(value).toEqual({ servers: { "it's": { command: strange.draft.command, args: strange.draft.args, env: strange.draft.env } } })
  expect(JSON.parse(writeJson([strange]))).toEqual(value)
})
