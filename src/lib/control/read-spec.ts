import { MAX_TRACED_BYTES, type EndpointSpec, type FleetSettings, type LaunchSpec, type OutboundAuthSpec, type PoolSpec, type ServerSpec } from '../core/index.js'
import { readBoolean, readErrorDocument, readInteger, readLimit, readList, readNullable, readNumber, readOneOf, readRecord, readString, readTexts, refuse } from './read.js'
import { readGatewaySettings, readUse } from './read-gateway-spec.js'
import { readHealth, readLimits, readReplacement } from './read-upkeep-spec.js'
import type { ApplyParams, ConfigFailedParams, ConfigOrigin, MetricsParams, NamesParams, ReloadParams, SnapshotParams, TraceParams } from './wire.js'

/** Lenient: any client can end any daemon. */
export function readShutdownParams(value: unknown): { successor: boolean } {
  return { successor: typeof value === 'object' && value !== null && 'successor' in value && value.successor === true }
}

export function readNamesParams(params: unknown): NamesParams {
  const { names } = readRecord(params, 'params')
  return { names: readNullable(names, 'names', (list, field) => readList(list, field, readString)) }
}

export function readSnapshotParams(params: unknown): SnapshotParams {
  return { ...readNamesParams(params), detail: readBoolean(readRecord(params, 'params')['detail'] ?? false, 'detail') }
}

export function readMetricsParams(params: unknown): MetricsParams {
  const { names, history, tools } = readRecord(params, 'params')
  return {
    ...readNamesParams({ names: names ?? null }),
    history: readBoolean(history ?? false, 'history'),
    tools: readBoolean(tools ?? false, 'tools'),
  }
}

export function readTraceParams(params: unknown): TraceParams {
  const { last, follow, textBytes, probes } = readRecord(params, 'params')
  return {
    ...readNamesParams(params),
    last: readInteger(last, 'last', [0, 1000]),
    follow: readBoolean(follow, 'follow'),
    textBytes: readInteger(textBytes, 'textBytes', [0, MAX_TRACED_BYTES]),
    probes: readBoolean(probes, 'probes'),
  }
}

export function readApplyParams(params: unknown): ApplyParams {
  const { source, sources, settings, servers, origin: from } = readRecord(params, 'params')
  const origin = readNullable(from, 'origin', readOrigin)
  return {
    source: readString(source, 'source'),
    settings: readSettings(settings),
    servers: readList(servers, 'servers', readServerSpec),
    ...(sources === undefined ? {} : { sources: readList(sources, 'sources', readString) }),
    ...(origin === null ? {} : { origin }),
  }
}

export function readReloadParams(params: unknown): ReloadParams {
  return { ...readApplyParams(params), ...readNamesParams(params), dryRun: readBoolean(readRecord(params, 'params')['dryRun'], 'dryRun') }
}

export function readConfigFailedParams(params: unknown): ConfigFailedParams {
  const { source, error, files } = readRecord(params, 'params')
  return { source: readString(source, 'source'), error: readErrorDocument(error, 'error'), files: readList(files, 'files', readString) }
}

function readOrigin(value: unknown, field: string): ConfigOrigin {
  const origin = readRecord(value, field)
  return {
    cwd: readString(origin['cwd'], `${field}.cwd`),
    configPath: readNullable(origin['configPath'], `${field}.configPath`, readString),
    env: readTexts(origin['env'], `${field}.env`),
    files: readList(origin['files'], `${field}.files`, readString),
    ...(origin['absent'] === undefined ? {} : { absent: readList(origin['absent'], `${field}.absent`, readString) }),
    watch: readBoolean(origin['watch'], `${field}.watch`),
    loadedAt: readNumber(origin['loadedAt'], `${field}.loadedAt`),
  }
}

function readSettings(value: unknown): FleetSettings {
  const { maxConcurrentStarts, gateway } = readRecord(value, 'settings')
  return { maxConcurrentStarts: readNumber(maxConcurrentStarts, 'settings.maxConcurrentStarts'), gateway: readGatewaySettings(gateway, 'settings.gateway') }
}

