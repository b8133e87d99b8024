import { defineVerb, type Io } from '../cli/index.js'
import type { LoadedConfig } from '../config/index.js'
import { readRuntimeChanges } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { readNewServer, type NewServer } from './add-entry.js'
import { carryOut, openGround, type Change, type Ground } from './runtime-change.js'
import { readTimeout, TIMEOUT_FLAG } from './start.js'

export const add = defineVerb({
  id: 'add',
  summary: 'Add a server beside the configuration files.',
  description:
    'Keeps the server in MCP_HOME (state/runtime.json, readable by you only) until it is removed: it is there whatever configuration is used, and after a restart. A running daemon takes it up at once, and the command waits until it is ready; without a daemon it starts with the next mcpctl start. Values may be references like ${TOKEN}, which are resolved whenever the configuration is loaded: better than a secret on a command line.',
  examples: ['add search --url http://localhost:8000/mcp', "add docs --url https://docs.example/mcp --header 'Authorization=Bearer ${DOCS_TOKEN}'", 'add far --url https://far.example/mcp --auth oauth', 'add files -- npx -y @modelcontextprotocol/server-filesystem .', 'add db --env URL=sqlite:./x.db --no-start -- node db.js'],
  names: { summary: 'The name of the server, and for one that is started here, after --, its command.', required: true, usage: 'NAME (--url URL | -- COMMAND [ARGUMENT...])', complete: 'none' },
  flags: {
    url: { type: 'string', short: 'u', value: 'URL', summary: 'Where the server is.' },
    env: { type: 'string', short: 'e', value: 'NAME=VALUE', multiple: true, summary: 'A variable for its process; may be repeated.' },
    header: { type: 'string', short: 'H', value: 'NAME=VALUE', multiple: true, summary: 'A header of every request to it; may be repeated.' },
    auth: { type: 'string', value: 'KIND', options: ['oauth'], summary: 'You log in to it with mcpctl login.' },
    transport: { type: 'string', value: 'KIND', options: ['stdio', 'http', 'sse', 'none'], summary: 'How it is spoken to; found out from URL or command when left out.' },
    'no-start': { type: 'boolean', summary: 'Do not start it now.' },
    timeout: TIMEOUT_FLAG,
  },
  run: async ({ names, flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const server = readNewServer({ words: names, url: flags.url, env: flags.env ?? [], header: flags.header ?? [], transport: flags.transport, auth: flags.auth, cwd: io.cwd })
    const ground = await openGround(io)
    try {
      await warnOfSecrets(io, server, ground.file)
      await checkIsNew(ground, server.name)
      const start = flags['no-start'] !== true
      const outcome = await carryOut({ io, ground, action: 'add', names: [server.name], change: adding(server), start, timeoutMs })
      io.say(`added ${server.name}${ground.client !== null && start ? '' : `; mcpctl start ${server.name} starts it`}`)
      return outcome
    } finally {
      ground.client?.close()
    }
  },
})

/** The change that adds it; throws when somebody else did meanwhile. A switch of an earlier server of that name is not its. */
function adding({ name, entry }: NewServer): Change {
  return ({ servers, enabled }) => {
    if (Object.hasOwn(servers, name)) throw exists(name, 'it was added at run time', `mcpctl remove ${name} takes it away.`)
    const { [name]: _switch, ...kept } = enabled
    return { servers: { ...servers, [name]: entry }, enabled: kept }
  }
}

async function checkIsNew(ground: Ground, name: string): Promise<void> {
  const changes = readRuntimeChanges(ground.home)
  const config = await ground.load(changes)
  const known = config === null ? undefined : serverNamed(config, name)
  if (known !== undefined && known.source !== ground.file) throw exists(name, `${known.source} has it`, `Choose another name, or edit ${known.source}.`)
  const running = ground.snapshot?.servers.find((server) => server.name === name && !server.removed && server.source !== ground.file)
  if (running !== undefined) throw exists(name, `${running.source} has it`, `Choose another name, or edit ${running.source}.`)
}

/** A server, or one of those a name stands for. Names differ by more than their case. */
function serverNamed({ servers }: LoadedConfig, name: string): LoadedConfig['servers'][number] | undefined {
  const asked = name.toLowerCase()
  return servers.find((spec) => spec.name.toLowerCase() === asked || spec.traffic.membership?.group.toLowerCase() === asked)
}

function exists(name: string, where: string, hint: string): McpctlError {
  return new McpctlError('CONFIG_CONFLICT', `there is a server "${name}" already: ${where}`, { hint, details: { name } })
}

async function warnOfSecrets(io: Io, { entry }: NewServer, file: string): Promise<void> {
  const { isSecretName, maskArgs, maskText } = await import('../config/index.js')
  const isSecret = (name: string, value: string): boolean => value !== '' && !value.includes('${') && (isSecretName(name) || maskText(value) !== value)
  const found = (['env', 'headers'] as const).flatMap((field) => Object.entries((entry[field] ?? {}) as Record<string, string>).flatMap(([name, value]) => (isSecret(name, value) ? [name] : [])))
  const args = (entry['args'] ?? []) as readonly string[]
  if (maskArgs(args).some((arg, index) => arg !== args[index] && !(args[index] ?? '').includes('${'))) found.push('an argument')
  if (typeof entry['url'] === 'string' && isSecret('url', entry['url'])) found.push('the URL')
  if (found.length > 0) io.say(`warning: ${found.join(' and ')} looks like a secret: it is kept as it is in ${file} (readable by you only), and command lines can be seen by others. Write a reference in single quotes instead, such as '\${NAME}'.`)
}
