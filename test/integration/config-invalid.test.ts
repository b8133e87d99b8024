import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createProject, onlyServer, problemsOf } from './config-support.js'

/** The problems of one server entry, which is called `a` and has a neighbour `b`. */
async function problemsFor(entry: unknown): Promise<{ field: string; message: string; hint: string }[]> {
  return problemsOf(await createProject({ 'mcp.config.json': { servers: { a: entry, b: { command: 'x' } } } as object }).fail())
}

describe('values', () => {
  it.each([
    [{ command: 5 }, 'a.command', 'must be a text, not a number'],
    [{ command: '' }, 'a.command', 'must not be empty'],
    [{ command: 'a\0b' }, 'a.command', 'NUL'],
    [{ command: 'x', args: '-y' }, 'a.args', 'must be a list of texts, not a string'],
    [{ command: 'x', args: [{}] }, 'a.args[0]', 'must be a text, not an object'],
    [{ command: 'x', env: ['A=1'] }, 'a.env', 'must be an object of variable names and texts, not a list'],
    [{ command: 'x', env: { A: null } }, 'a.env.A', 'must be a text, not null'],
    [{ command: 'x', env: { 'A=B': '1' } }, 'a.env["A=B"]', 'not a possible name of an environment variable'],
    [{ command: 'x', env: { A: 'x\0' } }, 'a.env.A', 'NUL'],
    [{ url: 'localhost:80' }, 'a.url', 'must be an http:// or https:// address, not "localhost:80"'],
    [{ url: 'ftp://h' }, 'a.url', 'must be an http:// or https:// address'],
    [{ url: 'http://h', headers: { 'a b': '1' } }, 'a.headers["a b"]', 'not a possible name of an HTTP header'],
    [{ url: 'http://h', headers: { A: 'x\ny' } }, 'a.headers.A', 'holds a line break'],
    [{ url: 'http://h', headers: { A: 'x', a: 'y' } }, 'a.headers.a', 'is there twice'],
    [{ command: 'x', transport: 'ws' }, 'a.transport', 'must be "stdio", "http", "sse" or "none", not "ws"'],
    [{ command: 'x', enabled: 'true' }, 'a.enabled', 'must be true or false, not "true"'],
    [{ command: 'x', era: 'modren' }, 'a.era', 'must be "auto", "legacy" or "modern", not "modren"'],
    [{ command: 'x', restart: 'sometimes' }, 'a.restart', 'must be "always", "on-failure" or "never", not "sometimes"'],
    [{ command: 'x', restart: true }, 'a.restart', 'not true'],
    [{ command: 'x', restart: { backoff: { initial: '9s', max: '1s' } } }, 'a.restart.backoff', 'initial delay above its max'],
    [{ command: 'x', restart: { intensity: { restarts: 1.5 } } }, 'a.restart.intensity.restarts', 'whole number'],
    [{ command: 'x', limits: { memory: 'lots' } }, 'a.limits.memory', 'not "lots"'],
    [{ command: 'x', limits: { memory: 300 } }, 'a.limits.memory', 'at least 1.0 MB'],
    [{ command: 'x', limits: { cpu: '0%' } }, 'a.limits.cpu', 'percent of one core'],
    [{ command: 'x', limits: { pids: 0 } }, 'a.limits.pids', 'whole number from 1'],
    [{ command: 'x', limits: 'tight' }, 'a.limits', 'must be an object with memory, memorySoft, cpu, pids and required'],
    [{ command: 'x', startTimeout: -1 }, 'a.startTimeout', 'not -1'],
    [{ command: 'x', startTimeout: '5 parsecs' }, 'a.startTimeout', 'not "5 parsecs"'],
    [{ command: 'x', startTimeout: '90d' }, 'a.startTimeout', 'at most 24 days'],
    [{ command: 'x', health: { interval: 0 } }, 'a.health.interval', 'not 0'],
    [{ command: 'x', dependsOn: 5 }, 'a.dependsOn', 'must be a server name or a list of them, not a number'],
    [{ command: 'x', tags: ['two words'] }, 'a.tags[0]', 'must be a name without spaces'],
    [{ command: 'x', logs: { keep: -1 } }, 'a.logs.keep', 'whole number from 0'],
    [{ command: 'x', 'x-mcpctl': 5 }, 'a.x-mcpctl', 'must be an object, not a number'],
    ['npx', 'a', 'must be an object, not a string'],
    [null, 'a', 'must be an object, not null'],
  ])('%j', async (entry, field, message) => {
    const problems = await problemsFor(entry)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.field).toBe(`servers.${field}`)
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toMatch(/\w/)
  })

  it.each([
    [{}, 'has neither a command nor a url'],
    [{ args: ['x'] }, 'has neither a command nor a url'],
    [{ command: 'x', transport: 'http' }, 'says http, but there is no url'],
    [{ url: 'http://h', transport: 'stdio' }, 'says stdio, but there is a url'],
    [{ url: 'http://h', transport: 'none' }, 'says none, but there is a url'],
    [{ url: 'http://h', args: ['x'] }, 'has no effect without a command'],
    [{ command: 'x', headers: { A: 'b' } }, 'has no effect without a url'],
    [{ url: 'http://h', uri: 'http://h' }, 'says the same as servers.a.url'],
    [{ command: 'x', type: 'stdio', transport: 'stdio' }, 'says the same as servers.a.type'],
    [{ command: 'x', enabled: true, disabled: true }, 'contradicts "enabled"'],
  ])('fields that do not fit together: %j', async (entry, message) => {
    expect((await problemsFor(entry)).map((problem) => problem.message).join('\n')).toContain(message)
  })

  it('an unknown field gets a suggestion and, in a group, the list of known ones', async () => {
    const problems = await problemsFor({ command: 'x', comand: 'y', limits: { zzz: 1 }, startTimeuot: 3 })
    expect(problems.map(({ field, hint }) => [field, hint])).toEqual([
      ['servers.a.comand', 'Did you mean "command"?'],
      ['servers.a.limits.zzz', 'Known fields here: memory, memorySoft, cpu, pids, required.'],
      ['servers.a.startTimeuot', 'Did you mean "startTimeout"?'],
    ])
  })

  it('unknown fields at the root and in defaults are refused too', async () => {
    const error = await createProject({ 'mcp.config.json': { server: {}, servers: {}, gatway: {}, 'x-notes': 1, defaults: { comand: 'x', args: [], restart: 'never' } } }).fail()
    expect(problemsOf(error).map(({ field }) => field)).toEqual(['server', 'gatway', 'defaults.comand', 'defaults.args'])
    expect(error.message).toContain('Did you mean "servers"?')
    expect(error.message).toContain('Did you mean "gateway"?')
    expect(error.message).toContain('defaults.args says something about one server only')
  })

  it.each([
    ['[]', 'must be an object, not a list'],
    ['"text"', 'must be an object, not a string'],
    ['{ "servers": [] }', 'servers must be an object of server names, not a list'],
    ['{}', 'names no servers'],
    ['{ "servers": {}, "mcpServers": {} }', 'mcpServers stands beside "servers"'],
  ])('%s as a whole is refused', async (content, message) => {
    expect((await createProject({ 'mcp.config.json': content }).fail()).message).toContain(message)
  })

  it('what no process can be given is refused before it is tried', async () => {
    expect((await problemsFor({ command: 'x', args: ['y'.repeat(200_000)] }))[0]?.message).toMatch(/has args\[0\] of 200000 bytes; a process can be given at most/)
    const env = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`V${index}`, 'y'.repeat(100_000)]))
    expect((await problemsFor({ command: 'x', env }))[0]?.message).toMatch(/arguments and variables of 3\d{6} bytes together/)
  })
})

