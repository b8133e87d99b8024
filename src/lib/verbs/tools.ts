import { defineVerb, neutralise, type Io, type Outcome } from '../cli/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { hiddenWarnings } from './hidden-warning.js'
import { expandNames } from './names.js'
import { inGroup, noMcp, openDaemon, speaksMcp, type Daemon } from './tools-ask.js'
import { openServerLink } from './tools-link.js'

/** What one server offers, as the gateway lets clients see it. */
interface Listed {
  readonly name: string
  /** The definitions as the server wrote them. */
  readonly tools: readonly unknown[]
  /** Why the list could not be had; null when it could. */
  readonly trouble: string | null
}

export const tools = defineVerb({
  id: 'tools',
  summary: 'List the tools that servers offer.',
  description:
    'Shows what clients may call, under the names that mcpctl call takes: tools that the configuration hides are left out, renamed ones have their new name. With --json each definition is as the server wrote it. Servers that are not ready are named on stderr; a list remembered from earlier stands in for them where there is one. With --tokens: about how many tokens each definition (name, description, schema) takes of a model that gets it, the dearest first; an estimate. Exits 3 when a named server is not ready and nothing is remembered.',
  examples: ['tools', 'tools files', 'tools --tokens', 'tools files --json'],
  names: { summary: 'Servers whose tools to list; all when none is named.', required: false },
  flags: { tokens: { type: 'boolean', summary: 'Estimate what each definition costs a model, in tokens.' } },
  run: async ({ names, flags }, io) => {
    const daemon = await openDaemon(io)
    try {
      const before = await daemon.servers()
      const wanted = names.length > 0 ? checkNames(names, before) : [...new Set(before.filter((server) => server.enabled && speaksMcp(server)).map((server) => server.group ?? server.name))]
      const listed = await Promise.all(wanted.map((name) => listTools(daemon, name, before, io.signal)))
      // What was starting may have become ready while its list was waited for.
      const after = await daemon.servers()
      const states = wanted.map((name) => after.find((server) => server.name === name) ?? inGroup(name, after))
      return await show(io, listed, states, { areNamed: names.length > 0, tokens: flags.tokens === true })
    } finally {
      daemon.close()
    }
  },
})

function checkNames(names: readonly string[], servers: readonly ServerSnapshot[]): string[] {
  // A group is asked as clients see it.
  const wanted = names.flatMap((name) => (servers.some(({ group }) => group === name) ? [name] : expandNames([name], servers)))
  const mute = servers.find((server) => names.includes(server.name) && !speaksMcp(server))
  if (mute !== undefined) throw noMcp(mute.name)
  return [...new Set(wanted)].filter((name) => servers.some((server) => (server.name === name || server.group === name) && speaksMcp(server)))
}

async function listTools(daemon: Daemon, name: string, servers: readonly ServerSnapshot[], signal: AbortSignal): Promise<Listed> {
  try {
    const open = await openServerLink({ home: daemon.home, server: name, era: servers.find((server) => server.name === name)?.era ?? null, signal })
    open.close()
    return { name, tools: open.established.catalogue.tools, trouble: null }
  } catch (error) {
    // Without a gateway there is nothing to show; one server's trouble is its own.
    if (!(error instanceof McpctlError) || (error.code !== 'CALL_FAILED' && error.code !== 'SERVER_UNKNOWN')) throw error
    return { name, tools: [], trouble: error.message }
  }
}

interface Shown {
  readonly areNamed: boolean
  /** What they cost instead of what they do. */
  readonly tokens: boolean
}

async function show(io: Io, listed: readonly Listed[], states: readonly (ServerSnapshot | undefined)[], { areNamed, tokens }: Shown): Promise<Outcome> {
  const rows = listed.map((entry, index) => ({ ...entry, ready: states[index]?.ready === true }))
  for (const [index, row] of rows.entries()) {
    const note = noteOn(row, states[index], areNamed)
    if (note !== null) io.say(`${row.name}: ${neutralise(note)}`)
  }
  for (const row of rows) for (const line of hiddenWarnings(row.tools)) io.say(`warning: ${row.name}: ${line}`)
  const missing = rows.filter((row) => row.tools.length === 0 && !row.ready)
  const exitStatus = rows.some((row) => row.trouble !== null) ? 1 : areNamed && missing.length > 0 ? 3 : 0
  const cost = tokens ? await import('./tools-tokens.js') : null
  if (io.json) return { exitStatus, json: cost === null ? { servers: rows } : { servers: rows, estimate: cost.costOf(rows) } }
  const table = cost === null || rows.every((row) => row.tools.length === 0) ? await renderList(rows, io) : cost.renderCosts(cost.costOf(rows), io.outTerminal)
  if (table !== null) io.out(table)
  else if (rows.length === 0) io.say('no server is configured')
  else if (missing.length === 0) io.say(`${rows.map((row) => row.name).join(', ')}: no tools`)
  return { exitStatus }
}

async function renderList(rows: readonly Listed[], io: Io): Promise<string | null> {
  const { renderTools } = await import('./tools-table.js')
  return renderTools(rows, io.outTerminal)
}

/** What has to be said about a server besides its tools; null when all is well, or when nobody wants it to run. */
function noteOn({ tools: offered, trouble, ready }: Listed & { ready: boolean }, state: ServerSnapshot | undefined, isNamed: boolean): string | null {
  if (trouble !== null) return trouble
  if (ready) return null
  const remembered = offered.length > 0 ? '; its tools are shown as they were' : ''
  if (state === undefined) return `it was removed${remembered}`
  return isNamed || state.desired === 'up' ? `${state.phase}: ${state.reason}${remembered}` : null
}
