import { McpctlError } from '../errors/index.js'

export interface AddWords {
  /** The name, then the command and its arguments. */
  readonly words: readonly string[]
  readonly url: string | undefined
  readonly env: readonly string[]
  readonly header: readonly string[]
  readonly transport: string | undefined
  /** How it is told who asks, where that is not a header. */
  readonly auth: string | undefined
  readonly cwd: string
}

export interface NewServer {
  readonly name: string
  /** As it would stand in a configuration file. */
  readonly entry: Readonly<Record<string, unknown>>
}

/** What `mcpctl add` was told. Throws USAGE. What a value must be like is judged where configurations are. */
export function readNewServer(given: AddWords): NewServer {
  check(given)
  const { words, url, env, header, transport, auth, cwd } = given
  const [name = '', command, ...args] = words
  return {
    name,
    entry: {
      ...(command === undefined ? {} : { command, args, cwd }),
      ...(url === undefined ? {} : { url }),
      ...(transport === undefined ? {} : { transport }),
      ...(auth === undefined ? {} : { auth }),
      ...pairs('env', env),
      ...pairs('headers', header),
    },
  }
}

function check({ words, url, env, header, auth }: AddWords): void {
  const [name = '', command] = words
  if (url === undefined && command === undefined) {
    const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(name)
    throw usage(isUrl ? `${JSON.stringify(name)} has no name` : `there is nothing to add as ${JSON.stringify(name)}: neither a URL nor a command`, isUrl ? `mcpctl add NAME --url ${name}` : `mcpctl add ${name} --url http://localhost:8000/mcp, or mcpctl add ${name} -- npx -y some-mcp-server`)
  }
  if (url === undefined && words.length === 2 && /^https?:\/\//i.test(command ?? '')) throw usage(`${command} is a URL, not a command`, `mcpctl add ${name} --url ${command}`)
  if (command === undefined && env.length > 0) throw usage('--env is for commands; a server at a URL has no environment of ours', 'For credentials write --header NAME=VALUE.')
  if (url === undefined && header.length > 0) throw usage('--header is for servers at a URL', 'For a command write --env NAME=VALUE.')
  if (url === undefined && auth !== undefined) throw usage('--auth is for servers at a URL', 'What a command needs, it gets from its environment: --env NAME=VALUE.')
}

/** `NAME=VALUE`; for a header also `NAME: VALUE`. */
function pairs(field: 'env' | 'headers', texts: readonly string[]): Record<string, unknown> {
  if (texts.length === 0) return {}
  const flag = field === 'env' ? '--env' : '--header'
  const entries = texts.map((text): [string, string] => {
    const at = field === 'env' ? text.indexOf('=') : text.search(/[=:]/)
    // Whatever it is, it may be a secret.
    if (at <= 0) throw usage(`${flag} needs NAME=VALUE`, `As in ${flag} ${field === 'env' ? "'API_KEY=${API_KEY}'" : "'Authorization=Bearer ${TOKEN}'"}.`)
    return [text.slice(0, at), field === 'env' ? text.slice(at + 1) : text.slice(at + 1).trim()]
  })
  return { [field]: Object.fromEntries(entries) }
}

function usage(message: string, hint: string): McpctlError {
  return new McpctlError('USAGE', `add: ${message}`, { hint, details: { command: 'add' } })
}
