import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { readBytes, readDuration } from '../base/index.js'
import { McpctlError } from '../errors/index.js'
import { isHost, isToken, readPort } from './address.js'
import { readCpuPercent } from './cpu.js'
import { MASK } from './secret.js'

/** What enforces limits; `auto`: the best one this machine has. */
export type LimitsBackend = 'auto' | 'cgroup2' | 'systemd' | 'cgroup1' | 'rlimit' | 'poll' | 'none'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What the environment says, defaults filled in. Folders are absolute. */
export interface Settings {
  readonly home: string
  readonly pidDir: string
  readonly logDir: string
  /** As given: relative to the working folder. */
  readonly configPath: string | undefined
  readonly maxStartupTimeMs: number
  readonly parallelStartup: boolean
  readonly autoRestart: boolean
  readonly healthCheckIntervalMs: number
  readonly memoryLimitBytes: number | undefined
  readonly cpuQuotaPercent: number | undefined
  readonly logLevel: LogLevel
  readonly bindHost: string
  /** null: none; undefined: the variable says nothing. */
  readonly gatewayPort: number | null | undefined
  readonly gatewayToken: string | undefined
  readonly metricsCompat: boolean | undefined
  /** What all kept answers may hold together. */
  readonly cacheSizeBytes: number | undefined
  /** 0: nothing is kept. */
  readonly cacheTtlMs: number | undefined
  /** Failures in a row that open the breaker of a server. */
  readonly failureThreshold: number | undefined
  /** HTTP connections to one server: kept for later, and open at once. */
  readonly poolMin: number | undefined
  readonly poolMax: number | undefined
  /** Time until an open breaker lets the first trial through. */
  readonly recoveryTimeoutMs: number | undefined
  /** For the daemon, which reads the variable by itself. */
  readonly limitsBackend: LimitsBackend
  /** Whether the daemon reloads a configuration whose files change. */
  readonly watch: boolean
  /** Names of the variables that were set; every other value is a default. */
  readonly stated: ReadonlySet<string>
}

interface Variable<T> {
  readonly name: string
  readonly accepts: string
  /** Undefined: not acceptable. */
  readonly read: (text: string) => T | undefined
  /** Its value is never shown. */
  readonly isSecret?: true
}

/** A timer holds at most 2^31-1 ms, about 24.8 days. */
const MAX_DURATION_MS = 24 * 86_400_000

const LOG_LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ['trace', 'debug'], ['debug', 'debug'], ['info', 'info'], ['warn', 'warn'], ['warning', 'warn'], ['error', 'error'], ['critical', 'error'], ['fatal', 'error'],
])

const LIMITS_BACKENDS: readonly LimitsBackend[] = ['auto', 'cgroup2', 'systemd', 'cgroup1', 'rlimit', 'poll', 'none']

const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ['true', true], ['1', true], ['yes', true], ['on', true], ['false', false], ['0', false], ['no', false], ['off', false],
])

const truth = (name: string): Variable<boolean> => ({ name, accepts: 'true or false (also 1/0, yes/no, on/off)', read: (text) => TRUTH.get(text.toLowerCase()) })

const duration = (name: string, example: string): Variable<number> => ({
  name,
  accepts: `a time above zero and at most 24 days: a number of seconds, or text such as ${example}`,
  read: (text) => {
    const durationMs = readDuration(text)
    return durationMs !== undefined && durationMs > 0 && durationMs <= MAX_DURATION_MS ? durationMs : undefined
  },
})

const MOST_CONNECTIONS = 1024

const count = (name: string, least: number): Variable<number> => ({
  name,
  accepts: `a whole number from ${least} to ${MOST_CONNECTIONS}`,
  read: (text) => (/^\d{1,4}$/.test(text) && Number(text) >= least && Number(text) <= MOST_CONNECTIONS ? Number(text) : undefined),
})

const folder = (name: string): Variable<string> => ({ name, accepts: 'the path of a folder', read: (text) => (text.includes('\0') ? undefined : text) })

