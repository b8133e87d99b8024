import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { nearest } from '../base/index.js'
import { defineVerb, neutralise, type Io, type Outcome } from '../cli/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { parseArguments, readArguments } from './call-arguments.js'
import { unknownServer } from './names.js'
import { readTimeout } from './start.js'
import { inGroup, noMcp, notReady, openDaemon, speaksMcp, type Daemon } from './tools-ask.js'
import { explainFailure, openServerLink } from './tools-link.js'

/** What a timer of Node can hold: as good as no limit. */
const NO_LIMIT_MS = 2 ** 31 - 1
const PROGRESS_TOKEN = 'call'

export const call = defineVerb({
  id: 'call',
  summary: 'Call a tool of a server and print its result.',
  description:
    'Arguments are KEY=VALUE words, read as the tool\'s input schema asks (numbers, true and false, lists and objects as JSON; a key may be repeated for a list, and filter.name=x reaches into an object), or one JSON object with --args. Text of the result is printed as it is, other content is described; --json has the result unchanged. Exits 1 when the tool reports an error, 4 when there is no such server or tool. Ctrl-C takes the call back.',
  examples: ['call files read_file path=README.md', 'call files search pattern=TODO limit=5', `call db query --args '{"sql":"select 1"}'`, 'call db query --args @query.json --json'],
  names: { summary: 'SERVER and TOOL as mcpctl tools shows them, then the arguments.', required: true, usage: 'SERVER TOOL [KEY=VALUE...]', complete: 'call' },
  flags: {
    args: { type: 'string', value: 'JSON', summary: 'All arguments as one JSON object; @FILE reads it from a file, - from stdin.' },
    timeout: { type: 'string', short: 't', value: 'TIME', summary: 'Take the call back after this long ("30s"); no limit of its own otherwise.' },
  },
  run: async ({ names, flags }, io) => {
    const [server, tool, ...words] = names
    const timeoutMs = readTimeout(flags.timeout) ?? NO_LIMIT_MS
    if (server === undefined || tool === undefined) throw usage(`call needs a server and a tool${server === undefined ? '' : `; only ${JSON.stringify(server)} is given`}`, server === undefined ? 'mcpctl tools lists them.' : `mcpctl tools ${server} lists its tools.`)
    if (flags.args !== undefined && words.length > 0) throw usage('arguments are given both with --args and as KEY=VALUE', 'Use one of the two.')
    const whole = flags.args === undefined ? null : await readWhole(flags.args, io)
    const daemon = await openDaemon(io)
    try {
      return await callTool(io, daemon, { server, tool, words, whole, timeoutMs })
    } finally {
      daemon.close()
    }
  },
})

interface Order {
  readonly server: string
  readonly tool: string
  readonly words: readonly string[]
  readonly whole: Record<string, unknown> | null
  readonly timeoutMs: number
}

async function callTool(io: Io, daemon: Daemon, { server, tool, words, whole, timeoutMs }: Order): Promise<Outcome> {
  const snapshot = await findServer(daemon, server)
  const open = await openServerLink({ home: daemon.home, server, era: snapshot.era, signal: io.signal, onNotification: (method, params) => showProgress(io, method, params) })
  const { link, established } = open
  try {
    const definition = findTool(established.catalogue.tools, tool)
    if (definition === null) throw await whyNoTool(daemon, server, tool, established.catalogue.tools)
    const given = whole ?? readArguments(words, { name: tool, inputSchema: definition['inputSchema'] })
    const result = await link
      .request('tools/call', { name: tool, arguments: given, _meta: { progressToken: PROGRESS_TOKEN } }, { timeoutMs, signal: io.signal })
      .catch((error: unknown) => Promise.reject(explainFailure(error, server) as Error))
    return await showResult(io, server, tool, result)
  } finally {
    open.close()
  }
}

