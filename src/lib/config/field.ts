import type { ClientAbility, Era, Isolation, ReplaceMode, RestartPolicy, RootSpec, Transport } from '../core/index.js'
import { group, type Stated } from './field-group.js'
import { health, type HealthFields } from './health-field.js'
import { choice, cpu, duration, durationOrNever, filledText, integer, list, scalar, size, textMap, truth, url, word, type Kind, type NameRule } from './kind.js'
import { outboundAuth, type OutboundAuthFields } from './outbound-auth-field.js'
import { roots } from './root-field.js'
import type { Spot } from './spot.js'
import { timeouts, tools, type TimeoutFields, type ToolFields } from './tool-field.js'
import { instances, memberPriority, memberWeight, serverGroupName } from './group-field.js'
import { breaker, cache, concurrency, rate, type BreakerFields, type CacheFields, type ConcurrencyFields, type RateFields } from './traffic-field.js'

export interface RestartFields {
  policy?: RestartPolicy
  backoff?: Stated<{ initial: number; max: number }>
  intensity?: Stated<{ restarts: number; window: number }>
}

/** What a server entry can say, as read: durations in ms, sizes in bytes. */
export interface ServerFields {
  command: string
  args: string[]
  env: Record<string, string>
  envFile: string
  cwd: string
  url: string
  headers: Record<string, string>
  auth: Stated<OutboundAuthFields>
  pool: Stated<{ min: number; max: number }>
  transport: Transport
  enabled: boolean
  disabled: boolean
  era: 'auto' | Era
  restart: RestartFields
  limits: Stated<{ memory: number; memorySoft: number; cpu: number; pids: number; required: boolean }>
  startTimeout: number
  stopTimeout: number
  drainTimeout: number
  replace: ReplaceMode
  health: Stated<HealthFields>
  dependsOn: string[]
  tags: string[]
  logs: Stated<{ maxSize: number; keep: number }>
  isolation: Isolation
  start: 'auto' | 'on-demand'
  idleTimeout: number | null
  roots: RootSpec[]
  clientAbilities: ClientAbility[]
  timeouts: Stated<TimeoutFields>
  tools: Stated<ToolFields>
  instances: number
  namespace: string
  priority: number
  weight: number
  breaker: Stated<BreakerFields>
  rate: Stated<RateFields> | null
  concurrency: Stated<ConcurrencyFields> | null
  cache: Stated<CacheFields>
  bearerTokenVariable: string
  headerVariables: Record<string, string>
  passedVariables: string[]
}

export type FieldName = keyof ServerFields

export interface Field<T> {
  readonly kind: Kind<T>
  readonly summary: string
  /** Other names it goes by, in the files of other clients too. */
  readonly aliases?: readonly string[]
  /** May also stand under `defaults`. */
  readonly inDefaults?: true
  /** The names under which only other clients' files have it; in our own format it is unknown. */
  readonly foreignNames?: readonly string[]
  /** Other clients use the word for something else: in their files it is ours only under `x-mcpctl`. */
  readonly isOwnOnly?: true
}

const TRANSPORT_ALIASES: Readonly<Record<string, Transport>> = {
  'streamable-http': 'http', streamableHttp: 'http', streamable_http: 'http', remote: 'http', local: 'stdio',
}

const RESTART_POLICIES = ['always', 'on-failure', 'never'] as const

const restartGroup = group<Required<RestartFields>>('a policy or an object with policy, backoff and intensity', {
  policy: { kind: choice(RESTART_POLICIES), summary: 'When a server that ended is started again.' },
  backoff: {
    summary: 'Delays between restarts, doubled each time.',
    kind: group('an object with initial and max', {
      initial: { kind: duration(1), summary: 'The first delay after the immediate restart.' },
      max: { kind: duration(1), summary: 'The longest delay.' },
    }, checkBackoff),
  },
  intensity: {
    summary: 'More restarts than this inside the window: the server has failed.',
    kind: group('an object with restarts and window', {
      restarts: { kind: integer(0, 1000), summary: 'Restarts allowed inside the window.' },
      window: { kind: duration(1000), summary: 'The window.' },
    }),
  },
})

function checkBackoff({ initial, max }: Stated<{ initial: number; max: number }>, spot: Spot): void {
  if (initial !== undefined && max !== undefined && initial > max) spot.problem('has an initial delay above its max', 'Make initial the smaller of the two.')
}

const restart: Kind<RestartFields> = {
  ...restartGroup,
  name: 'either',
  choices: RESTART_POLICIES,
  schema: { anyOf: [{ enum: RESTART_POLICIES }, restartGroup.schema] },
  read: (value, spot) => {
    if (typeof value === 'object' && value !== null) return restartGroup.read(value, spot)
    const policy = choice(RESTART_POLICIES).read(value, spot)
    return policy === undefined ? undefined : { policy }
  },
}

