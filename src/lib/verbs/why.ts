import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type Home } from '../control/index.js'
import type { DaemonSnapshot, ServerDetail, ServerSnapshot } from '../core/index.js'
import { DOSSIER_FOLDER, listDossierNames, readDossiers, type StoredDossiers } from '../logs/index.js'
import { configOf } from './config-of.js'
import { expandNames, type Named } from './names.js'
import { renderWhy } from './why-render.js'
import { tellStory } from './why-story.js'

export const why = defineVerb({
  id: 'why',
  summary: 'Tell in words why a server is as it is, and what to do about it.',
  description:
    'What it is doing now, why it ended the last time (signal, limit, silence), what it was doing then, its last words, how often it was restarted and what comes next. Reads the dossiers that are kept of every end nobody asked for, so it also works when nothing runs. Exits 4 when there is no such server.',
  examples: ['why files', 'why files --all', 'why files --json'],
  names: { summary: 'Servers to explain.', required: true },
  flags: { all: { type: 'boolean', summary: 'List every unexpected end that is remembered.' } },
  run: async ({ names, flags }, io) => {
    const home = resolveHome(io.env)
    const live = await askDaemon(home, names)
    const known = live.names ?? (await namesOnDisk(home, names, io))
    const wanted = expandNames(names, known)
    const broken = wanted.every((name) => live.servers.has(name)) ? null : await (await import('./config-trouble.js')).findConfigTrouble(io)
    const explained = await Promise.all(wanted.map((name) => explain(name, live, { home, all: flags.all === true, broken: broken?.message ?? null })))
    if (!io.json) io.out(explained.map(({ view }) => renderWhy(view, io.outTerminal)).join('\n\n'))
    return { json: { daemon: live.daemon, servers: explained.map(({ json }) => json) } } satisfies Outcome
  },
})

interface Live {
  readonly daemon: DaemonSnapshot | null
  /** Null: no daemon. */
  readonly names: readonly Named[] | null
  readonly servers: ReadonlyMap<string, { readonly server: ServerSnapshot; readonly detail: ServerDetail | undefined }>
}

async function askDaemon(home: Home, asked: readonly string[]): Promise<Live> {
  const client = await connectControl(home, VERSION)
  if (client === null) return { daemon: null, names: null, servers: new Map() }
  try {
    const { servers } = await client.request('snapshot', { names: null, detail: false })
    // A server that was removed from its configuration can still be asked about.
    const gone = (await listDossierNames(join(home.state, DOSSIER_FOLDER))).filter((name) => servers.every((server) => server.name !== name))
    const known: Named[] = [...servers, ...gone.map((name) => ({ name }))]
    const living = expandNames(asked, known).filter((name) => servers.some((server) => server.name === name))
    const { daemon, servers: wanted, details } = await client.request('snapshot', { names: living, detail: true })
    return { daemon, names: known, servers: new Map(wanted.map((server) => [server.name, { server, detail: details?.find(({ name }) => name === server.name) }])) }
  } finally {
    client.close()
  }
}

/** Servers that left a dossier or a log, and, when that is not enough, those of the configuration here. */
async function namesOnDisk(home: Home, asked: readonly string[], io: Io): Promise<string[]> {
  const logs = await readdir(home.logs).catch(() => [])
  const known = [...(await listDossierNames(join(home.state, DOSSIER_FOLDER))), ...logs.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length))]
  const isKnown = asked.every((name) => known.includes(name))
  return [...new Set([...known, ...(isKnown ? [] : await configuredNames(io))])].sort()
}

/** What is wrong with a configuration is not asked here. */
async function configuredNames(io: Io): Promise<string[]> {
  try {
    const { loadConfig } = await import('../config/index.js')
    return (await loadConfig({ cwd: io.cwd, env: io.env })).servers.map((spec) => spec.name)
  } catch {
    return []
  }
}

async function explain(name: string, live: Live, { home, all, broken }: { home: Home; all: boolean; broken: string | null }) {
  const { server = null, detail } = live.servers.get(name) ?? {}
  const stored = ofServer(name, await readDossiers(join(home.state, DOSSIER_FOLDER), baseOf(name)))
  const dossiers = all ? stored.found : stored.found.slice(0, 1)
  const story = tellStory({
    name, server, dossiers: stored.found, daemonRuns: live.daemon !== null, ends: detail?.ends ?? [],
    lastErrors: server?.lastErrors ?? [], now: Date.now(), configTrouble: server === null ? broken : configTroubleOf(server, live),
  })
  return {
    view: { name, phase: server?.phase ?? null, story, dossiers: stored.found, damaged: stored.damaged, all },
    json: { name, server, ends: detail?.ends ?? [], story, dossiers: dossiers.map(({ file, dossier }) => ({ file, ...dossier })), damaged: stored.damaged },
  }
}

function configTroubleOf(server: ServerSnapshot | null, { daemon }: Live): string | null {
  return daemon === null || server === null ? null : (configOf(daemon, server)?.trouble ?? null)
}

/** Processes of a server for single sessions, and instances of a replacement, share its folder. */
function baseOf(name: string): string {
  return name.replace(/[#~].*$/, '')
}

function ofServer(name: string, { found, damaged }: StoredDossiers): StoredDossiers {
  return name === baseOf(name) ? { found, damaged } : { found: found.filter(({ dossier }) => dossier.server === name), damaged }
}