async function showResult(io: Io, server: string, tool: string, result: unknown): Promise<Outcome> {
  const { isError, resultType } = typeof result === 'object' && result !== null ? (result as Record<string, unknown>) : {}
  if (resultType === 'input_required') {
    throw new McpctlError('CALL_FAILED', `tool "${tool}" of server "${server}" asks a question before it goes on, and mcpctl call cannot answer`, { hint: 'Call it from a client that can (mcpctl proxy).', details: { server, tool } })
  }
  const exitStatus = isError === true ? 1 : 0
  if (io.json) return { exitStatus, json: { server, tool, result } }
  const { renderResult } = await import('./call-render.js')
  io.out(renderResult(result, io.outTerminal))
  if (isError === true) io.say(`tool "${tool}" of server "${server}" reports an error`)
  return { exitStatus }
}

async function findServer(daemon: Daemon, name: string): Promise<ServerSnapshot> {
  const servers = await daemon.servers()
  // A group is called by the gateway's choice; which of its members is asked for the rest does not matter.
  const server = servers.find((candidate) => candidate.name === name) ?? inGroup(name, servers)
  if (server === undefined) throw unknownServer(name, servers.filter(speaksMcp).map((candidate) => candidate.name))
  if (!speaksMcp(server)) throw noMcp(name)
  return server
}

function findTool(tools: readonly unknown[], name: string): Record<string, unknown> | null {
  const found = tools.find((tool) => nameOf(tool) === name)
  return (found as Record<string, unknown> | undefined) ?? null
}

/** A list that is empty because its server is down says nothing about its tools. */
async function whyNoTool(daemon: Daemon, server: string, tool: string, tools: readonly unknown[]): Promise<McpctlError> {
  const now = await daemon.servers().then((servers) => servers.find((candidate) => candidate.name === server) ?? inGroup(server, servers))
  if (now !== undefined && !now.ready && tools.length === 0) return notReady(now)
  const held = now?.held?.find(({ kind, name }) => kind === 'tool' && name === tool)
  if (held !== undefined) {
    const why = held.cause === 'new' ? 'is not in mcp.lock' : 'is not what mcp.lock says any more'
    return new McpctlError('CALL_FAILED', `tool "${tool}" of server "${server}" is quarantined: its definition ${why}`, { hint: `mcpctl approve ${server}`, details: { server, tool, reason: 'quarantined', outcome: 'not-delivered' } })
  }
  const close = nearest(tool, tools.map(nameOf).filter((name) => name !== null))
  return new McpctlError('TOOL_UNKNOWN', `server "${server}" has no tool "${tool}"`, {
    hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : `mcpctl tools ${server} lists what it has.`,
    details: { server, tool, suggestions: close },
  })
}

function nameOf(tool: unknown): string | null {
  const name = typeof tool === 'object' && tool !== null ? (tool as Record<string, unknown>)['name'] : undefined
  return typeof name === 'string' ? name : null
}

function showProgress(io: Io, method: string, params: Record<string, unknown> | undefined): void {
  if (method !== 'notifications/progress' || params?.['progressToken'] !== PROGRESS_TOKEN || !io.sayTerminal.interactive) return
  const { progress, total, message } = params
  const share = typeof progress === 'number' ? `${progress}${typeof total === 'number' ? `/${total}` : ''} ` : ''
  io.say(`${share}${typeof message === 'string' ? neutralise(message) : ''}`.trimEnd())
}

async function readWhole(value: string, io: Io): Promise<Record<string, unknown>> {
  if (value === '-') return parseArguments(await readStdin(), 'the text on stdin')
  if (!value.startsWith('@')) return parseArguments(value, '--args')
  const file = value.slice(1)
  const text = await readFile(isAbsolute(file) ? file : join(io.cwd, file), 'utf8').catch((error: unknown) => {
    throw usage(`--args: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, 'Name a file with a JSON object after the @.')
  })
  return parseArguments(text, file)
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks).toString('utf8')
}

function usage(message: string, hint: string): McpctlError {
  return new McpctlError('USAGE', message, { hint })
}