// eslint-disable-next-line no-control-regex
const VARIABLE_NAME: NameRule = { pattern: /^[^=\u0000]+$/, wrong: 'is not a possible name of an environment variable' }

const HEADER_NAME: NameRule = { pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, wrong: 'is not a possible name of an HTTP header' }

const headerMap = textMap('an object of header names and texts', HEADER_NAME)

const headers: Kind<Record<string, string>> = {
  ...headerMap,
  read: (value, spot) => {
    const read = headerMap.read(value, spot)
    const seen = new Set<string>()
    for (const [name, each] of Object.entries(read ?? {})) {
      if (/[\r\n]/.test(each)) spot.at(name).problem('holds a line break, which a header cannot', 'Remove the line break.')
      if (seen.has(name.toLowerCase())) spot.at(name).problem('is there twice, in different case', 'Keep one of the two.')
      seen.add(name.toLowerCase())
    }
    return read
  },
}

/** Codex: names to pass through, or objects that carry the name. */
const passedVariable: Kind<string> = {
  ...word,
  schema: { anyOf: [word.schema, { type: 'object', properties: { name: word.schema }, required: ['name'] }] },
  read: (value, spot) => word.read(typeof value === 'object' && value !== null && 'name' in value ? value.name : value, spot),
}

/**
 * Every field of a server: the one place that knows its names, its kind and its meaning.
 * Reading, `config show`, the reference page and a schema follow this table.
 */
export const SERVER_FIELDS: { readonly [K in FieldName]: Field<ServerFields[K]> } = {
  command: { kind: filledText, summary: 'The program to start.' },
  args: { kind: list(scalar, 'a list of texts'), summary: 'Its arguments.' },
  env: { kind: textMap('an object of variable names and texts', VARIABLE_NAME), summary: 'Variables it gets besides a short inherited list.', inDefaults: true },
  envFile: { kind: filledText, summary: 'A file of NAME=value lines; env wins over it.' },
  cwd: { kind: filledText, summary: 'Its working folder, relative to the folder of the configuration file.', inDefaults: true },
  url: { kind: url, summary: 'Where it answers over HTTP.', aliases: ['httpUrl', 'serverUrl', 'uri'] },
  headers: { kind: headers, summary: 'HTTP headers of every request.', foreignNames: ['http_headers'] },
  auth: { kind: outboundAuth, summary: 'Where the token for it comes from.', isOwnOnly: true },
  pool: {
    summary: 'HTTP connections to it.',
    inDefaults: true,
    isOwnOnly: true,
    kind: group('an object with min and max', {
      min: { kind: integer(0, 1024), summary: 'Kept open for later calls. Default 64.' },
      max: { kind: integer(1, 1024), summary: 'Open at once besides the stream of its own messages; calls wait for one. Default: as many as calls need.' },
    }),
  },
  transport: {
    kind: choice(['stdio', 'http', 'sse', 'none'], TRANSPORT_ALIASES),
    summary: 'How it is spoken to; found out from command and url when absent.',
    aliases: ['type'],
  },
  enabled: { kind: truth, summary: 'false: known, but not started.', inDefaults: true },
  disabled: { kind: truth, summary: 'true: the same as enabled: false.' },
  era: { kind: choice(['auto', 'legacy', 'modern']), summary: 'Generation of the protocol.', inDefaults: true },
  restart: { kind: restart, summary: 'What happens when it ends.', inDefaults: true },
  limits: {
    summary: 'What it may use at most.',
    inDefaults: true,
    kind: group('an object with memory, memorySoft, cpu, pids and required', {
      memory: { kind: size(1024 ** 2), summary: 'Memory of the whole process tree.' },
      memorySoft: { kind: size(1024 ** 2), summary: 'Above this it is replaced as soon as no call is under way.' },
      cpu: { kind: cpu, summary: 'Processor time.' },
      pids: { kind: integer(1, 4_194_304), summary: 'Number of processes and threads.' },
      required: { kind: truth, summary: 'true: it is rather not started than without a limit of memory that holds for the whole tree.' },
    }),
  },
  startTimeout: { kind: duration(1), summary: 'Time it may take until it is ready.', inDefaults: true, foreignNames: ['startup_timeout_sec'] },
  stopTimeout: { kind: duration(0), summary: 'Time it may take to end by itself.', inDefaults: true },
  drainTimeout: { kind: duration(0), summary: 'Time calls under way get to finish before a stop begins.', inDefaults: true },
  replace: {
    kind: choice(['beside', 'in-place']),
    summary: 'When a reload needs a new process. beside: it is proven ready beside the old one, which then drains and goes; in-place: the old one is stopped first.',
    inDefaults: true,
  },
  health: { kind: health, summary: 'When and how it is asked whether it works.', inDefaults: true },
  dependsOn: { kind: list(word, 'a server name or a list of them', { orSingle: true }), summary: 'Servers that must be ready first.' },
  tags: { kind: list(word, 'a label or a list of them', { orSingle: true }), summary: 'Labels to choose servers by.', inDefaults: true },
  logs: {
    summary: 'When its log file is rotated.',
    inDefaults: true,
    kind: group('an object with maxSize and keep', {
      maxSize: { kind: size(1024), summary: 'Size of a log file.' },
      keep: { kind: integer(0, 1000), summary: 'Rotated files kept.' },
    }),
  },
  isolation: { kind: choice(['shared', 'per-session']), summary: 'per-session: each client session gets a process of its own.', inDefaults: true },
  start: { kind: choice(['auto', 'on-demand']), summary: 'on-demand: started by the first request for it, not with the others.', inDefaults: true, isOwnOnly: true },
  idleTimeout: { kind: durationOrNever(1000), summary: 'With start: on-demand: unused for this long it is stopped again.', inDefaults: true },
  roots: { kind: roots, summary: 'Folders it is told it may work in, relative to the folder of the configuration file.', inDefaults: true, isOwnOnly: true },
  clientAbilities: {
    kind: list(choice<ClientAbility>(['sampling', 'elicitation']), 'a list of "sampling" and "elicitation"', { orSingle: true }),
    summary: 'What a shared server is told its clients can do.',
    inDefaults: true,
  },
  timeouts: { kind: timeouts, summary: 'How long calls may take.', inDefaults: true, isOwnOnly: true },
  tools: { kind: tools, summary: 'Which tools clients see, and as what.', isOwnOnly: true },
  instances: { kind: instances, summary: 'So many processes of it, which share its calls and stand in for each other.', isOwnOnly: true },
  namespace: { kind: serverGroupName, summary: 'The name clients see in place of its own; servers with the same one stand in for each other.', aliases: ['group'], isOwnOnly: true },
  priority: { kind: memberPriority, summary: 'In a group: the lowest goes first.', isOwnOnly: true },
  weight: { kind: memberWeight, summary: 'In a group with strategy weighted: its share of the calls.', isOwnOnly: true },
  breaker: { kind: breaker, summary: 'When it is left alone because its calls fail, and how it is tried again; false: never.', inDefaults: true, isOwnOnly: true },
  rate: { kind: rate, summary: 'Requests it is sent a minute at most.', inDefaults: true, isOwnOnly: true },
  concurrency: { kind: concurrency, summary: 'Calls it has under way at once; more wait. Without it: any number over stdio; over HTTP 256, and 10000 wait up to 30s.', inDefaults: true, isOwnOnly: true },
  cache: { kind: cache, summary: 'Which of its answers are kept for the next equal request.', inDefaults: true, isOwnOnly: true },
  bearerTokenVariable: { kind: word, summary: 'The variable that holds the bearer token.', foreignNames: ['bearer_token_env_var'] },
  headerVariables: { kind: headers, summary: 'Headers whose values are in variables.', foreignNames: ['env_http_headers'] },
  passedVariables: { kind: list(passedVariable, 'a list of variable names'), summary: 'Variables to pass on.', foreignNames: ['env_vars'] },
}

