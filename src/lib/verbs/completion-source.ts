import type { Io } from '../cli/index.js'
import { connectControl, readDesired, resolveHome, VERSION } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'
import type { Word } from './completion-plan.js'

/** Nobody waits longer for a list of words; what is not known by then is left out. */
const LIMIT_MS = 1_500
const CODE = /\.[cm]?[jt]s$/

/**
 * Names of servers: from the daemon with their phase; without one, from the configuration here when it is data (code is
 * not run for a list of words) and from what was wanted when a daemon died. Never rejects.
 */
export async function serverWords(io: Io): Promise<Word[]> {
  const servers = await askServers(io)
  if (servers !== null) return servers.map(({ name, phase }) => ({ text: name, about: phase }))
  const names = [...(await configuredNames(io)), ...(readDesired(resolveHome(io.env)) ?? []).map(({ name }) => name)]
  return [...new Set(names)].map((text) => ({ text, about: null }))
}

/** What a server offers to be called, with the first line of its description. */
export async function toolWords(io: Io, server: string): Promise<Word[]> {
  return (await listTools(io, server)).flatMap((tool) => {
    const name = tool['name']
    const description = typeof tool['description'] === 'string' ? tool['description'] : ''
    return typeof name === 'string' ? [{ text: name, about: description.trim().split('\n')[0] ?? null }] : []
  })
}

/** `KEY=` for each argument of a tool that is not there yet. */
export async function argumentWords(io: Io, server: string, tool: string, given: readonly string[]): Promise<Word[]> {
  const definition = (await listTools(io, server)).find(({ name }) => name === tool)
  const schema = asRecord(definition?.['inputSchema'])
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  const taken = new Set(given.map((word) => word.split('=')[0]))
  return Object.entries(asRecord(schema['properties'])).filter(([key]) => !taken.has(key)).map(([key, property]) => {
    const { type, description } = asRecord(property)
    const about = [typeof type === 'string' ? type : '', required.includes(key) ? 'required' : '', typeof description === 'string' ? description : ''].filter((part) => part !== '').join(', ')
    return { text: `${key}=`, about }
  })
}

/** Clients whose configuration mcpctl knows how to write. */
export async function clientWords(): Promise<Word[]> {
  const { CLIENT_IDS, CLIENTS } = await import('../clients/index.js')
  return CLIENT_IDS.map((id) => ({ text: id, about: CLIENTS[id].title }))
}

async function askServers(io: Io): Promise<readonly ServerSnapshot[] | null> {
  return inTime(null, async () => {
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) return null
    try {
      return (await client.request('snapshot', { names: null, detail: false })).servers
    } finally {
      client.close()
    }
  })
}

async function listTools(io: Io, name: string): Promise<readonly Record<string, unknown>[]> {
  return inTime([], async () => {
    const server = (await askServers(io))?.find((candidate) => candidate.name === name)
    if (server === undefined || server.transport === 'none') return []
    const { openServerLink } = await import('./tools-link.js')
    const open = await openServerLink({ home: resolveHome(io.env), server: name, era: server.era, signal: AbortSignal.timeout(LIMIT_MS) })
    open.close()
    return open.established.catalogue.tools.map(asRecord)
  })
}

async function configuredNames(io: Io): Promise<string[]> {
  return inTime([], async () => {
    const { findConfig, loadConfig } = await import('../config/index.js')
    const file = findConfig({ cwd: io.cwd, env: io.env })
    if (file === null || CODE.test(file)) return []
    return (await loadConfig({ cwd: io.cwd, env: io.env })).servers.map(({ name }) => name)
  })
}

async function inTime<T>(otherwise: T, ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), LIMIT_MS)
  })
  try {
    return await Promise.race([ask(), late])
  } catch {
    return otherwise
  } finally {
    clearTimeout(timer)
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
