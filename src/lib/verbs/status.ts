import { nearest } from '../base/index.js'
import { createPaint, defineVerb, neutralise, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient, type Home } from '../control/index.js'
import type { MetricsSnapshot, Snapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { configOf } from './config-of.js'
import { expandNames } from './names.js'

export const status = defineVerb({
  id: 'status',
  summary: 'Show every server, or one in detail.',
  description:
    'Without names: a table of all servers. With names: since when, why, the last exits and log lines, and what to do next. Exits 3 when the daemon or a named server is not running or not ready, 4 when there is no such server.',
  examples: ['status', 'status files', 'status --profile work', 'status --json'],
  names: { summary: 'Servers to show in detail.', required: false },
  flags: { profile: { type: 'string', value: 'NAME', summary: 'Only the servers of this profile.' } },
  run: async ({ names, flags }, io) => {
    const home = resolveHome(io.env)
    const client = await connectControl(home, VERSION)
    if (client === null) return notRunning(io, home)
    try {
      if (flags.profile !== undefined) return await showProfile(io, client, { profile: flags.profile, names })
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

/** The table of one profile's servers, and how many of them take calls. Throws USAGE beside names, SERVER_UNKNOWN for a profile there is not. */
async function showProfile(io: Io, client: ControlClient, { profile, names }: { readonly profile: string; readonly names: readonly string[] }): Promise<Outcome> {
  if (names.length > 0) throw new McpctlError('USAGE', '--profile chooses servers, and so do names', { hint: 'Give one of the two.' })
  const [snapshot, metrics, { renderTable }] = await Promise.all([client.request('snapshot', { names: null, detail: false }), askMetrics(client, null), import('./status-table.js')])
  const { profiles = {} } = snapshot.daemon
  const members = Object.hasOwn(profiles, profile) ? profiles[profile] : undefined
  if (members === undefined) throw unknownProfile(profile, Object.keys(profiles))
  const servers = snapshot.servers.filter(({ name }) => members.includes(name))
  const alerts = (metrics?.alerts ?? []).filter(({ server }) => server === null || members.includes(server))
  if (!io.json) io.out(renderTable({ ...snapshot, servers }, io.outTerminal, { saved: null, alerts, now: Date.now() }))
  return { json: { daemon: snapshot.daemon, profile, connected_servers: servers.filter(({ ready }) => ready).length, total_servers: servers.length, servers, alerts } }
}

function unknownProfile(name: string, known: readonly string[]): McpctlError {
  const close = nearest(name, known)
  const listed = known.length > 0 ? `Profiles: ${known.join(', ')}.` : 'No profiles are configured.'
  return new McpctlError('SERVER_UNKNOWN', `there is no profile ${JSON.stringify(name)}`, { hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : listed, details: { name, kind: 'profile', suggestions: close } })
}

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