/** Fields of other MCP clients that mean nothing to us: accepted without a word in their files, refused in ours. */
export const CLIENT_FIELDS: ReadonlySet<string> = new Set([
  'timeout', 'trust', 'autoApprove', 'alwaysAllow', 'disabledTools', 'enabledTools', 'includeTools', 'excludeTools', 'enabled_tools',
  'disabled_tools', 'required', 'tool_timeout_sec', 'startup_timeout_ms', 'auth', 'oauth', 'headersHelper', 'sandboxEnabled', 'sandbox',
  'dev', 'gallery', 'version', 'source', 'settings', 'description', 'tools', 'name', 'displayName', 'icon', 'iconUrl', 'scopes', 'metadata',
  'approval_mode', 'default_tools_approval_mode', 'supports_parallel_tool_calls', 'note', 'comment', '_comment', 'projectPath', 'presetId',
])

/** Whose names an entry may use: all that are ours, those of a client's file, or ours under `x-mcpctl` in such a file. */
export type NameSpace = 'own' | 'client' | 'client-own'

/** Every name a server entry may use, with the field it stands for. */
export function nameTable(space: NameSpace): ReadonlyMap<string, FieldName> {
  const table = new Map<string, FieldName>()
  for (const [key, field] of Object.entries(SERVER_FIELDS)) {
    const name = key as FieldName
    if (space === 'client' && field.isOwnOnly === true) continue
    const isForeignOnly = ['bearerTokenVariable', 'headerVariables', 'passedVariables'].includes(name)
    const names = [...(isForeignOnly ? [] : [name]), ...(field.aliases ?? []), ...(space === 'own' ? [] : (field.foreignNames ?? []))]
    for (const each of names) table.set(each, name)
  }
  return table
}
