import { describe, expect, it } from 'vitest'
import { isWrapper, lookAtProgram, packageIn, scriptOf } from '../../../src/lib/verbs/doctor-program.js'

const words = (line: string): string[] => line.split(' ')

describe('a command line that looks like an MCP server', () => {
  it.each([
    ['npx -y @modelcontextprotocol/server-filesystem /tmp', '@modelcontextprotocol/server-filesystem', 'filesystem'],
    ['npx @playwright/mcp@latest --headless', '@playwright/mcp', 'playwright'],
    ['node /home/me/.npm/_npx/1a/node_modules/.bin/mcp-server-filesystem /tmp', 'mcp-server-filesystem', 'filesystem'],
    ['node /home/me/node_modules/@modelcontextprotocol/server-git/dist/index.js', '@modelcontextprotocol/server-git', 'git'],
    ['/usr/bin/python3 -m mcp_server_git --repository /r', 'mcp_server_git', 'git'],
    ['/home/me/.venv/bin/python /home/me/.venv/bin/mcp-server-fetch', 'mcp-server-fetch', 'fetch'],
    ['uvx mcp-server-time', 'mcp-server-time', 'time'],
    ['uv tool run mcp-server-time', 'mcp-server-time', 'time'],
    ['node /srv/notes-mcp/dist/index.js', 'notes-mcp', 'notes'],
    ['docker run -i --rm -e TOKEN ghcr.io/github/github-mcp-server:1.2', 'github/github-mcp-server', 'github'],
    ['docker run -i --rm mcp/postgres', 'mcp/postgres', 'postgres'],
    ['/opt/bin/github-mcp-server stdio', 'github-mcp-server', 'github'],
  ])('%s', (line, name, key) => {
    const look = lookAtProgram(words(line))
    expect(look?.key).toBe(key)
    expect(look?.name).toBe(name)
  })

  it('is seen where a program wrote its whole command line into its first word', () => {
    expect(lookAtProgram(['npm exec @modelcontextprotocol/server-memory'])?.key).toBe('memory')
    expect(lookAtProgram(['sh', '-c', 'mcp-server-memory /x'])?.key).toBe('memory')
  })

  it.each([
    'vim /home/me/mcp-notes.md',
    'ls /srv/mcp',
    'node /srv/app/server.js --config mcp.json',
    'node /usr/lib/node_modules/npm/bin/npx-cli.js -y cowsay',
    'npx @modelcontextprotocol/inspector',
    'node /x/node_modules/mcpctl/bin/run.js proxy',
    'mcpctl proxy --servers files',
    'cat mcp-server.log',
    '',
  ])('%s is not one', (line) => {
    expect(lookAtProgram(words(line))).toBeNull()
  })
})

describe('a secret in a command line', () => {
  it.each([
    'docker run -i --rm -e DATABASE_URL=postgres://u:s3cret@host/mcp some/image',
    'docker run -i --rm --env s3cret=x/mcp postgres://u:s3cret@host/mcp',
    'env KEY=s3cret-mcp-1 node x',
    'sh -c KEY=s3cret-mcp-server node x',
  ])('%s: is no name', (line) => {
    expect(JSON.stringify(lookAtProgram(words(line)))).not.toContain('s3cret')
  })
})

describe('a wrapper', () => {
  it.each(['npx -y x', 'npm exec x', 'uvx x', 'uv run x', 'sh -c x', 'node /usr/bin/npx -y x', 'node /usr/lib/node_modules/npm/bin/npx-cli.js x', 'pipx run x'])('%s', (line) => expect(isWrapper(words(line))).toBe(true))
  it.each(['node server.js', 'python server.py', 'sh server.sh', 'mcp-server-git', 'docker run x'])('%s is none', (line) => expect(isWrapper(words(line))).toBe(false))
})

describe('the package a runner is asked for', () => {
  it.each([
    ['npx -y cowsay@1.6.0 hello', 'cowsay'],
    ['npm exec --prefix /work @scope/tool', '@scope/tool'],
    ['uvx cowpy', 'cowpy'],
    ['npx', null],
  ])('%s: %s', (line, name) => expect(packageIn(words(line))).toBe(name))
})

describe('the script of a command line', () => {
  it('is absolute', () => {
    expect(scriptOf(words('node ./server.mjs --x'), '/srv/app')).toBe('/srv/app/server.mjs')
    expect(scriptOf(words('python3 /srv/s.py'), '/')).toBe('/srv/s.py')
    expect(scriptOf(words('npx -y @scope/name'), '/')).toBeNull()
  })
})