describe('an error', () => {
  it('reports every problem of a file at once, each with its place, and the same for programs', async () => {
    const project = createProject({
      'mcp.config.json': '{\n  "servers": {\n    "db": {\n      "command": "node",\n      "env": {\n        "URL": "${DB_URL}"\n      },\n      "restart": "nevr"\n    }\n  }\n}',
    })
    const error = await project.fail()
    const file = join(project.folder, 'mcp.config.json')
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitStatus: 5 })
    expect(error.message.split('\n')).toEqual([
      `${file}:6:9: servers.db.env.URL needs the variable DB_URL, which is not set. Set it (export DB_URL=...) or give a default: \${DB_URL:-value}`,
      `${file}:8:7: servers.db.restart must be "always", "on-failure" or "never", not "nevr". Did you mean "never"?`,
    ])
    expect(error.hint).toContain('config validate')
    expect(problemsOf(error)).toEqual([
      { file, line: 6, column: 9, field: 'servers.db.env.URL', message: 'servers.db.env.URL needs the variable DB_URL, which is not set', hint: expect.any(String) },
      { file, line: 8, column: 7, field: 'servers.db.restart', value: '"nevr"', message: expect.any(String), hint: 'Did you mean "never"?' },
    ])
  })

  it('points into YAML as well, to the nearest thing that is written there', async () => {
    const project = createProject({ 'mcp.config.yaml': 'x: 1\nx-b: &b { command: 5 }\nservers:\n  a: *b\n  c:\n    args: [1]\n' })
    expect(problemsOf(await project.fail()).map(({ field, line, column }) => [field, line, column])).toEqual([['x', 1, 1], ['servers.a.command', 2, 11], ['servers.c', 5, 3]])
  })

  it('with one problem keeps its way out as the hint', async () => {
    const error = await createProject({ 'mcp.config.json': { servers: { a: { comand: 'x', url: 'http://h' } } } }).fail()
    expect(error.hint).toBe('Did you mean "command"?')
    expect(error.message).not.toContain('Did you mean')
  })

  it('with a thousand problems stays readable', async () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`zz${index}`, 1]))
    const error = await createProject({ 'mcp.config.json': { servers: { a: { command: 'x', ...fields } } } }).fail()
    expect(error.message.split('\n')).toHaveLength(21)
    expect(problemsOf(error)).toHaveLength(1000)
  })

  it('never shows a value that may be secret', async () => {
    const secret = 'hunter2'
    const error = await createProject({
      'mcp.config.json': {
        servers: {
          a: { command: 'x', env: { PASSWORD: [secret], TOKEN: `${secret}\0`, A: `\${${'NOPE'}}${secret}` }, args: secret },
          b: { url: `ftp://user:${secret}@h?token=${secret}`, headers: { Authorization: { secret } } },
          c: { command: 'x', env: `TOKEN=${secret}` },
        },
      },
    }).fail()
    expect(problemsOf(error).length).toBeGreaterThan(5)
    expect(error.message + JSON.stringify(error.details)).not.toContain(secret)
  })
})

