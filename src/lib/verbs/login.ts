import { formatDuration } from '../base/index.js'
import { defineVerb, type Io } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import { openConfigured } from './configured.js'
import { findLoginServer, isWanted, type LoginServer } from './login-server.js'
import { bringUp, CONFIG_FLAG, readTimeout } from './start.js'

const DEFAULT_LIMIT_MS = 5 * 60_000
const RESTART_LIMIT_MS = 60_000

export const login = defineVerb({
  id: 'login',
  summary: 'Log in to a server with OAuth.',
  description:
    'Opens the page where you log in to the server, waits until the browser comes back, and keeps the token where only you can read it. The daemon renews it from then on. A server that is wanted up is connected anew.',
  examples: ['login search', 'login search --no-browser', 'login search --timeout 10m'],
  names: { summary: 'The server to log in to.', required: true, usage: 'NAME' },
  flags: {
    config: CONFIG_FLAG,
    'no-browser': { type: 'boolean', summary: 'Only print the address; open it in a browser of this machine yourself.' },
    timeout: { type: 'string', short: 't', value: 'TIME', summary: 'Give up after this long (default 5m).' },
  },
  run: async ({ names, flags }, io) => {
    const limitMs = readTimeout(flags.timeout) ?? DEFAULT_LIMIT_MS
    const server = await findLoginServer(io, names, flags.config)
    const { issuer, grant } = await logIn(server, io, { limitMs, opens: flags['no-browser'] !== true })
    const scopes = grant?.scopes ?? []
    const expiresAt = grant?.expiresAt ?? null
    io.say(`logged in to ${server.name} at ${new URL(issuer).origin}${scopes.length === 0 ? '' : `, scopes ${scopes.join(' ')}`}${describeTerm(expiresAt, grant?.refresh !== null)}`)
    const facts = { server: server.name, issuer, scopes, expiresAt, renewable: grant?.refresh !== null }
    if (!(await isWanted(io, server.name))) return { json: { ...facts, restarted: false } }
    const open = () => openConfigured({ io, configPath: flags.config, names: [server.name], all: 'enabled' })
    const { exitStatus, json } = await bringUp({ io, open, method: 'restart', wait: true, timeoutMs: RESTART_LIMIT_MS })
    return { ...(exitStatus === undefined ? {} : { exitStatus }), json: { ...json, ...facts, restarted: true } }
  },
})

function describeTerm(expiresAt: number | null, isRenewable: boolean): string {
  if (isRenewable) return ''
  return expiresAt === null ? '; the token cannot be renewed' : `; for ${formatDuration(Math.max(0, expiresAt - Date.now()))}, then you have to log in again`
}

async function logIn({ name, url, headers, spec, path }: LoginServer, io: Io, { limitMs, opens }: { readonly limitMs: number; readonly opens: boolean }) {
  const { logIn: begin, openBrowser, OutboundError } = await import('../outbound/index.js')
  const limit = AbortSignal.timeout(limitMs)
  const show = async (address: URL): Promise<void> => {
    const isOpen = opens && (await openBrowser(address, io.env))
    // Under --json nobody reads messages, and the address is needed all the same.
    if (io.json) process.stderr.write(`${address.href}\n`)
    io.say(`${isOpen ? 'your browser opens; if it does not, open' : 'open this address in a browser of this machine'}:\n${address.href}`)
  }
  try {
    return await begin({ url, headers, spec, path, now: Date.now, show, signal: AbortSignal.any([limit, io.signal]) })
  } catch (error) {
    if (io.signal.aborted) throw new McpctlError('INTERRUPTED', 'interrupted; nothing was changed', { hint: `Try again: mcpctl login ${name}.`, cause: error })
    if (limit.aborted) throw new McpctlError('TIMEOUT', `nobody logged in to ${name} within ${formatDuration(limitMs)}`, { hint: `Try again, with more time: mcpctl login ${name} --timeout 15m.`, details: { name }, cause: error })
    if (!(error instanceof OutboundError)) throw error
    throw new McpctlError('LOGIN_FAILED', `cannot log in to ${name}: ${error.message}`, { ...(error.hint === undefined ? {} : { hint: error.hint }), details: { name, reason: error.reason }, cause: error })
  }
}
