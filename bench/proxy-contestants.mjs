// mcpctl as a contestant of the proxy harness: the stdio face (a thin proxy and the daemon) and the HTTP face.
import path from 'node:path'

const CLI = path.resolve(import.meta.dirname, '../bin/run.js')

const servers = (backends) => Object.fromEntries(backends.map(({ name, url, command, args }) => [name, url ? { url } : { command, args }]))

const plan = (face) => ({ backends, port, dir }) => ({
  cmd: process.execPath,
  args: face === 'stdio' ? [CLI, 'proxy', '--config', 'c.json'] : [CLI, 'daemon', 'run', '--config', 'c.json'],
  env: { MCP_HOME: path.join(dir, 'home') },
  files: { 'c.json': JSON.stringify({ servers: servers(backends), ...(face === 'http' ? { gateway: { port } } : {}) }) },
  ...(face === 'http' ? { url: `http://127.0.0.1:${port}/mcp` } : {}),
})

export default [
  { name: 'mcpctl-stdio', group: 'own', front: 'stdio', back: 'stdio', multi: true, plan: plan('stdio') },
  { name: 'mcpctl-http', group: 'own', front: 'http', back: 'stdio', multi: true, plan: plan('http') },
  { name: 'mcpctl-http2stdio', group: 'own', front: 'stdio', back: 'http', multi: true, plan: plan('stdio') },
  { name: 'mcpctl-http2http', group: 'own', front: 'http', back: 'http', multi: true, plan: plan('http') },
]
