import { defineVerb, SCHEMA_VERSION, type Io, type Outcome } from '../cli/index.js'
import { resolveHome, type FrontHello, type FrontView } from '../control/index.js'
import type { PrefixMode } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { readSelection } from './proxy-servers.js'
import { CONFIG_FLAG } from './start.js'

const PREFIXES = ['always', 'on-collision', 'none'] as const satisfies readonly PrefixMode[]
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

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
    http: { type: 'boolean', summary: 'Listen for HTTP on this machine instead of stdin and stdout.' },
    port: { type: 'string', value: 'N', summary: 'The port for --http; a free one when left out.' },
    host: { type: 'string', value: 'NAME', summary: 'The address for --http: 127.0.0.1 (the default), ::1 or localhost.' },
    config: CONFIG_FLAG,
    debug: { type: 'boolean', summary: 'Say on stderr what happens.' },
  },
  run: async ({ flags }, io) => {
    const { http, port, host, config, debug } = flags
    const listen = readListen(http === true, port, host)
    const selection = flags.servers === undefined ? null : readSelection(flags.servers)
    if (selection !== null && flags.profile !== undefined) throw new McpctlError('USAGE', '--servers and --profile exclude each other', { hint: 'A profile is a choice of servers already.' })
    const view: FrontView = { servers: selection && selection.names, tags: [], prefix: PREFIXES.find((mode) => mode === flags.prefix) ?? null, separator: readSeparator(flags.separator) }
    const order: Order = { view, profile: flags.profile ?? null, config, say: debug === true ? (text) => io.say(`mcpctl proxy: ${text}`) : () => undefined }
    if (selection !== null && selection.urls.length > 0) throw new McpctlError('USAGE', 'no URLs yet')
    return listen === null ? pump(order, io) : relay(order, listen, io)
  },
})

interface Order {
  readonly view: FrontView
  readonly profile: string | null
  readonly config: string | undefined
  readonly say: (text: string) => void
}

interface Listen {
  readonly host: string
  readonly port: number | null
}

async function pump(order: Order, io: Io): Promise<Outcome> {
  if (process.stdin.isTTY) explain(io)
  const { runPump } = await import('../pump/index.js')
  await runPump({ ...(await prepare(order, io)), input: process.stdin, output: process.stdout, signal: io.signal })
  return {}
}

async function relay(order: Order, { host, port }: Listen, io: Io): Promise<Outcome> {
  const { openRelay } = await import('../pump/index.js')
  const open = await openRelay({ ...(await prepare(order, io)), host, port })
  tellUrl(host, open.port, io)
  await untilAborted(io.signal)
  await open.close()
  return {}
}

/** What pump and relay need to know of the daemon, and how to bring one up. */
async function prepare({ view, profile, config, say }: Order, io: Io) {
  const hello: Omit<FrontHello, 'front' | 'resume'> = { view, profile }
  // Loaded only when there is no daemon: nearly always there is one.
  const revive = async (): Promise<void> => (await import('./proxy-daemon.js')).reviveDaemon(io, config, say)
  // A daemon that runs with other configurations has to learn of this one.
  if (config !== undefined && !(await (await import('./proxy-daemon.js')).knowsConfig(io, config))) await revive()
  return { address: resolveHome(io.env).gatewaySocket, hello, revive, debug: say }
}

export function tellUrl(host: string, port: number, io: Io): void {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`
  io.out(io.json ? JSON.stringify({ schemaVersion: SCHEMA_VERSION, url, host, port }) : url)
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
    // Nothing else may be keeping the process alive while it waits to be told to end.
  })
}

/** Somebody typed it: this is not for people. */
function explain(io: Io): void {
  io.say('mcpctl proxy speaks MCP on stdin and stdout; it is meant to be started by a client. To use it, put this into the configuration of yours:')
  io.say('  { "mcpServers": { "mcpctl": { "command": "mcpctl", "args": ["proxy"] } } }')
  io.say('It now waits for messages, one JSON object a line. Ctrl-C ends it. Over HTTP: mcpctl proxy --http. To call a tool yourself: mcpctl call SERVER TOOL.')
}

/** Where to listen; null: stdin and stdout. Throws USAGE. */
function readListen(http: boolean, port: string | undefined, host: string | undefined): Listen | null {
  if (!http) {
    const [flag] = [port === undefined ? [] : ['port'], host === undefined ? [] : ['host']].flat()
    if (flag !== undefined) throw new McpctlError('USAGE', `--${flag} goes with --http`, { hint: `Write mcpctl proxy --http --${flag} ${flag === 'port' ? port : host}.`, details: { flag } })
    return null
  }
  const address = host ?? '127.0.0.1'
  if (!LOOPBACK.has(address)) {
    throw new McpctlError('USAGE', `--host ${JSON.stringify(address)} is not an address of this machine alone`, {
      hint: 'For other machines set gateway.port, gateway.host and gateway.token in the configuration: there clients need a token.',
      details: { flag: 'host', value: address },
    })
  }
  return { host: address, port: port === undefined ? null : readPort(port) }
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new McpctlError('USAGE', `--port ${JSON.stringify(text)} is no port`, { hint: 'A port is a number from 1 to 65535; leave --port out for a free one.', details: { flag: 'port', value: text } })
}

function readSeparator(text: string | undefined): string | null {
  if (text === undefined || /^[A-Za-z0-9_.-]{1,8}$/.test(text)) return text ?? null
  throw new McpctlError('USAGE', `--separator ${JSON.stringify(text)} cannot stand in a name`, { hint: 'It is 1 to 8 of A-Z a-z 0-9 _ . -, as in --separator __.', details: { flag: 'separator', value: text } })
}
