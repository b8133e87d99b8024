import { defineVerb } from '../cli/index.js'
import { acquireLock, ensureHome, homeUnusable, resolveHome } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { originOf } from './config-origin.js'
import { CONFIG_FLAG } from './start.js'

export const daemonRun = defineVerb({
  id: 'daemon run',
  summary: 'Run the daemon in the foreground, for containers and systemd.',
  description: 'Starts every enabled server that is not on demand and stays until SIGTERM or SIGINT, which stop everything first. Logs JSON lines to stderr.',
  examples: ['daemon run', 'daemon run --config /etc/mcpctl/mcp.config.json'],
  flags: { config: CONFIG_FLAG },
  run: async ({ flags }, io) => {
    const { loadConfig } = await import('../config/index.js')
    const loadedAt = Date.now()
    const config = await loadConfig({ cwd: io.cwd, env: io.env, ...(flags.config === undefined ? {} : { configPath: flags.config }) })
    const { source, servers, settings } = config
    const origin = originOf(io, config, { configPath: flags.config, loadedAt })
    for (const warning of config.warnings) io.say(`warning: ${warning}`)
    const home = resolveHome(io.env)
    ensureHome(home)
    const lock = await acquireLock(home).catch((error: unknown) => {
      throw homeUnusable(home.run, error)
    })
    if (lock === null) {
      throw new McpctlError('DAEMON_START_FAILED', `a daemon already runs for ${home.root}`, { hint: 'See mcpctl daemon status; end it with mcpctl stop, or use another MCP_HOME.', details: { home: home.root } })
    }
    delete process.env['MCPCTL_ID']
    process.umask(0o077)
    const { runDaemon } = await import('../daemon/index.js')
    await runDaemon({
      home,
      journalDescriptor: 2,
      journalFile: null,
      unusedLimitMs: null,
      onReady: ({ apply, supervisor }) => {
        void apply({ source, sources: config.explained.files, servers, settings, origin })
        supervisor.send({ type: 'start', names: servers.filter((spec) => spec.enabled && spec.start === 'auto').map((spec) => spec.name) })
      },
    })
    lock.release()
    return {}
  },
})
