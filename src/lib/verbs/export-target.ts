import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import type { ScrapeTarget } from './export-scrape.js'

/** The gateway is on this machine, or near: who does not say in this time whether it wants a token is not waited for. */
const ASK_MS = 2_000
const PATH = '/metrics'

/**
 * Where Prometheus finds the figures: the address given, or that of the running daemon, or that of the configuration. Whether
 * a token is needed is asked there; where nobody answers, the configuration knows. Throws USAGE, CONFIG_INVALID, and what
 * loading a configuration throws.
 */
export async function findTarget(io: Io, url: string | undefined, configPath: string | undefined): Promise<ScrapeTarget> {
  const place = url === undefined ? null : readUrl(url)
  const configured = place === null ? ((await askDaemon(io)) ?? (await askConfig(io, configPath))) : { place, needsToken: false }
  const { protocol, host, pathname } = configured.place
  const asked = await asksForToken(configured.place)
  if (asked === null) io.say(`warning: nobody answers at ${configured.place.href} now; whether a token is needed there was not found out`)
  return { scheme: protocol === 'https:' ? 'https' : 'http', address: withPort(host, protocol), path: pathname, needsToken: asked ?? configured.needsToken }
}

interface Found {
  readonly place: URL
  /** As far as it is known without asking. */
  readonly needsToken: boolean
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const problem = url === null || !/^https?:$/.test(url.protocol) ? 'is not an http:// or https:// address' : url.username + url.password !== '' ? 'must not hold a user or a password: files are written from it' : url.search + url.hash !== '' ? 'must not have a query' : null
  if (url === null || problem !== null) {
    const shown = problem?.startsWith('must not hold') === true ? '' : ` ${JSON.stringify(text.slice(0, 200))}`
    throw new McpctlError('USAGE', `--url${shown} ${problem ?? ''}`, { hint: 'Write the address of the gateway, such as --url http://127.0.0.1:7420.', details: { flag: 'url' } })
  }
  if (/^\/?(?:mcp\/?)?$/.test(url.pathname)) url.pathname = PATH
  return url
}

async function askDaemon(io: Io): Promise<Found | null> {
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) return null
  try {
    const { daemon } = await client.request('snapshot', { names: [], detail: false })
    return daemon.http.url === null ? null : { place: reachable(new URL(PATH, daemon.http.url)), needsToken: false }
  } finally {
    client.close()
  }
}

async function askConfig(io: Io, configPath: string | undefined): Promise<Found> {
  const { loadConfig } = await import('../config/index.js')
  const { settings, source } = await loadConfig({ cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) })
  const { host, port, token, metrics } = settings.gateway
  if (port === null) {
    throw new McpctlError('CONFIG_INVALID', `${source} sets no gateway.port, so there is no address where Prometheus could ask`, {
      hint: 'Add "gateway": { "port": 7420 } to it, or name the address with --url.', details: { source, field: 'gateway.port' },
    })
  }
  return { place: reachable(new URL(`http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${String(port)}${PATH}`)), needsToken: token !== null && !metrics.public }
}

/** An address that stands for every one of this machine is none to ask at. */
function reachable(url: URL): URL {
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1'
  if (url.hostname === '[::]') url.hostname = '[::1]'
  return url
}

/** Null: nobody said. */
async function asksForToken(place: URL): Promise<boolean | null> {
  try {
    const answer = await fetch(place, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(ASK_MS) })
    return answer.status === 401
  } catch {
    return null
  }
}

function withPort(host: string, protocol: string): string {
  return /:\d+$/.test(host) ? host : `${host}:${protocol === 'https:' ? '443' : '80'}`
}