function readServerSpec(value: unknown, field: string): ServerSpec {
  const spec = readRecord(value, field)
  const restart = readRecord(spec['restart'], `${field}.restart`)
  const logs = readRecord(spec['logs'], `${field}.logs`)
  return {
    name: readName(spec['name'], `${field}.name`),
    source: readString(spec['source'], `${field}.source`),
    transport: readOneOf(spec['transport'], `${field}.transport`, ['stdio', 'http', 'sse', 'none']),
    launch: readNullable(spec['launch'], `${field}.launch`, readLaunch),
    endpoint: readNullable(spec['endpoint'], `${field}.endpoint`, readEndpoint),
    era: readOneOf(spec['era'], `${field}.era`, ['auto', 'legacy', 'modern']),
    enabled: readBoolean(spec['enabled'], `${field}.enabled`),
    restart: {
      policy: readOneOf(restart['policy'], `${field}.restart.policy`, ['always', 'on-failure', 'never']),
      backoffInitialMs: readNumber(restart['backoffInitialMs'], `${field}.restart.backoffInitialMs`),
      backoffMaxMs: readNumber(restart['backoffMaxMs'], `${field}.restart.backoffMaxMs`),
      maxRestarts: readNumber(restart['maxRestarts'], `${field}.restart.maxRestarts`),
      windowMs: readNumber(restart['windowMs'], `${field}.restart.windowMs`),
    },
    limits: readLimits(spec['limits'], `${field}.limits`),
    startTimeoutMs: readNumber(spec['startTimeoutMs'], `${field}.startTimeoutMs`),
    stopTimeoutMs: readNumber(spec['stopTimeoutMs'], `${field}.stopTimeoutMs`),
    ...readReplacement(spec, field),
    health: readHealth(spec, `${field}.health`),
    dependsOn: readList(spec['dependsOn'], `${field}.dependsOn`, readString),
    tags: readList(spec['tags'], `${field}.tags`, readString),
    logs: { maxBytes: readNumber(logs['maxBytes'], `${field}.logs.maxBytes`), keep: readNumber(logs['keep'], `${field}.logs.keep`) },
    ...readUse(spec, field),
  }
}

/**
 * The name becomes a file name and a mark in a process's environment: only what the configuration makes may get here
 * (`name`, `name@2` of a replica, `name@profile`), so no name of a session's process (`name#1`) either.
 */
function readName(value: unknown, field: string): string {
  const name = readString(value, field)
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(?:@[A-Za-z0-9][A-Za-z0-9._-]{0,62}){0,2}$/.test(name) ? name : refuse(field, 'the name of a server')
}

function readUrl(value: unknown, field: string): string {
  const url = readString(value, field)
  return URL.canParse(url) ? url : refuse(field, 'a URL')
}

function readLaunch(value: unknown, field: string): LaunchSpec {
  const launch = readRecord(value, field)
  return {
    command: readString(launch['command'], `${field}.command`),
    args: readList(launch['args'], `${field}.args`, readString),
    cwd: readString(launch['cwd'], `${field}.cwd`),
    env: readTexts(launch['env'], `${field}.env`),
    ownEnv: readList(launch['ownEnv'], `${field}.ownEnv`, readString),
    shown: readList(launch['shown'], `${field}.shown`, readString),
  }
}

function readEndpoint(value: unknown, field: string): EndpointSpec {
  const endpoint = readRecord(value, field)
  const pool = readNullable(endpoint['pool'], `${field}.pool`, readPool)
  const auth = readNullable(endpoint['auth'], `${field}.auth`, readOutboundAuth)
  return { url: readUrl(endpoint['url'], `${field}.url`), headers: readTexts(endpoint['headers'], `${field}.headers`), ...(auth === null ? {} : { auth }), ...(pool === null ? {} : { pool }) }
}

function readPool(value: unknown, field: string): PoolSpec {
  const pool = readRecord(value, field)
  return { min: readInteger(pool['min'], `${field}.min`, [0, 1024]), max: readInteger(pool['max'], `${field}.max`, [1, 1024]) }
}

function readOutboundAuth(value: unknown, field: string): OutboundAuthSpec {
  const auth = readRecord(value, field)
  const type = readOneOf(auth['type'], `${field}.type`, ['file', 'keychain', 'command', 'oauth'])
  const text = (name: string): string => readString(auth[name], `${field}.${name}`)
  const texts = (name: string): string[] => readList(auth[name], `${field}.${name}`, readString)
  const textOrNull = (name: string): string | null => readNullable(auth[name], `${field}.${name}`, readString)
  switch (type) {
    case 'file':
      return { type, path: text('path') }
    case 'keychain':
      return { type, service: text('service'), account: textOrNull('account') }
    case 'command':
      return { type, command: text('command'), args: texts('args'), cwd: text('cwd'), ttlMs: readLimit(auth['ttlMs'], `${field}.ttlMs`) }
    case 'oauth':
      return {
        type,
        grant: readOneOf(auth['grant'], `${field}.grant`, ['authorization-code', 'client-credentials']),
        clientId: textOrNull('clientId'),
        clientSecret: textOrNull('clientSecret'),
        scopes: texts('scopes'),
        authorizationServer: readNullable(auth['authorizationServer'], `${field}.authorizationServer`, readUrl),
        redirectPort: readNullable(auth['redirectPort'], `${field}.redirectPort`, (port, at) => readInteger(port, at, [1, 65_535])),
        ...(auth['store'] === undefined ? {} : { store: readOneOf(auth['store'], `${field}.store`, ['keychain']) }),
      }
  }
}
