import {
  DEFAULT_GATEWAY,
  type GatewaySettings,
  type ManagementSettings,
  type MonitoringSettings,
  type ProfileSpec,
  type RootSpec,
  type ServerSpec,
} from '../core/index.js'
import { readAuthSettings } from './read-auth-spec.js'
import { readConcurrency, readRate, readTraffic } from './read-traffic-spec.js'
import { readBoolean, readDelay, readInteger, readLimit, readList, readMap, readMatching, readNullable, readOneOf, readRecord, readString, refuse, type Form } from './read.js'

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
    auth: readAuthSettings(gateway['auth'], `${field}.auth`),
    ...readLimitSettings(gateway, field),
  }
}

type Limits = Pick<GatewaySettings, 'rate' | 'concurrency' | 'cacheBytes' | 'management' | 'workflows' | 'rest' | 'audit'>

function readLimitSettings(gateway: Record<string, unknown>, field: string): Limits {
  const rate = readRecord(gateway['rate'] ?? {}, `${field}.rate`)
  return {
    rate: { caller: readNullable(rate['caller'], `${field}.rate.caller`, readRate), total: readNullable(rate['total'], `${field}.rate.total`, readRate) },
    concurrency: readNullable(gateway['concurrency'], `${field}.concurrency`, readConcurrency),
    cacheBytes: readInteger(gateway['cacheBytes'] ?? DEFAULT_GATEWAY.cacheBytes, `${field}.cacheBytes`, [0, Number.MAX_SAFE_INTEGER]),
    management: readManagement(gateway['management'] ?? DEFAULT_GATEWAY.management, `${field}.management`),
    workflows: readBoolean(gateway['workflows'] ?? DEFAULT_GATEWAY.workflows, `${field}.workflows`),
    rest: readBoolean(gateway['rest'] ?? DEFAULT_GATEWAY.rest, `${field}.rest`),
    audit: readBoolean(gateway['audit'] ?? DEFAULT_GATEWAY.audit, `${field}.audit`),
  }
}

function readManagement(value: unknown, field: string): ManagementSettings {
  const management = readRecord(value, field)
  return { tools: readOneOf(management['tools'], `${field}.tools`, ['auto', 'on', 'off']), allowCommands: readBoolean(management['allowCommands'], `${field}.allowCommands`) }
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

const SEPARATOR: Form = { pattern: /^[A-Za-z0-9_.-]{1,8}$/, accepts: '1 to 8 characters of tool names' }
const TOKEN: Form = { pattern: /^[\x21-\x7e]+$/, accepts: 'visible ASCII without spaces' }

const readToken = (value: unknown, field: string): string => readMatching(value, field, TOKEN)

const readPort = (value: unknown, field: string): number => readInteger(value, field, [1, 65_535])