describe('server names', () => {
  it.each([
    ['a/b', 'it contains "/"'],
    ['..', 'dots may only stand between'],
    ['a..b', 'dots may only stand between'],
    ['a b', 'it contains a space'],
    ['', 'it is empty'],
    ['-a', 'it begins with "-"'],
    ['ä', 'it contains "ä"'],
    ['x'.repeat(300), 'it has 300 characters'],
    ['NUL', 'Windows reserves it for a device'],
    ['com1.x', 'Windows reserves it for a device'],
    ['a.', 'dots may only stand between'],
    ['a\nb', 'it contains a space'],
  ])('%j is refused with the reason', async (name, reason) => {
    const error = await createProject({ 'mcp.config.json': { servers: { [name]: { command: 'x' } } } }).fail()
    expect(error.message).toContain(`is not a possible server name: ${reason}`)
    expect(error.message.length).toBeLessThan(500)
  })

  it('__proto__ is a name like any other that is refused', async () => {
    const error = await createProject({ 'mcp.config.json': '{ "servers": { "__proto__": { "command": "x" } } }' }).fail()
    expect(error.message).toContain('it begins with "_"')
  })

  it.each(['a', 'A', '7', 'git-hub_2.x', 'x'.repeat(63)])('%s is accepted', async (name) => {
    expect(onlyServer(await createProject({ 'mcp.config.json': { servers: { [name]: { command: 'x' } } } }).load()).name).toBe(name)
  })

  it('two that differ only in case are one too many', async () => {
    const error = await createProject({ 'mcp.config.json': { servers: { Db: { command: 'x' }, db: { command: 'x' } } } }).fail()
    expect(error.message).toContain('servers.db differs from "Db" only in case')
  })
})

