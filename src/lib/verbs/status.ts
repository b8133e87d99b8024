import { createPaint, defineVerb, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type Home } from '../control/index.js'
import type { Snapshot } from '../core/index.js'
import { expandNames } from './names.js'

export const status = defineVerb({
  id: 'status',
  summary: 'Show every server, or one in detail.',
  description:
    'Without names: a table of all servers. With names: since when, why, the last exits and log lines, and what to do next. Exits 3 when the daemon or a named server is not running or not ready, 4 when there is no such server.',
  examples: ['status', 'status files', 'status --json'],
  names: { summary: 'Servers to show in detail.', required: false },
  flags: {},
  run: async ({ names }, io) => {
    const home = resolveHome(io.env)
    const client = await connectControl(home, VERSION)
    if (client === null) return notRunning(io, home)
    try {
      if (names.length === 0) {
        const answer = client.request('snapshot', { names: null, detail: false })
        // The table is loaded while the daemon looks at its servers.
        const table = io.json ? null : await import('./status-table.js')
        const snapshot = await answer
        if (table) io.out(table.renderTable(snapshot, io.outTerminal))
        return { json: { daemon: snapshot.daemon, servers: snapshot.servers } }
      }
      const known = await client.request('snapshot', { names: null, detail: false })
      const wanted = expandNames(names, known.servers.map((server) => server.name))
      return await showDetail(io, home, await client.request('snapshot', { names: wanted, detail: true }))
    } finally {
      client.close()
    }
  },
})

function notRunning(io: Io, home: Home): Outcome {
  io.say('the daemon is not running: no server is supervised')
  io.say(`${createPaint(io.sayTerminal.color)('cyan', 'hint:')} mcpctl start`)
  return { exitStatus: 3, json: { daemon: null, home: home.root, servers: [] } }
}

async function showDetail(io: Io, home: Home, snapshot: Snapshot): Promise<Outcome> {
  const [{ readLogs }, { renderDetail }] = await Promise.all([import('../logs/index.js'), import('./status-detail.js')])
  const blocks: string[] = []
  for (const server of snapshot.servers) {
    const detail = snapshot.details?.find((candidate) => candidate.name === server.name)
    const lines = await readLogs({ directory: snapshot.daemon.logDirectory || home.logs, names: [server.name], tail: 8 })
    blocks.push(renderDetail(server, detail, lines, io.outTerminal))
  }
  if (!io.json) io.out(blocks.join('\n\n'))
  const exitStatus = snapshot.servers.every((server) => server.ready) ? 0 : 3
  return { exitStatus, json: { daemon: snapshot.daemon, servers: snapshot.servers, details: snapshot.details ?? [] } }
}
