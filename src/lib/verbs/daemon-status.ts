import { formatDuration } from '../base/index.js'
import { defineVerb, neutralise } from '../cli/index.js'
import type { LimitsBackendSnapshot } from '../core/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'

/** "cgroup1: memory tree, cpu quota, pids tree", and in brackets why nothing stronger. */
function describeBackend({ backend, memory, cpu, pids, notes }: LimitsBackendSnapshot): string {
  const reasons = notes.length === 0 ? '' : ` (${notes.join('; ')})`
  return `${backend}: memory ${memory}, cpu ${cpu}, pids ${pids}${reasons}`
}

export const daemonStatus = defineVerb({
  id: 'daemon status',
  summary: 'Show whether the daemon runs, and where.',
  description: 'Exits 0 when it runs, 3 when not.',
  examples: ['daemon status', 'daemon status --json'],
  flags: {},
  run: async (_input, io) => {
    const home = resolveHome(io.env)
    const client = await connectControl(home, VERSION)
    if (client === null) {
      if (!io.json) io.out(`not running (home ${home.root})`)
      return { exitStatus: 3, json: { daemon: null, home: home.root } }
    }
    try {
      const { daemon, servers } = await client.request('snapshot', { names: null, detail: false })
      if (!io.json) {
        io.out(`running, pid ${daemon.pid}, version ${daemon.version}, up ${formatDuration(Math.max(0, Date.now() - daemon.startedAt))}`)
        io.out(`  home     ${daemon.home}`)
        io.out(`  socket   ${home.socket}`)
        io.out(`  logs     ${daemon.logDirectory}`)
        io.out(`  config   ${daemon.sources.join(', ') || 'none yet'}`)
        for (const { source, trouble } of daemon.configs ?? []) if (trouble !== null) io.out(`           ${source}: ${neutralise(trouble)}`)
        io.out(`  http     ${daemon.http.url ?? daemon.http.trouble ?? 'off (gateway.port in the configuration turns it on)'}`)
        if (daemon.limits !== undefined) io.out(`  limits   ${describeBackend(daemon.limits)}`)
        io.out(`  servers  ${servers.length}, ${servers.filter((server) => server.ready).length} ready`)
      }
      return { json: { daemon: { ...daemon, socket: home.socket }, home: home.root, servers: servers.length, ready: servers.filter((server) => server.ready).length } }
    } finally {
      client.close()
    }
  },
})