describe('dependsOn', () => {
  const load = (servers: Record<string, object>): ReturnType<typeof createProject> =>
    createProject({ 'mcp.config.json': { servers: Object.fromEntries(Object.entries(servers).map(([name, rest]) => [name, { command: 'x', ...rest }])) } })

  it('an unknown name gets a suggestion', async () => {
    const error = await load({ files: {}, db: { dependsOn: 'flies' } }).fail()
    expect(error.message).toContain('servers.db.dependsOn names "flies", and there is no such server')
    expect(error.hint).toBe('Did you mean "files"?')
  })

  it('an unusable server is not called unknown as well', async () => {
    expect(problemsOf(await load({ a: { command: 5 }, b: { dependsOn: ['a'] } }).fail())).toHaveLength(1)
  })

  it('a server cannot wait for itself', async () => {
    expect((await load({ a: { dependsOn: ['a'] } }).fail()).message).toContain('servers.a.dependsOn names the server itself')
  })

  it('every circle is shown as the way round', async () => {
    const error = await load({ a: { dependsOn: ['b'] }, b: { dependsOn: ['c'] }, c: { dependsOn: ['a'] }, x: { dependsOn: ['y'] }, y: { dependsOn: ['x'] }, free: { dependsOn: ['a'] } }).fail()
    expect(problemsOf(error).map(({ value }) => value)).toEqual(['a -> b -> c -> a', 'x -> y -> x'])
    expect(error.message).toContain('servers.a.dependsOn goes in a circle: a -> b -> c -> a')
  })

  it('waiting for a disabled server is only worth a warning', async () => {
    const config = await load({ a: { enabled: false }, b: { dependsOn: ['a', 'a'] }, c: { enabled: false, dependsOn: 'a' } }).load()
    expect(config.servers[1]?.dependsOn).toEqual(['a'])
    expect(config.warnings).toEqual([expect.stringContaining('servers.b.dependsOn names "a", which is disabled')])
  })
})

describe('references', () => {
  it('work in every text of a server', async () => {
    const project = createProject({
      'mcp.config.json': {
        servers: {
          a: { command: '${env:CMD}', args: ['${A}', '${NOT:-d${A}}', '$A', '$${A}', '${userHome}'], env: { F: '${file:sub/secret.txt}' }, cwd: '${workspaceFolder}/${A}' },
          b: { url: '${U:-http://h/mcp}', headers: { X: 'v-${A}' } },
        },
      },
      'sub/secret.txt': 'from file\n',
    })
    const config = await project.load({ env: { CMD: 'node', A: '1' } })
    expect(config.servers[0]?.launch).toEqual({
      command: 'node', args: ['1', 'd1', '$A', '${A}', project.home], cwd: join(project.folder, '1'), env: { F: 'from file' }, ownEnv: ['F'],
      shown: ['${env:CMD}', '${A}', '${NOT:-***}', '$A', '${A}', project.home],
    })
    expect(config.servers[1]?.endpoint).toEqual({ url: 'http://h/mcp', headers: { X: 'v-1' } })
    expect(config.files).toContain(join(project.folder, 'sub/secret.txt'))
  })

  it('to a missing file, an unknown thing or an open brace are problems', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', args: ['${file:gone}', '${input:key}', '${A:?no}', '${A', '${file:dir}'] } } } })
    mkdirSync(join(project.folder, 'dir'))
    expect(problemsOf(await project.fail()).map(({ message }) => message)).toEqual([
      `servers.a.args[0] cannot get its value from the file gone: there is no such file`,
      'servers.a.args[1] uses ${input:...}, which is not supported',
      'servers.a.args[2] has the reference "${A:?no}", which is not understood',
      'servers.a.args[3] has a ${ without its closing brace',
      'servers.a.args[4] cannot get its value from the file dir: it is not a regular file',
    ])
  })

  it('to an unset variable are only a warning in a disabled server', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', enabled: false, env: { T: '${NOPE}' } }, b: { url: '${NOPE}', disabled: true } } } })
    const config = await project.load()
    expect(config.servers.map(({ enabled }) => enabled)).toEqual([false, false])
    expect(config.warnings).toHaveLength(2)
    expect(config.warnings[0]).toContain('servers.a.env.T needs the variable NOPE')
  })

  it('an envFile that is missing is named', async () => {
    const project = createProject({ 'mcp.config.json': { servers: { a: { command: 'x', envFile: '.env' } } } })
    expect((await project.fail()).message).toContain(`servers.a.envFile names the file ${join(project.folder, '.env')}, which cannot be read: there is no such file`)
  })
})
