import {
  DEFAULT_GATEWAY,
  DEFAULT_TRAFFIC,
  type GatewaySettings,
  type MonitoringSettings,
  type PinSpec,
  type ProfileSpec,
  type RootSpec,
  type ServerSpec,
  type ToolSpec,
  type TrafficSpec,
} from '../core/index.js'
import { readBoolean, readDelay, readInteger, readLimit, readList, readNullable, readOneOf, readRecord, readString, readTexts, refuse } from './read.js'

/*
 * A command older than the gateway leaves these fields out: what is absent has its default.
 */

export function readGatewaySettings(value: unknown, field: string): GatewaySettings {
  if (value === undefined) return DEFAULT_GATEWAY
  const gateway = readRecord(value, field)
  const text = (name: string): string => readString(gateway[name], `${field}.${name}`)
  const texts = (name: string): string[] => readList(gateway[name], `${field}.${name}`, readString)
  return {
    ...DEFAULT_GATEWAY,
    port: readNullable(gateway['port'], `${field}.port`, readPort),
    host: text('host') === '' ? refuse(`${field}.host`, 'a host') : text('host'),
    token: readNullable(gateway['token'], `${field}.token`, readToken),
    allowedHosts: texts('allowedHosts'),
    allowedOrigins: texts('allowedOrigins'),
    prefix: readOneOf(gateway['prefix'], `${field}.prefix`, ['always', 'on-collision', 'none']),
    separator: readMatching(gateway['separator'], `${field}.separator`, SEPARATOR),
    maxNameLength: readInteger(gateway['maxNameLength'], `${field}.maxNameLength`, [16, 128]),
    sse: readBoolean(gateway['sse'], `${field}.sse`),
    listWaitMs: readDelay(gateway['listWaitMs'], `${field}.listWaitMs`),
    startWaitMs: readDelay(gateway['startWaitMs'], `${field}.startWaitMs`),
    instructions: readBoolean(gateway['instructions'], `${field}.instructions`),
    metrics: readMonitoring(gateway['metrics'], `${field}.metrics`),
    profiles: readMap(gateway['profiles'], `${field}.profiles`, readProfile),
  }
}

function readMonitoring(value: unknown, field: string): MonitoringSettings {
  if (value === undefined) return DEFAULT_GATEWAY.metrics
  const metrics = readRecord(value, field)
  return { compat: readBoolean(metrics['compat'], `${field}.compat`), public: readBoolean(metrics['public'], `${field}.public`) }
}

type Use = Pick<ServerSpec, 'isolation' | 'start' | 'idleStopMs' | 'roots' | 'clientAbilities' | 'session' | 'traffic'>

/** What a server's spec says about its use by clients. The processes of single sessions are the daemon's own: none comes from outside. */
export function readUse(spec: Record<string, unknown>, field: string): Use {
  if (spec['session'] !== undefined && spec['session'] !== null) refuse(`${field}.session`, 'null')
  return {
    isolation: readOneOf(spec['isolation'] ?? 'shared', `${field}.isolation`, ['shared', 'per-session']),
    start: readOneOf(spec['start'] ?? 'auto', `${field}.start`, ['auto', 'on-demand']),
    idleStopMs: readNullable(spec['idleStopMs'], `${field}.idleStopMs`, readLimit),
    roots: readNullable(spec['roots'], `${field}.roots`, (list, at) => readList(list, at, readRoot)),
    clientAbilities: readList(spec['clientAbilities'] ?? [], `${field}.clientAbilities`, (item, at) => readOneOf(item, at, ['sampling', 'elicitation'])),
    session: null,
    traffic: readTraffic(spec['traffic'], `${field}.traffic`),
  }
}

function readTraffic(value: unknown, field: string): TrafficSpec {
  if (value === undefined) return DEFAULT_TRAFFIC
  const traffic = readRecord(value, field)
  return {
    ...DEFAULT_TRAFFIC,
    idleTimeoutMs: readNullable(traffic['idleTimeoutMs'], `${field}.idleTimeoutMs`, readLimit),
    timeoutMs: readNullable(traffic['timeoutMs'], `${field}.timeoutMs`, readLimit),
    allow: readNullable(traffic['allow'], `${field}.allow`, (list, at) => readList(list, at, readString)),
    deny: readList(traffic['deny'], `${field}.deny`, readString),
    tools: readMap(traffic['tools'], `${field}.tools`, readTool),
    pins: readNullable(traffic['pins'] ?? null, `${field}.pins`, readPins),
  }
}

function readPins(value: unknown, field: string): PinSpec {
  const pins = readRecord(value, field)
  return { tools: readTexts(pins['tools'], `${field}.tools`), prompts: readTexts(pins['prompts'], `${field}.prompts`) }
}

function readTool(value: unknown, field: string): ToolSpec {
  const tool = readRecord(value, field)
  const name = readNullable(tool['name'], `${field}.name`, (text, at) => readMatching(text, at, TOOL_NAME))
  const description = readNullable(tool['description'], `${field}.description`, readString)
  const enabled = readNullable(tool['enabled'], `${field}.enabled`, readBoolean)
  const idleTimeoutMs = readNullable(tool['idleTimeoutMs'], `${field}.idleTimeoutMs`, readLimit)
  const timeoutMs = readNullable(tool['timeoutMs'], `${field}.timeoutMs`, readLimit)
  return {
    ...(name === null ? {} : { name }),
    ...(description === null ? {} : { description }),
    ...(enabled === null ? {} : { enabled }),
    ...(idleTimeoutMs === null ? {} : { idleTimeoutMs }),
    ...(timeoutMs === null ? {} : { timeoutMs }),
  }
}

function readRoot(value: unknown, field: string): RootSpec {
  const root = readRecord(value, field)
  const uri = readString(root['uri'], `${field}.uri`)
  const name = readNullable(root['name'], `${field}.name`, readString)
  return { uri: URL.canParse(uri) ? uri : refuse(`${field}.uri`, 'a URI'), ...(name === null ? {} : { name }) }
}

function readProfile(value: unknown, field: string): ProfileSpec {
  const profile = readRecord(value, field)
  return { servers: readList(profile['servers'], `${field}.servers`, readString), tags: readList(profile['tags'], `${field}.tags`, readString) }
}

interface Form {
  readonly pattern: RegExp
  readonly accepts: string
}

const SEPARATOR: Form = { pattern: /^[A-Za-z0-9_.-]{1,8}$/, accepts: '1 to 8 characters of tool names' }
const TOOL_NAME: Form = { pattern: /^[A-Za-z0-9_.-]{1,128}$/, accepts: 'the name of a tool' }
const TOKEN: Form = { pattern: /^[\x21-\x7e]+$/, accepts: 'visible ASCII without spaces' }

function readMatching(value: unknown, field: string, { pattern, accepts }: Form): string {
  const text = readString(value, field)
  return pattern.test(text) ? text : refuse(field, accepts)
}

const readToken = (value: unknown, field: string): string => readMatching(value, field, TOKEN)

const readPort = (value: unknown, field: string): number => readInteger(value, field, [1, 65_535])

function readMap<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(readRecord(value, field)).map(([key, item]) => [key, read(item, `${field}.${key}`)]))
}