const VARIABLES = {
  home: folder('MCP_HOME'),
  pidDir: folder('MCP_PID_DIR'),
  logDir: folder('MCP_LOG_DIR'),
  config: { name: 'MCP_CONFIG', accepts: 'the path of a file', read: (text: string) => text },
  maxStartupTime: duration('MCP_MAX_STARTUP_TIME', '90s or 2m'),
  parallelStartup: truth('MCP_PARALLEL_STARTUP'),
  autoRestart: truth('MCP_AUTO_RESTART'),
  healthCheckInterval: duration('MCP_HEALTH_CHECK_INTERVAL', '500ms or 10s'),
  memoryLimit: {
    name: 'MCP_MEMORY_LIMIT',
    accepts: 'a size of at least 1M: bytes, or text such as 512M or 1G',
    read: (text: string) => {
      const bytes = readBytes(/^\d+$/.test(text) ? Number(text) : text)
      return bytes !== undefined && bytes >= 1024 ** 2 ? bytes : undefined
    },
  },
  cpuQuota: { name: 'MCP_CPU_QUOTA', accepts: 'percent of one core such as 80%, or a number of cores such as 1.5', read: readCpuPercent },
  logLevel: { name: 'MCP_LOG_LEVEL', accepts: 'debug, info, warn or error', read: (text: string) => LOG_LEVELS.get(text.toLowerCase()) },
  bindHost: {
    name: 'MCP_BIND_HOST',
    accepts: 'a host name or an IP address, without scheme and port',
    read: (text: string) => (isHost(text) ? text.toLowerCase() : undefined),
  },
  gatewayPort: {
    name: 'MCP_GATEWAY_PORT',
    accepts: 'a port from 1 to 65535, or none',
    read: (text: string) => (/^(none|false|off|no)$/i.test(text) ? null : readPort(text)),
  },
  gatewayToken: {
    name: 'MCP_GATEWAY_TOKEN',
    accepts: 'visible ASCII characters without spaces',
    read: (text: string) => (isToken(text) ? text : undefined),
    isSecret: true,
  },
  metricsCompat: truth('MCP_METRICS_COMPAT'),
  cacheSize: {
    name: 'MCP_CACHE_SIZE',
    accepts: 'a size of at least 64K: bytes, or text such as 64M',
    read: (text: string) => {
      const bytes = readBytes(/^\d+$/.test(text) ? Number(text) : text)
      return bytes !== undefined && bytes >= 64 * 1024 && Number.isSafeInteger(bytes) ? bytes : undefined
    },
  },
  cacheTtl: {
    name: 'MCP_CACHE_TTL',
    accepts: 'a time of at most 24 days: a number of seconds, or text such as 90s or 5m; 0 keeps nothing',
    read: (text: string) => {
      const durationMs = readDuration(text)
      return durationMs !== undefined && durationMs <= MAX_DURATION_MS ? durationMs : undefined
    },
  },
  failureThreshold: {
    name: 'MCP_FAILURE_THRESHOLD',
    accepts: 'a whole number from 1 to 10000',
    read: (text: string) => (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000 ? Number(text) : undefined),
  },
  poolMin: count('MCP_POOL_MIN_SIZE', 0),
  poolMax: count('MCP_POOL_MAX_SIZE', 1),
  recoveryTimeout: duration('MCP_RECOVERY_TIMEOUT', '500ms or 30s'),
  limitsBackend: {
    name: 'MCP_LIMITS_BACKEND',
    accepts: 'auto, cgroup2, systemd, cgroup1, rlimit, poll or none',
    read: (text: string) => LIMITS_BACKENDS.find((backend) => backend === text.toLowerCase()),
  },
  watch: truth('MCP_WATCH'),
} as const satisfies Record<string, Variable<unknown>>

interface EnvironmentProblem {
  readonly variable: string
  readonly value: string
  readonly message: string
}

