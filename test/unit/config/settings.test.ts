import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/lib/config/settings.js'
import { McpctlError } from '../../../src/lib/errors/index.js'

function errorFor(env: Record<string, string>): McpctlError {
  try {
    readSettings(env, '/h')
  } catch (error) {
    if (error instanceof McpctlError) return error
  }
  throw new Error('no error of ours')
}

describe('settings from the environment', () => {
  it('are the documented defaults when nothing is set; an empty variable counts as not set', () => {
    const { stated, ...settings } = readSettings({ MCP_HOME: '', MCP_AUTO_RESTART: ' ' }, '/h')
    expect(settings).toEqual({
      home: '/h/.mcp', pidDir: '/h/.mcp/pids', logDir: '/h/.mcp/logs', configPath: undefined, maxStartupTimeMs: 60_000, parallelStartup: true,
      autoRestart: true, healthCheckIntervalMs: 2_000, memoryLimitBytes: undefined, cpuQuotaPercent: undefined, logLevel: 'info', bindHost: '127.0.0.1',
      gatewayPort: undefined, gatewayToken: undefined, metricsCompat: undefined, cacheSizeBytes: undefined, cacheTtlMs: undefined, failureThreshold: undefined, recoveryTimeoutMs: undefined, poolMin: undefined, poolMax: undefined, limitsBackend: 'auto', watch: true,
    })
    expect([...stated]).toEqual([])
  })

  it('are read in the forms scripts use', () => {
    const settings = readSettings({
      MCP_HOME: '~/m', MCP_LOG_DIR: '/var/log/mcp', MCP_CONFIG: '~/c.json', MCP_MAX_STARTUP_TIME: '90', MCP_PARALLEL_STARTUP: 'False', MCP_AUTO_RESTART: '0',
      MCP_HEALTH_CHECK_INTERVAL: '500ms', MCP_MEMORY_LIMIT: '1G', MCP_CPU_QUOTA: '80%', MCP_LOG_LEVEL: 'WARNING', MCP_BIND_HOST: '::1',
      MCP_GATEWAY_PORT: '7420', MCP_GATEWAY_TOKEN: 'a-b.c', MCP_METRICS_COMPAT: 'yes', MCP_LIMITS_BACKEND: 'CGroup1', MCP_WATCH: 'off',
    }, '/h')
    expect(settings).toMatchObject({
      home: '/h/m', pidDir: '/h/m/pids', logDir: '/var/log/mcp', configPath: '/h/c.json', maxStartupTimeMs: 90_000, parallelStartup: false, autoRestart: false,
      healthCheckIntervalMs: 500, memoryLimitBytes: 1024 ** 3, cpuQuotaPercent: 80, logLevel: 'warn', bindHost: '::1',
      gatewayPort: 7420, gatewayToken: 'a-b.c', metricsCompat: true, limitsBackend: 'cgroup1', watch: false,
    })
    expect(settings.stated.has('MCP_HOME')).toBe(true)
    expect(settings.stated.has('MCP_PID_DIR')).toBe(false)
  })

  it('a size in bytes and a share in cores are understood', () => {
    expect(readSettings({ MCP_MEMORY_LIMIT: '536870912', MCP_CPU_QUOTA: '1.1' }, '/h')).toMatchObject({ memoryLimitBytes: 512 * 1024 ** 2, cpuQuotaPercent: 110 })
  })

  it.each([
    ['MCP_MAX_STARTUP_TIME', 'soon', '90s'],
    ['MCP_MAX_STARTUP_TIME', '0', 'above zero'],
    ['MCP_HEALTH_CHECK_INTERVAL', '99d', '24 days'],
    ['MCP_PARALLEL_STARTUP', 'maybe', 'true or false'],
    ['MCP_AUTO_RESTART', 'constructor', 'true or false'],
    ['MCP_MEMORY_LIMIT', '1X', '512M'],
    ['MCP_MEMORY_LIMIT', '512', 'at least 1M'],
    ['MCP_CPU_QUOTA', '-5%', '80%'],
    ['MCP_LOG_LEVEL', 'loud', 'debug, info'],
    ['MCP_BIND_HOST', 'http://x:80', 'without scheme'],
    ['MCP_BIND_HOST', 'a b', 'without scheme'],
    ['MCP_BIND_HOST', 'host:80', 'without scheme'],
    ['MCP_GATEWAY_PORT', '0', 'from 1 to 65535'],
    ['MCP_GATEWAY_PORT', '65536', 'or none'],
    ['MCP_GATEWAY_PORT', '0x50', 'from 1 to 65535'],
    ['MCP_LIMITS_BACKEND', 'cgroup3', 'auto, cgroup2, systemd, cgroup1, rlimit, poll or none'],
    ['MCP_WATCH', 'sometimes', 'true or false'],
  ])('%s=%s is refused with the accepted forms', (name, value, accepted) => {
    const error = errorFor({ [name]: value })
    expect(error).toMatchObject({ code: 'ENVIRONMENT_INVALID', exitStatus: 5, details: { problems: [{ variable: name, value }] } })
    expect(error.message).toContain(`${name} is ${JSON.stringify(value)}; accepted: `)
    expect(error.message).toContain(accepted)
    expect(error.hint).toContain(name)
  })

  it.each(['none', 'OFF', 'false'])('MCP_GATEWAY_PORT=%s is no port at all', (value) => {
    const settings = readSettings({ MCP_GATEWAY_PORT: value }, '/h')
    expect(settings.gatewayPort).toBeNull()
    expect(settings.stated.has('MCP_GATEWAY_PORT')).toBe(true)
  })

  it('a token that cannot be used is not shown', () => {
    const error = errorFor({ MCP_GATEWAY_TOKEN: 'two words' })
    expect(error.message).toBe('MCP_GATEWAY_TOKEN holds something unusable; accepted: visible ASCII characters without spaces')
    expect(JSON.stringify(error.details)).not.toContain('two words')
  })

  it('several unusable variables are all named', () => {
    expect(errorFor({ MCP_LOG_LEVEL: 'x', MCP_CPU_QUOTA: 'y' }).message.split('\n')).toHaveLength(2)
  })
})
