/** One mistake: what is written or typed, and what the explanation has to say. */
export interface Case {
  readonly what: string
  /** The configuration, in a folder of its own: name and content. None: there is no file. */
  readonly file?: readonly [name: string, content: unknown]
  /** The command line; default `start --config FILE`. */
  readonly args?: readonly string[]
  readonly exit?: number
  readonly code: string
  /** What the explanation has to name: the place, the value. `FILE` stands for the path of the configuration. */
  readonly says: readonly string[]
  readonly hint: string
}

export const NODE = { command: process.execPath }
const only = (server: unknown): unknown => ({ servers: { own: server } })
const named = (name: string): readonly [string, unknown] => ['a.json', `{ "servers": {\n  ${JSON.stringify(name)}: { "command": "node" }\n} }`]

export const SYNTAX: readonly Case[] = [
  { what: 'a syntax error in JSON', file: ['a.json', '{\n  "servers": {\n    "own": { "command": "x" }}\n  }}\n'], code: 'CONFIG_SYNTAX', says: ['FILE:4:'], hint: 'config validate' },
  { what: 'a syntax error in YAML', file: ['a.yaml', 'servers:\n  own:\n    command: "x\n'], code: 'CONFIG_SYNTAX', says: ['FILE:'], hint: 'config validate' },
  { what: 'a syntax error in TOML', file: ['a.toml', '[servers.own]\ncommand = \n'], code: 'CONFIG_SYNTAX', says: ['FILE:2:', 'command ='], hint: 'config validate' },
  { what: 'a syntax error in TypeScript', file: ['a.ts', 'export default {\n  servers: { own: { command: ] } }\n}\n'], code: 'CONFIG_SYNTAX', says: ['FILE:2:'], hint: 'config validate' },
  { what: 'a syntax error in JavaScript', file: ['a.mjs', 'export default {\n  servers: { a: { command: "x" } ]\n}\n'], code: 'CONFIG_SYNTAX', says: ['FILE:2'], hint: 'config validate' },
  { what: 'a syntax error in the file of another client', file: ['.mcp.json', '{ "mcpServers": { "a": { command: "x" } } }'], code: 'CONFIG_SYNTAX', says: ['FILE:1:26'], hint: 'config validate' },
  { what: 'an empty file', file: ['a.json', ''], code: 'CONFIG_SYNTAX', says: ['FILE', 'empty'], hint: 'config validate' },
]