/**
 * Reads the `MCP_*` variables; an empty one counts as not set. Throws ENVIRONMENT_INVALID that names every variable
 * with an unusable value, the value and what is accepted.
 * `userHome` is the person's home folder: the place of the default `.mcp`, and what a leading `~` means.
 */
export function readSettings(env: NodeJS.ProcessEnv, userHome: string = homedir()): Settings {
  const stated = new Set<string>()
  const problems: EnvironmentProblem[] = []
  const read = <T>(variable: Variable<T>): T | undefined => {
    const text = env[variable.name]?.trim()
    if (text === undefined || text === '') return undefined
    stated.add(variable.name)
    const value = variable.read(text)
    if (value === undefined) problems.push(describeProblem(variable, text))
    return value
  }
  const readFolder = (variable: Variable<string>, fallback: string): string => resolve(expandTilde(read(variable) ?? fallback, userHome))
  const home = readFolder(VARIABLES.home, join(userHome, '.mcp'))
  const configPath = read(VARIABLES.config)
  const settings = {
    home,
    pidDir: readFolder(VARIABLES.pidDir, join(home, 'pids')),
    logDir: readFolder(VARIABLES.logDir, join(home, 'logs')),
    configPath: configPath === undefined ? undefined : expandTilde(configPath, userHome),
    maxStartupTimeMs: read(VARIABLES.maxStartupTime) ?? 60_000,
    parallelStartup: read(VARIABLES.parallelStartup) ?? true,
    autoRestart: read(VARIABLES.autoRestart) ?? true,
    healthCheckIntervalMs: read(VARIABLES.healthCheckInterval) ?? 2_000,
    memoryLimitBytes: read(VARIABLES.memoryLimit),
    cpuQuotaPercent: read(VARIABLES.cpuQuota),
    logLevel: read<LogLevel>(VARIABLES.logLevel) ?? 'info',
    bindHost: read(VARIABLES.bindHost) ?? '127.0.0.1',
    gatewayPort: read<number | null>(VARIABLES.gatewayPort),
    gatewayToken: read(VARIABLES.gatewayToken),
    metricsCompat: read(VARIABLES.metricsCompat),
    cacheSizeBytes: read(VARIABLES.cacheSize),
    cacheTtlMs: read(VARIABLES.cacheTtl),
    failureThreshold: read(VARIABLES.failureThreshold),
    poolMin: read(VARIABLES.poolMin),
    poolMax: read(VARIABLES.poolMax),
    recoveryTimeoutMs: read(VARIABLES.recoveryTimeout),
    limitsBackend: read<LimitsBackend>(VARIABLES.limitsBackend) ?? 'auto',
    watch: read(VARIABLES.watch) ?? true,
    stated,
  }
  if (problems.length > 0) throw environmentInvalid(problems)
  return settings
}

/** A leading `~` alone or before a separator, replaced by the home folder. */
export function expandTilde(path: string, userHome: string): string {
  return path === '~' || path.startsWith('~/') ? join(userHome, path.slice(1)) : path
}

function describeProblem(variable: Variable<unknown>, text: string): EnvironmentProblem {
  if (variable.isSecret) return { variable: variable.name, value: MASK, message: `${variable.name} holds something unusable; accepted: ${variable.accepts}` }
  const value = text.length > 80 ? `${text.slice(0, 77)}...` : text
  return { variable: variable.name, value, message: `${variable.name} is ${JSON.stringify(value)}; accepted: ${variable.accepts}` }
}

function environmentInvalid(problems: readonly EnvironmentProblem[]): McpctlError {
  const names = problems.map((problem) => problem.variable)
  return new McpctlError('ENVIRONMENT_INVALID', problems.map((problem) => problem.message).join('\n'), {
    hint: `Correct ${names.join(', ')} in the environment, or unset ${names.length === 1 ? 'it' : 'them'} to get the default.`,
    details: { problems },
  })
}
