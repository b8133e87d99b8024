import type { PrefixMode } from '../core/index.js'
import { fromErrorDocument, McpctlError, toErrorDocument } from '../errors/index.js'
import { readErrorDocument, readList, readNullable, readOneOf, readRecord, readString, refuse } from './read.js'

/**
 * The front protocol: how a program of ours becomes a client of the servers. One line each way on the gateway's
 * socket, then the connection belongs to MCP: `stdio` is newline-delimited JSON-RPC both ways, `http` one HTTP/1.1
 * connection. Raised only when one side would misunderstand the other.
 */
export const FRONT_PROTOCOL = 1

/** A greeting that is longer is not ours; capabilities and subscriptions of a resumed session have room in it. */
export const MAX_HELLO_BYTES = 1024 * 1024

/** Which servers a client wants to see; the daemon's gateway calls it a view. */
export interface FrontView {
  /** Server names; null: all. */
  readonly servers: readonly string[] | null
  readonly tags: readonly string[]
  /** Null: as configured. */
  readonly prefix: PrefixMode | null
  readonly separator: string | null
  /** Whether the tools that look after the servers are wanted among the others; absent: as usual. */
  readonly manages?: 'asked' | 'never'
}

/** What a legacy session must know again when another daemon takes it over. */
export interface FrontResume {
  readonly protocolVersion: string
  readonly capabilities: Record<string, unknown>
  readonly clientInfo: { readonly name: string; readonly version: string } | null
  readonly logLevel: string | null
  readonly subscriptions: readonly string[]
}

/** The first line of a client. */
export interface FrontHello {
  readonly front: 'stdio' | 'http'
  readonly view: FrontView
  /** Name of a profile of the configuration; its servers and tags take the place of the view's. */
  readonly profile: string | null
  readonly resume: FrontResume | null
}

/** A line of the daemon that is not for the client behind the front. */
export type FrontSignal =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly error: McpctlError }
  /** The daemon ends on purpose: nobody should start it again unasked, unless `why` is SUCCESSOR. */
  | { readonly type: 'closing'; readonly why: string }

/** Why a daemon ends whose place another one is about to take. */
export const SUCCESSOR = 'successor'

/** Every line of {@link FrontSignal} starts with these bytes, and no JSON-RPC message does. */
export const SIGNAL_START = '{"mcpctl":'

/** The line with its line break. */
export function writeFrontHello(hello: FrontHello): string {
  return `${JSON.stringify({ mcpctl: FRONT_PROTOCOL, ...hello })}\n`
}

/** The line with its line break. */
export function writeFrontSignal(signal: FrontSignal): string {
  const rest = signal.type === 'ready' ? { ready: true } : signal.type === 'closing' ? { closing: signal.why } : { error: toErrorDocument(signal.error) }
  return `${JSON.stringify({ mcpctl: FRONT_PROTOCOL, ...rest })}\n`
}

/** Reads a client's first line. Throws USAGE that names the field, or DAEMON_INCOMPATIBLE. */
export function readFrontHello(line: string): FrontHello {
  const hello = readRecord(parse(line), 'hello')
  if (hello['mcpctl'] !== FRONT_PROTOCOL) {
    throw new McpctlError('DAEMON_INCOMPATIBLE', `the client speaks version ${JSON.stringify(hello['mcpctl'])} of the front protocol, the daemon ${FRONT_PROTOCOL}`, {
      hint: 'Use one version of mcpctl: mcpctl stop, then mcpctl start.',
    })
  }
  const view = readRecord(hello['view'], 'view')
  return {
    front: readOneOf(hello['front'], 'front', ['stdio', 'http']),
    view: {
      servers: readNullable(view['servers'], 'view.servers', (list, field) => readList(list, field, readString)),
      tags: readList(view['tags'] ?? [], 'view.tags', readString),
      prefix: readNullable(view['prefix'], 'view.prefix', (mode, field) => readOneOf(mode, field, ['always', 'on-collision', 'none'])),
      separator: readNullable(view['separator'], 'view.separator', readSeparator),
      ...(view['manages'] === undefined ? {} : { manages: readOneOf(view['manages'], 'view.manages', ['asked', 'never']) }),
    },
    profile: readNullable(hello['profile'], 'profile', readString),
    resume: readNullable(hello['resume'], 'resume', readResume),
  }
}

/** Reads a line of the daemon. Throws DAEMON_UNREACHABLE when it is none of {@link FrontSignal}. */
export function readFrontSignal(line: string): FrontSignal {
  try {
    const signal = readRecord(parse(line), 'signal')
    if (signal['ready'] === true) return { type: 'ready' }
    if (signal['error'] !== undefined) return { type: 'refused', error: fromErrorDocument(readErrorDocument(signal['error'], 'error')) }
    return { type: 'closing', why: readString(signal['closing'], 'closing') }
  } catch (error) {
    throw new McpctlError('DAEMON_UNREACHABLE', 'what answers on the gateway socket is no daemon of mcpctl', { hint: 'Restart it: mcpctl stop, mcpctl start.', details: { line: line.slice(0, 200) }, cause: error })
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return refuse('the first line', 'a JSON object')
  }
}

function readSeparator(value: unknown, field: string): string {
  const separator = readString(value, field)
  return /^[A-Za-z0-9_.-]{1,8}$/.test(separator) ? separator : refuse(field, '1 to 8 of the characters A-Z a-z 0-9 _ . -')
}

function readResume(value: unknown, field: string): FrontResume {
  const resume = readRecord(value, field)
  return {
    protocolVersion: readString(resume['protocolVersion'], `${field}.protocolVersion`),
    capabilities: readRecord(resume['capabilities'], `${field}.capabilities`),
    clientInfo: readNullable(resume['clientInfo'], `${field}.clientInfo`, (info, at) => {
      const { name, version } = readRecord(info, at)
      return { name: readString(name, `${at}.name`), version: readString(version, `${at}.version`) }
    }),
    logLevel: readNullable(resume['logLevel'], `${field}.logLevel`, readString),
    subscriptions: readList(resume['subscriptions'] ?? [], `${field}.subscriptions`, readString),
  }
}
