import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ReloadResult } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'
import { orderOf, serversOf, withFreshOrder, type LoadedOrder } from './reload-order.js'
import { followReload } from './reload-follow.js'
import { renderChanges } from './reload-view.js'
import { CONFIG_FLAG, NO_WAIT_FLAG, readTimeout, TIMEOUT_FLAG } from './start.js'

export const reload = defineVerb({
  id: 'reload',
  summary: 'Make a changed configuration take effect with as few restarts as possible.',
  description:
    'Shows what differs from what runs and carries it out: new servers are started, those that are gone stopped, and only servers whose process or connection has to change are exchanged, if possible by a new one that is proven ready beside the old one. Everything else changes live. A configuration that cannot be loaded changes nothing. The daemon does the same by itself when a file changes, unless MCP_WATCH is false.',
  examples: ['reload', 'reload --dry-run', 'reload files git'],
  names: { summary: 'Servers to reload; all of the configuration when none is named.', required: false },
  flags: {
    'dry-run': { type: 'boolean', summary: 'Only show what would be done.' },
    config: CONFIG_FLAG,
    'no-wait': NO_WAIT_FLAG,
    timeout: TIMEOUT_FLAG,
  },
  run: async ({ names, flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const dryRun = flags['dry-run'] === true
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running, so nothing can be reloaded', { hint: 'mcpctl start' })
    try {
      return await withFreshOrder(io, client, { configPath: flags.config, dryRun }, async (loaded) => {
        for (const warning of loaded.config.warnings) io.say(`warning: ${warning}`)
        const asked = names.length === 0 ? null : expandNames(names, await serversOf(client, loaded.config))
        const order = { ...orderOf(io, loaded), names: asked, dryRun }
        if (!dryRun && flags['no-wait'] !== true) return await followReload(client, order, { io, timeoutMs, onChanges: (result) => show(io, loaded, result) })
        const result = await client.request('reload', order)
        show(io, loaded, result)
        return conclude(loaded, result, dryRun)
      })
    } finally {
      client.close()
    }
  },
})

function show(io: Io, { config }: LoadedOrder, { changes }: ReloadResult): void {
  if (!io.json) io.out(renderChanges(changes, config.source, io.outTerminal))
}

function conclude({ config }: LoadedOrder, { changes }: ReloadResult, dryRun: boolean): Outcome {
  return { json: { source: config.source, dryRun, changes } }
}