export const CONTENT: readonly Case[] = [
  { what: 'an unknown field', file: ['a.json', only({ ...NODE, comand: 'x' })], code: 'CONFIG_INVALID', says: ['FILE:5:', 'servers.own.comand'], hint: 'Did you mean "command"?' },
  { what: 'a value of the wrong type', file: ['a.json', only({ ...NODE, enabled: 'perhaps' })], code: 'CONFIG_INVALID', says: ['FILE:5:', 'servers.own.enabled', '"perhaps"'], hint: 'true or false' },
  { what: 'a name that is there twice', file: ['a.yaml', 'servers:\n  own:\n    command: x\n  own:\n    command: y\n'], code: 'CONFIG_INVALID', says: ['FILE:4:3', 'servers.own', '2:3'], hint: 'rename one of the two "own"' },
  { what: 'a name with a slash', file: named('a/b'), code: 'CONFIG_INVALID', says: ['FILE:2:3', 'a/b', 'it contains "/"'], hint: 'letters, digits' },
  { what: 'a name that is a way up', file: named('..'), code: 'CONFIG_INVALID', says: ['FILE:2:3', '[".."]', 'dots'], hint: 'letters, digits' },
  { what: 'a name with spaces', file: named('a b  c'), code: 'CONFIG_INVALID', says: ['FILE:2:3', 'a b  c', 'space'], hint: 'letters, digits' },
  { what: 'a name of 300 characters', file: named('n'.repeat(300)), code: 'CONFIG_INVALID', says: ['FILE:2:3', 'nnnnnnnn', '300 characters'], hint: 'at most 63 characters' },
  { what: 'a variable that is not set', file: ['a.json', only({ ...NODE, args: ['${SURELY_NOT_SET}'] })], code: 'CONFIG_INVALID', says: ['FILE:6:', 'servers.own.args[0]', 'SURELY_NOT_SET'], hint: '${SURELY_NOT_SET:-value}' },
  { what: 'an unknown setting', file: ['a.json', { servers: { own: NODE }, defualts: {} }], code: 'CONFIG_INVALID', says: ['FILE:7:', 'defualts'], hint: 'Did you mean "defaults"?' },
  { what: 'a value that is none of the possible ones', file: ['a.json', only({ ...NODE, restart: 'sometimes' })], code: 'CONFIG_INVALID', says: ['FILE:5:', 'servers.own.restart', '"sometimes"', '"always"'], hint: '"never"' },
  { what: 'an address for everybody without a token', file: ['a.json', { servers: {}, gateway: { port: 7420, host: '0.0.0.0' } }], code: 'CONFIG_INVALID', says: ['FILE:5:', 'gateway.host', '"0.0.0.0"'], hint: 'MCP_GATEWAY_TOKEN' },
  { what: 'a profile with a server that does not exist', file: ['a.json', { servers: { database: NODE }, profiles: { work: ['databse'] } }], code: 'CONFIG_INVALID', says: ['FILE:9:', 'profiles.work[0]', '"databse"'], hint: 'Did you mean "database"?' },
  { what: 'two tools of one new name', file: ['a.json', only({ ...NODE, tools: { rename: { read: 'get', load: 'get' } } })], code: 'CONFIG_INVALID', says: ['FILE:8:', 'servers.own.tools.rename.load', '"get"'], hint: 'name of its own' },
  { what: 'a dependency that does not exist', file: ['a.json', { servers: { own: { ...NODE, dependsOn: 'databse' }, database: NODE } }], code: 'CONFIG_INVALID', says: ['FILE:5:', 'servers.own.dependsOn', '"databse"'], hint: 'Did you mean "database"?' },
  { what: 'a circle of dependencies', file: ['a.json', { servers: { x: { ...NODE, dependsOn: ['y'] }, y: { ...NODE, dependsOn: ['x'] } } }], code: 'CONFIG_INVALID', says: ['FILE:', 'dependsOn', 'x -> y -> x'], hint: 'Remove one of these dependencies' },
  { what: 'code that throws', file: ['a.ts', '// One line first.\nthrow new Error("the vault is sealed")\n'], code: 'CONFIG_EVALUATION', says: ['FILE:2:7', 'the vault is sealed'], hint: 'config validate' },
  { what: 'code that imports what is not there', file: ['a.ts', "import { x } from './nowhere.js'\nexport default { servers: { a: x } }\n"], code: 'CONFIG_EVALUATION', says: ['FILE', 'nowhere'], hint: 'config validate' },
  { what: 'code that exports nothing', file: ['a.ts', 'const servers = {}\n'], code: 'CONFIG_EVALUATION', says: ['FILE', 'exports nothing'], hint: 'export default' },
  { what: 'a name that another configuration has', file: ['a.json', { servers: { one: NODE } }], code: 'CONFIG_CONFLICT', says: ['"one"', 'FILE', 'project/mcp.config.json'], hint: 'MCP_HOME' },
  {
    what: 'several problems at once, each with its place',
    file: ['a.yaml', 'servers:\n  a:\n    comand: x\n  b:\n    command: y\n    startTimeout: never\n'],
    code: 'CONFIG_INVALID',
    says: ['FILE:3:', 'servers.a.comand', 'FILE:6:', 'servers.b.startTimeout', '"never"'],
    hint: 'config validate',
  },
]

export const COMMAND_LINE: readonly Case[] = [
  { what: 'no configuration at all', args: ['start'], code: 'CONFIG_NOT_FOUND', says: ['FOLDER'], hint: '--config FILE' },
  { what: 'a configuration file that is not there', args: ['start', '--config', 'nowhere.json'], code: 'CONFIG_NOT_FOUND', says: ['FOLDER/nowhere.json'], hint: '--config' },
  { what: 'a folder in place of the configuration file', args: ['start', '--config', '.'], code: 'CONFIG_UNREADABLE', says: ['FOLDER', 'it is a folder'], hint: '--config' },
  { what: 'an unknown server', file: ['a.json', { servers: { files: NODE } }], args: ['start', 'fiels', '--config', 'a.json'], exit: 4, code: 'SERVER_UNKNOWN', says: ['"fiels"'], hint: 'Did you mean files?' },
  { what: 'an unknown flag', args: ['start', '--tiemout', '3'], exit: 2, code: 'USAGE', says: ['start', '--tiemout'], hint: 'Did you mean --timeout?' },
  { what: 'an unknown command', args: ['strat'], exit: 127, code: 'UNKNOWN_COMMAND', says: ['"strat"'], hint: 'mcpctl start' },
]
