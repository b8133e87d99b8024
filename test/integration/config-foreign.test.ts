import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createProject, onlyServer } from './config-support.js'

describe("other clients' files", () => {
  it('a .mcp.json works as it is: both transports, fields of its client kept quiet', async () => {
    const project = createProject({
      '.mcp.json': {
        mcpServers: {
          GitHub: { type: 'stdio', command: 'npx', args: ['-y', 'server'], env: { A: '${A:-b}' }, timeout: 5, autoApprove: ['x'], alwaysAllow: [] },
          search: { type: 'http', url: 'https://h/mcp', headers: { Authorization: 'Bearer ${T}' } },
          old: { type: 'sse', url: 'https://h/sse', disabled: true },
        },
      },
    })
    const config = await project.load({ env: { T: 't' } })
    expect(config.warnings).toEqual([])
    expect(config.servers).toMatchObject([
      { name: 'GitHub', transport: 'stdio', launch: { command: 'npx', env: { A: 'b' } }, endpoint: null, enabled: true },
      { name: 'search', transport: 'http', launch: null, endpoint: { url: 'https://h/mcp', headers: { Authorization: 'Bearer t' } } },
      { name: 'old', transport: 'sse', enabled: false },
    ])
  })

  it('our fields stand under x-mcpctl, per server and for all, and win over what stands beside them', async () => {
    const project = createProject({
      '.mcp.json': {
        mcpServers: { a: { command: 'x', disabled: false, restart: 'never', 'x-mcpctl': { restart: 'always', limits: { memory: '1G' }, enabled: true } } },
        'x-mcpctl': { defaults: { stopTimeout: '3s' } },
      },
    })
    expect(onlyServer(await project.load())).toMatchObject({ restart: { policy: 'always' }, limits: { memoryBytes: 1024 ** 3 }, stopTimeoutMs: 3000 })
  })

  it('unknown fields under x-mcpctl are errors even there', async () => {
    const project = createProject({ '.mcp.json': { mcpServers: { a: { command: 'x', 'x-mcpctl': { restrt: 'never' } } }, 'x-mcpctl': { default: {} } } })
    const error = await project.fail()
    expect(error.message).toContain('mcpServers.a.x-mcpctl.restrt is not a known field. Did you mean "restart"?')
    expect(error.message).toContain('x-mcpctl.default is not a known field. Did you mean "defaults"?')
  })

  it('an unknown field is a warning with a suggestion, the server still usable', async () => {
    const config = await createProject({ '.mcp.json': { mcpServers: { a: { command: 'x', agrs: ['y'] } } } }).load()
    expect(config.servers).toHaveLength(1)
    expect(config.warnings).toEqual([expect.stringContaining('mcpServers.a.agrs is not known and ignored; did you mean "args"?')])
  })

  it('VS Code: servers and inputs, the folder around .vscode is the project, envFile is read', async () => {
    const project = createProject({
      '.vscode/mcp.json': '{ "inputs": [], // prompts\n "servers": { "a": { "type": "stdio", "command": "x", "args": ["${workspaceFolder}"], "envFile": "${workspaceFolder}/.env", "env": { "B": "own" }, "dev": { "watch": "*" } } } }',
      '.env': 'A=1\nB=2\n# note\nexport C="x y"\n',
    })
    const config = await project.load()
    expect(onlyServer(config).launch).toMatchObject({ args: [project.folder], cwd: project.folder, env: { A: '1', B: 'own', C: 'x y' }, ownEnv: ['A', 'B', 'C'] })
    expect(config.files).toContain(join(project.folder, '.env'))
  })

  it('Cursor: the project is the folder around .cursor, relative folders start there', async () => {
    const project = createProject({ '.cursor/mcp.json': { mcpServers: { a: { command: 'x', cwd: 'sub' } } } })
    expect(onlyServer(await project.load()).launch?.cwd).toBe(join(project.folder, 'sub'))
  })

  it.each([['httpUrl'], ['serverUrl'], ['uri'], ['url']])('%s is an address', async (field) => {
    const project = createProject({ 'mcp.json': { mcpServers: { a: { [field]: 'http://h/mcp' } } } })
    expect(onlyServer(await project.load({ configPath: 'mcp.json' }))).toMatchObject({ transport: 'http', endpoint: { url: 'http://h/mcp' } })
  })

  it.each(['http', 'streamable-http', 'streamableHttp', 'streamable_http', 'remote'])('the label %s means HTTP', async (type) => {
    const project = createProject({ '.mcp.json': { mcpServers: { a: { type, url: 'http://h/mcp' } } } })
    expect(onlyServer(await project.load()).transport).toBe('http')
  })

  it('Gemini CLI: url is SSE, httpUrl is not; the rest of its settings is left alone', async () => {
    const project = createProject({ '.gemini/settings.json': { theme: 'x', mcpServers: { a: { url: 'http://h/sse', trust: true }, b: { httpUrl: 'http://h/mcp', timeout: 5 } } } })
    const config = await project.load({ configPath: '.gemini/settings.json' })
    expect(config.servers.map((server) => server.transport)).toEqual(['sse', 'http'])
    expect(config.warnings).toEqual([])
  })

  it('Zed: context_servers, with those of extensions left out', async () => {
    const project = createProject({ 'settings.json': '{ "theme": 1, "context_servers": { "a": { "source": "custom", "command": "x", "args": [] }, "ext": { "source": "extension", "settings": {} } } }' })
    const config = await project.load({ configPath: 'settings.json' })
    expect(onlyServer(config).name).toBe('a')
    expect(config.warnings.join()).toContain('context_servers.ext is run by an extension')
  })

  it('Codex: tokens and headers come from named variables', async () => {
    const project = createProject({
      '.codex/config.toml': [
        'model = "x"',
        '[mcp_servers.docs]', 'url = "https://h/mcp"', 'bearer_token_env_var = "DOCS_TOKEN"', 'startup_timeout_sec = 20',
        '[mcp_servers.docs.http_headers]', 'X-A = "a"',
        '[mcp_servers.docs.env_http_headers]', 'X-B = "B_VALUE"',
        '[mcp_servers.local]', 'command = "x"', 'env_vars = ["PASSED", { name = "ALSO", source = "local" }, "ABSENT"]', 'enabled = false', 'tool_timeout_sec = 3',
      ].join('\n'),
    })
    const config = await project.load({ configPath: '.codex/config.toml', env: { DOCS_TOKEN: 's3', B_VALUE: 'b', PASSED: 'p', ALSO: 'q', OTHER: 'o' } })
    expect(config.servers).toMatchObject([
      { name: 'docs', startTimeoutMs: 20_000, endpoint: { headers: { Authorization: 'Bearer s3', 'X-A': 'a', 'X-B': 'b' } } },
      { name: 'local', enabled: false, launch: { env: { PASSED: 'p', ALSO: 'q' }, cwd: project.folder } },
    ])
    expect(Object.keys(config.servers[1]?.launch?.env ?? {})).toEqual(['PASSED', 'ALSO'])
    expect(JSON.stringify(config.explained)).not.toContain('s3')
    expect((await project.fail({ configPath: '.codex/config.toml' })).message).toContain('needs the variable DOCS_TOKEN')
  })

  it('fields of other clients are refused in our own format, where they would do nothing', async () => {
    const error = await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', autoApprove: [], timeout: 5, disabledTools: ['x'], gateway: {} } } } }).fail()
    expect(error.message).toContain('servers.a.autoApprove is a field of other MCP clients')
    expect(error.message).toContain('servers.a.timeout is not a known field. For the time a server may take to start write "startTimeout"')
    expect(error.message).toContain('servers.a.disabledTools is not a known field. Write "tools": { "deny": [...] }')
    expect(error.message).toContain('servers.a.gateway concerns all servers together. Move it to the root of the file')
  })

  it('a file without servers says so, one with an empty list is fine', async () => {
    expect((await createProject({ '.mcp.json': {} }).fail()).message).toContain('the configuration names no servers')
    expect((await createProject({ '.mcp.json': { mcpServers: {} } }).load()).servers).toEqual([])
  })
})
