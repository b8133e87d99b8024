import { fileURLToPath } from 'node:url'
import { formatDuration } from '../base/index.js'
import { createPaint, defineVerb, neutralise, type Io, type Paint } from '../cli/index.js'
import type { GatewaySettings } from '../core/index.js'
import { CONFIG_FLAG, readTimeout } from './start.js'
import { openDaemon } from './tools-ask.js'
import { checkClient, type Candidate, type Check, type Reference } from './verify-check.js'
import type { Front } from './verify-client.js'
import type { GroupCheck, GroupReport } from './verify-group.js'

const ENTRY = fileURLToPath(new URL('../../../bin/run.js', import.meta.url))
const DEFAULT_TIMEOUT_MS = 30_000

export const verify = defineVerb({
  id: 'verify',
  summary: 'Check with the official clients of both generations that everything can be reached, and what groups do.',
  description:
    'Connects like a real client, with the official SDK of the first generation (up to 2025-11-25) and of the second (2026-07-28): through mcpctl proxy and, when the configuration has gateway.port, over HTTP. Each lists everything, calls a tool that is marked read-only and needs no arguments, answers what servers ask (no roots, elicitation declined, a fixed text for sampling), and compares what it sees with the others. Of a group, each member is reached by itself, their tools are compared, and the same harmless request is made some times to see who is given how many. With --failover the preferred member of each group is stopped for a moment, when it has no calls, and started again: requests through the group have to go on meanwhile. Exits 1 when a check fails.',
  examples: ['verify', 'verify --failover', 'verify --json'],
  flags: {
    config: CONFIG_FLAG,
    failover: { type: 'boolean', summary: 'Take the preferred member of each group out for a moment and see that the others stand in.' },
    timeout: { type: 'string', short: 't', value: 'TIME', summary: 'How long each single request, and the start of a member, may take (default 30s).' },
  },
  run: async ({ flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout) ?? DEFAULT_TIMEOUT_MS
    const daemon = await openDaemon(io)
    const { home } = daemon
    daemon.close()
    const settings = await readGatewaySettings(io, flags.config)
    const paint = createPaint(io.outTerminal.color)
    const checks: Check[] = []
    let reference: Reference | null = null
    for (const candidate of await candidates(io, settings, flags.config)) {
      if (io.signal.aborted) break
      const outcome = await checkClient(candidate, timeoutMs, reference)
      checks.push(...outcome.checks)
      if (!io.json) io.out(renderChecks(candidate, outcome.checks, paint))
      if (outcome.sight !== null) reference ??= { by: `${candidate.name} over ${candidate.front.type}`, sight: outcome.sight }
    }
    const { verifyGroups } = await import('./verify-group.js')
    const groups = await verifyGroups({ io, home, timeoutMs, failover: flags.failover === true, onReport: (report) => { if (!io.json) io.out(renderGroup(report, paint)) } })
    const all = [...checks, ...groups.flatMap((group) => group.checks)]
    const counts = { ok: countOf(all, 'ok'), failed: countOf(all, 'failed'), skipped: countOf(all, 'skipped') }
    const noHttp = settings?.port == null ? 'the configuration has no gateway.port, so HTTP was not checked' : null
    if (noHttp !== null) io.say(noHttp)
    if (!io.json) io.out(`${counts.ok} ok, ${counts.failed} failed, ${counts.skipped} skipped`)
    return { exitStatus: counts.failed > 0 ? 1 : 0, json: { passed: counts.failed === 0, counts, checks, groups } }
  },
})

/** Null when there is no configuration here: then only the stdio front can be found. */
async function readGatewaySettings(io: Io, configPath: string | undefined): Promise<GatewaySettings | null> {
  const options = { cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) }
  const { findConfig } = await import('../config/find.js')
  if (findConfig(options) === null) return null
  const { loadConfig } = await import('../config/index.js')
  return (await loadConfig(options)).settings.gateway
}

async function candidates(io: Io, settings: GatewaySettings | null, configPath: string | undefined): Promise<Candidate[]> {
  const [{ createVerifyClientV1 }, { createVerifyClientV2 }] = await Promise.all([import('./verify-client-v1.js'), import('./verify-client-v2.js')])
  const env = Object.fromEntries(Object.entries(io.env).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const args = [ENTRY, 'proxy', ...(configPath === undefined ? [] : ['--config', configPath])]
  const fronts: Front[] = [{ type: 'stdio', command: process.execPath, args, env, cwd: io.cwd }]
  if (settings?.port != null) fronts.push({ type: 'http', url: urlOf(settings.host, settings.port), headers: settings.token === null ? {} : { authorization: `Bearer ${settings.token}` } })
  return fronts.flatMap((front) => [
    { name: 'SDK 1', front, create: createVerifyClientV1 },
    { name: 'SDK 2', front, create: createVerifyClientV2 },
  ])
}

/** An address to listen on everywhere is none to connect to. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/mcp`
}

const WORDS: Readonly<Record<Check['check'], string>> = { connect: 'connects', list: 'lists', catalogue: 'catalogue', call: 'calls a tool', questions: 'is asked', life: 'proves life' }
const STYLES = { ok: 'green', failed: 'red', skipped: 'dim' } as const

function renderChecks({ name, front }: Candidate, checks: readonly Check[], paint: Paint): string {
  const head = `${name} over ${front.type}${front.type === 'http' ? ` (${front.url})` : ''}`
  const lines = checks.map(({ check, outcome, detail, durationMs }) => `  ${paint(STYLES[outcome], outcome.padEnd(7))}  ${WORDS[check].padEnd(12)}  ${neutralise(detail)}${outcome === 'ok' ? paint('dim', ` (${formatDuration(durationMs)})`) : ''}`)
  return [paint('bold', head), ...lines, ''].join('\n')
}

const GROUP_WORDS: Readonly<Record<GroupCheck['check'], string>> = { member: '', alike: 'tools', next: 'next call', balance: 'shares', failover: 'failover' }

function renderGroup({ name, strategy, members, checks }: GroupReport, paint: Paint): string {
  const width = Math.max(12, ...members.map((member) => member.length))
  const lines = checks.map(({ check, member, outcome, detail, durationMs }) => `  ${paint(STYLES[outcome], outcome.padEnd(7))}  ${(member ?? GROUP_WORDS[check]).padEnd(width)}  ${neutralise(detail)}${outcome === 'ok' ? paint('dim', ` (${formatDuration(durationMs)})`) : ''}`)
  return [paint('bold', `group ${name} of ${members.join(', ')} (${strategy})`), ...lines, ''].join('\n')
}

function countOf(checks: readonly Pick<Check, 'outcome'>[], outcome: Check['outcome']): number {
  return checks.filter((check) => check.outcome === outcome).length
}
