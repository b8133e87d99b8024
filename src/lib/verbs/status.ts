import { createPaint, defineVerb, neutralise, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient, type Home } from '../control/index.js'
import type { MetricsSnapshot, Snapshot } from '../core/index.js'
import { configOf } from './config-of.js'
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
        // The table is loaded while the daemon looks at its servers.
        const [snapshot, metrics, table] = await Promise.all([
          client.request('snapshot', { names: null, detail: false }),
          askMetrics(client, null),
          io.json ? null : import('./status-table.js'),
        ])
        const figures = { saved: metrics?.saved ?? null, alerts: metrics?.alerts ?? [] }
        if (table) io.out(table.renderTable(snapshot, io.outTerminal, { ...figures, now: Date.now() }))
        return { json: { daemon: snapshot.daemon, servers: snapshot.servers, ...figures } }
      }
      const known = await client.request('snapshot', { names: null, detail: false })
      const wanted = expandNames(names, known.servers)
      const [snapshot, metrics] = await Promise.all([client.request('snapshot', { names: wanted, detail: true }), askMetrics(client, wanted)])
      return await showDetail(io, home, snapshot, metrics)
    } finally {
      client.close()
    }
  },
})

/** Null: a daemon of an older version has no figures. */
function askMetrics(client: ControlClient, names: readonly string[] | null): Promise<MetricsSnapshot | null> {
  return client.request('metrics', { names, history: false, tools: false }).catch(() => null)
}

async function notRunning(io: Io, home: Home): Promise<Outcome> {
  const { findConfigTrouble } = await import('./config-trouble.js')
  const trouble = await findConfigTrouble(io)
  const paint = createPaint(io.sayTerminal.color)
  io.say('the daemon is not running: no server is supervised')
  if (trouble !== null) io.say(`${paint('red', 'and the configuration cannot be used')}: ${trouble.message.split('\n').map(neutralise).join('\n')}`)
  io.say(`${paint('cyan', 'hint:')} ${trouble === null ? 'mcpctl start' : neutralise(trouble.hint)}`)
  return { exitStatus: 3, json: { daemon: null, home: home.root, servers: [], ...(trouble === null ? {} : { configuration: { source: trouble.source, trouble: trouble.message } }) } }
}

async function showDetail(io: Io, home: Home, snapshot: Snapshot, metrics: MetricsSnapshot | null): Promise<Outcome> {
  const { alerts = [], gate } = metrics ?? {}
  const [{ readLogs }, { renderDetail }] = await Promise.all([import('../logs/index.js'), import('./status-detail.js')])
  const blocks: string[] = []
  for (const server of snapshot.servers) {
    const detail = snapshot.details?.find((candidate) => candidate.name === server.name)
    const lines = await readLogs({ directory: snapshot.daemon.logDirectory || home.logs, names: [server.name], tail: 8 })
    const own = alerts.filter((alert) => alert.server === server.name)
    blocks.push(renderDetail(server, { detail, log: lines, alerts: own, config: configOf(snapshot.daemon, server), gate: gate?.servers.find(({ name }) => name === server.name) }, io.outTerminal))
  }
  if (!io.json) io.out(blocks.join('\n\n'))
  const exitStatus = snapshot.servers.every((server) => server.ready) ? 0 : 3
  return { exitStatus, json: { daemon: snapshot.daemon, servers: snapshot.servers, details: snapshot.details ?? [], alerts, gate: gate?.servers.filter(({ name }) => snapshot.servers.some((server) => server.name === name)) ?? [] } }
}
