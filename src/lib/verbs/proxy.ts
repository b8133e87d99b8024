import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import { resolveHome, type FrontHello, type FrontView } from '../control/index.js'
import type { PrefixMode } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { readListen, tellUrl, untilAborted, type Listen } from './proxy-listen.js'
import { readSelection } from './proxy-servers.js'
import { CONFIG_FLAG } from './start.js'

const PREFIXES = ['always', 'on-collision', 'none'] as const satisfies readonly PrefixMode[]

export const proxy = defineVerb({
  id: 'proxy',
  summary: 'Be one MCP server that is all of them: what clients have in their configuration.',
  description:
    'Speaks MCP on stdin and stdout for the client that started it and passes everything on to the servers mcpctl supervises. The daemon is started when it is not running, with the configuration that is found as for mcpctl start; when it is lost, it is brought back and the session goes on. Nothing but protocol is written to stdout. With --http it listens on a port instead.',
  examples: ['proxy', 'proxy --servers files,git', 'proxy --servers main=http://localhost:8000/mcp,backup=http://localhost:8001/mcp', 'proxy --profile work --prefix on-collision', 'proxy --http --port 7421'],
  flags: {
    servers: { type: 'string', short: 's', value: 'LIST', summary: 'Only these: names of configured servers, or NAME=URL for others, with commas between them.' },
    profile: { type: 'string', short: 'p', value: 'NAME', summary: 'Only the servers of this profile of the configuration.' },
    prefix: { type: 'string', value: 'WHEN', options: PREFIXES, summary: "When a tool's name gets its server's name in front: always, on-collision or none." },
    separator: { type: 'string', value: 'TEXT', summary: 'What stands between the two.' },
    manage: { type: 'boolean', summary: 'Offer manage, proxy_status and the other tools of management as well (with NAME=URL servers they are there anyway).' },
    'no-manage': { type: 'boolean', summary: 'Offer none of them.' },
    stdio: { type: 'boolean', summary: 'Speak on stdin and stdout; the default.' },
    http: { type: 'boolean', summary: 'Listen for HTTP on this machine instead of stdin and stdout.' },
    port: { type: 'string', value: 'N', summary: 'The port for --http; a free one when left out.' },
    host: { type: 'string', value: 'NAME', summary: 'The address for --http: 127.0.0.1 (the default), ::1 or localhost.' },
    config: CONFIG_FLAG,
    debug: { type: 'boolean', summary: 'Say on stderr what happens.' },
  },
  run: async ({ flags }, io) => {
    const { http, port, host, config, debug } = flags
    checkTogether(flags)
    const listen = readListen(http === true, port, host)
    const selection = flags.servers === undefined ? null : readSelection(flags.servers)
    const view: FrontView = { servers: selection && selection.names, tags: [], prefix: PREFIXES.find((mode) => mode === flags.prefix) ?? null, separator: readSeparator(flags.separator), ...readManages(flags.manage, flags['no-manage']) }
    const order: Order = { view, profile: flags.profile ?? null, config, say: debug === true ? (text) => io.say(`mcpctl proxy: ${text}`) : () => undefined }
    if (selection === null || selection.urls.length === 0) return listen === null ? pump(order, io) : relay(order, listen, io)
    if (listen === null && process.stdin.isTTY) explain(io)
    const { runAdHoc } = await import('./proxy-ad-hoc.js')
    if (selection.names.length > 0) await learnConfig(order, io)
    return runAdHoc({ selection, front: front(order, io), listen, debug: order.say }, io)
  },
})

/** Throws USAGE for flags that contradict each other. */
function checkTogether({ servers, profile, stdio, http }: { readonly servers: string | undefined; readonly profile: string | undefined; readonly stdio: boolean | undefined; readonly http: boolean | undefined }): void {
  if (stdio === true && http === true) throw new McpctlError('USAGE', '--stdio and --http exclude each other', { hint: 'Leave one of them out.' })
  if (servers !== undefined && profile !== undefined) throw new McpctlError('USAGE', '--servers and --profile exclude each other', { hint: 'A profile is a choice of servers already.' })
}

function readManages(isAsked: boolean | undefined, isRefused: boolean | undefined): Pick<FrontView, 'manages'> {
  return isRefused === true ? { manages: 'never' } : isAsked === true ? { manages: 'asked' } : {}
}

interface Order {
  readonly view: FrontView
  readonly profile: string | null
  readonly config: string | undefined
  readonly say: (text: string) => void
}

async function pump(order: Order, io: Io): Promise<Outcome> {
  if (process.stdin.isTTY) explain(io)
  const { runPump } = await import('../pump/index.js')
  await learnConfig(order, io)
  await runPump({ ...front(order, io), input: process.stdin, output: process.stdout, debug: order.say, signal: io.signal })
  return {}
}

async function relay(order: Order, { host, port }: Listen, io: Io): Promise<Outcome> {
  const { openRelay } = await import('../pump/index.js')
  await learnConfig(order, io)
  const open = await openRelay({ ...front(order, io), host, port, debug: order.say })
  tellUrl(host, open.port, io)
  await untilAborted(io.signal)
  await open.close()
  return {}
}

/** Where the daemon is, what to tell it, and how to bring one up. */
function front({ view, profile, config }: Order, io: Io) {
  const hello: Omit<FrontHello, 'front' | 'resume'> = { view, profile }
  // Loaded only when there is no daemon: nearly always there is one.
  const revive = async (): Promise<void> => (await import('./proxy-daemon.js')).reviveDaemon(io, config)
  return { address: resolveHome(io.env).gatewaySocket, hello, revive }
}

/** A daemon that runs with other configurations has to learn of the one that was named. */
async function learnConfig({ config }: Order, io: Io): Promise<void> {
  if (config === undefined) return
  const { knowsConfig, reviveDaemon } = await import('./proxy-daemon.js')
  if (!(await knowsConfig(io, config))) await reviveDaemon(io, config)
}

/** Somebody typed it: this is not for people. */
function explain(io: Io): void {
  io.say('mcpctl proxy speaks MCP on stdin and stdout; it is meant to be started by a client. To use it, put this into the configuration of yours:')
  io.say('  { "mcpServers": { "mcpctl": { "command": "mcpctl", "args": ["proxy"] } } }')
  io.say('It now waits for messages, one JSON object a line. Ctrl-C ends it. Over HTTP: mcpctl proxy --http. To call a tool yourself: mcpctl call SERVER TOOL.')
}

function readSeparator(text: string | undefined): string | null {
  if (text === undefined || /^[A-Za-z0-9_.-]{1,8}$/.test(text)) return text ?? null
  throw new McpctlError('USAGE', `--separator ${JSON.stringify(text)} cannot stand in a name`, { hint: 'It is 1 to 8 of A-Z a-z 0-9 _ . -, as in --separator __.', details: { flag: 'separator', value: text } })
}
