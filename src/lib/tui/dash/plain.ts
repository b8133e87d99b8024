import { formatDuration } from '../../base/index.js'
import type { Alert } from '../../core/index.js'
import { formatSize, plural } from './format.js'
import { clean, type Look } from './look.js'
import type { DashData, SeenServer } from './model.js'

/** What was said before; the next lines tell what is different. */
export interface Told {
  readonly link: DashData['link']['state']
  readonly servers: ReadonlyMap<string, string>
  readonly alerts: ReadonlyMap<string, string>
}

export const NOTHING_TOLD: Told = { link: 'connecting', servers: new Map(), alerts: new Map() }

export interface PlainContext {
  readonly look: Look
  readonly now: number
  /** Which servers are meant. */
  readonly isShown: (name: string) => boolean
}

/**
 * The changes since what was told, a sentence a line, for screen readers and logs: nothing is said twice and nothing is
 * said when nothing changed.
 */
export function tellChanges(told: Told, data: DashData, context: PlainContext): { readonly lines: readonly string[]; readonly told: Told } {
  const link = data.link.state
  // What is known of a daemon that is gone is not news.
  if (link !== 'live') return { lines: link === told.link ? [] : [...linkLines(told, data)], told: { ...told, link } }
  const shown = [...data.servers].filter(([name]) => context.isShown(name))
  // A wait that runs down is no news.
  const servers = new Map(shown.map(([name, { server: { phase, enabled, reason, retryAt, trouble } }]) => [name, JSON.stringify([phase, enabled, phase === 'ready' ? '' : reason, retryAt, trouble ?? ''])]))
  const alerts = new Map((data.metrics?.alerts ?? []).filter(({ server }) => server === null || context.isShown(server)).map((alert) => [keyOf(alert), describeAlert(alert, context.look)]))
  const lines = [
    ...(told.link === 'lost' ? ['connected again'] : []),
    ...(told.link === 'connecting' || told.link === 'absent' ? [summary(data, shown.length)] : []),
    ...shown.filter(([name]) => told.servers.get(name) !== servers.get(name)).map(([name, seen]) => `${clean(name, context.look)}: ${describeServer(seen, context)}`),
    ...[...told.servers.keys()].filter((name) => !servers.has(name)).map((name) => `${clean(name, context.look)}: gone from the configuration`),
    ...(data.metrics === null ? [] : alertLines(told, alerts)),
  ]
  return { lines, told: { link, servers, alerts: data.metrics === null ? told.alerts : alerts } }
}

function alertLines(told: Told, alerts: ReadonlyMap<string, string>): string[] {
  return [
    ...[...alerts].filter(([key]) => !told.alerts.has(key)).map(([, text]) => `alert: ${text}`),
    ...[...told.alerts].filter(([key]) => !alerts.has(key)).map(([key]) => `no longer an alert: ${key}`),
  ]
}

function linkLines(told: Told, { link }: DashData): string[] {
  if (link.state === 'lost') return ['disconnected from the daemon, retrying']
  if (link.state === 'absent') return ['the daemon is not running, waiting for it (mcpctl start)']
  return link.state === 'refused' && told.link !== 'refused' ? [`the daemon cannot be used: ${link.error ?? 'no reason given'}`] : []
}

function summary({ servers, metrics, daemon }: DashData, shown: number): string {
  const ready = [...servers.values()].filter(({ server }) => server.ready).length
  const memory = metrics?.totals.memoryBytes ?? null
  return `connected to daemon ${daemon?.version ?? ''}: ${plural(shown, 'server')}, ${ready} ready${memory === null ? '' : `, ${formatSize(memory)} of memory`}`
}

/** "backoff, exited with code 1 after 0.8s, retry in 12 seconds" */
function describeServer({ server }: SeenServer, { look, now }: PlainContext): string {
  const { phase, reason, retryAt, trouble } = server
  const words = [phase === 'idle' && !server.enabled ? 'disabled' : phase, ...(phase === 'ready' ? [] : [clean(reason, look)])]
  if (phase === 'backoff' && retryAt !== null) words.push(`retry in ${inWords(retryAt - now)}`)
  if (trouble) words.push(clean(trouble, look))
  return words.filter((word) => word !== '').join(', ')
}

function inWords(waitMs: number): string {
  const seconds = Math.max(0, Math.ceil(waitMs / 1000))
  return seconds < 120 ? plural(seconds, 'second') : formatDuration(seconds * 1000)
}

function keyOf({ server, kind }: Alert): string {
  return `${server === null ? '' : `${server} `}${kind}`
}

function describeAlert({ server, text, hint }: Alert, look: Look): string {
  return `${server === null || text.startsWith(server) ? '' : `${clean(server, look)}: `}${clean(text, look)}${hint === '' ? '' : ` (${clean(hint, look)})`}`
}
