import net from 'node:net'
import { isLoopback } from '../base/index.js'
import type { GatewaySettings, ServerSnapshot, ServerSpec } from '../core/index.js'
import type { PortHolder } from '../process/index.js'
import { configuredServers, runningSnapshot, type Facts } from './doctor-facts.js'
import { fail, ok, warn, type Finding } from './doctor-finding.js'

const CONNECT_LIMIT_MS = 1000

/** The gateway's port, and those of the servers that are started here and listen on one. */
export async function checkPorts(facts: Facts): Promise<Finding[]> {
  const [snapshot, servers] = await Promise.all([runningSnapshot(facts), configuredServers(facts)])
  const local = servers.flatMap((server) => localPort(server) ?? [])
  const { findPortHolder } = await import('../process/index.js')
  const held = await Promise.all(local.map(async (entry) => judgeServerPort(entry, snapshot?.servers.find(({ name }) => name === entry.name) ?? null, await findPortHolder(entry.port))))
  return [...(await checkGatewayPort(facts, snapshot?.daemon.http.url ?? null)), ...sharedPorts(local), ...held]
}

interface LocalPort {
  readonly name: string
  readonly port: number
}

/** The port a server is to listen on that is started here; null for all others. */
function localPort({ name, launch, endpoint }: ServerSpec): LocalPort | null {
  if (launch === null || endpoint === null) return null
  const { port, protocol } = new URL(endpoint.url)
  return { name, port: Number(port || (protocol === 'https:' ? 443 : 80)) }
}

/** Two servers that want the same port: only one of them can have it. */
export function sharedPorts(local: readonly LocalPort[]): Finding[] {
  const ports = [...new Set(local.map(({ port }) => port))]
  const shared = ports.map((port) => [port, local.filter((entry) => entry.port === port)] as const).filter(([, entries]) => entries.length > 1)
  return shared.map(([port, entries]) => fail('ports', `${entries.map(({ name }) => name).join(' and ')} are both to listen on port ${port}`, 'Give each of them a port of its own, in url and in what tells the program.'))
}

/** A port of a server that does not run, held by somebody: the server could not listen, or the stranger would be taken for it. */
export function judgeServerPort({ name, port }: LocalPort, server: Pick<ServerSnapshot, 'pid' | 'phase'> | null, holder: PortHolder | null): Finding {
  if (holder === null) return ok('ports', `${name}: port ${port} is free`, { server: name })
  if (server?.pid != null) return ok('ports', `${name}: port ${port} is in use while it runs`, { server: name })
  return fail('ports', `${name}: port ${port}, on which it is to listen, is held by ${describeHolder(holder)}`, holder.pid === null ? `End the process that holds it, or give ${name} another port.` : `kill ${holder.pid}, or give ${name} another port.`, { server: name })
}

async function checkGatewayPort(facts: Facts, url: string | null): Promise<Finding[]> {
  const found = await facts.config
  const gateway = found.state === 'loaded' ? found.config.settings.gateway : null
  if (url !== null) return [ok('ports', `the gateway listens at ${url}`), ...(gateway === null ? [] : openToOthers(gateway))]
  if (gateway === null || gateway.port === null) return [ok('ports', 'no HTTP port is asked for: clients come in through mcpctl proxy')]
  // The daemon that does not answer may be the one that holds it.
  if ((await facts.daemon).state === 'mute') return []
  const { findPortHolder } = await import('../process/index.js')
  const holder = gateway.port === 0 ? null : await findPortHolder(gateway.port, gateway.host)
  if (holder === null) return [ok('ports', `port ${gateway.port} of the gateway is free`), ...openToOthers(gateway)]
  return [fail('ports', `port ${gateway.port} of the gateway is held by ${describeHolder(holder)}`, `${holder.pid === null ? 'End the process that holds it' : `kill ${holder.pid}`}, or change gateway.port.`)]
}

/** A token is asked for by the configuration then; what it cannot see is who listens on the way. */
function openToOthers({ host }: GatewaySettings): Finding[] {
  if (isLoopback(host)) return []
  return [warn('ports', `the gateway listens on ${host}: other machines reach it, and token and calls travel unencrypted`, 'Set gateway.host to 127.0.0.1, or put a proxy with TLS in front of it.')]
}

function describeHolder({ pid, command }: PortHolder): string {
  return pid === null ? 'a process of another user' : `pid ${pid} (${command ?? 'unknown command'})`
}

/** Whether anybody takes a connection there, within a second. */
function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: host.replace(/^\[|\]$/g, ''), port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(CONNECT_LIMIT_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

/** Where traces are to go, and whether anybody takes them there. */
export async function checkTelemetry({ io }: Pick<Facts, 'io'>): Promise<Finding[]> {
  const endpoint = (io.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? io.env['OTEL_EXPORTER_OTLP_ENDPOINT'])?.trim()
  if (endpoint === undefined || endpoint === '') return [ok('telemetry', 'OpenTelemetry is off (OTEL_EXPORTER_OTLP_ENDPOINT is not set)')]
  const fix = 'Set OTEL_EXPORTER_OTLP_ENDPOINT to the base URL of a collector, such as http://localhost:4318, or unset it.'
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || !/^https?:$/.test(url.protocol)) return [fail('telemetry', 'OTEL_EXPORTER_OTLP_ENDPOINT is no http or https URL', fix)]
  const shown = url.origin
  const protocol = io.env['OTEL_EXPORTER_OTLP_PROTOCOL']
  if (protocol === 'grpc') return [warn('telemetry', 'OTEL_EXPORTER_OTLP_PROTOCOL is grpc; mcpctl speaks OTLP over HTTP', 'Point it to the HTTP port of the collector (4318) with OTEL_EXPORTER_OTLP_PROTOCOL=http/json.')]
  const answers = await connects(url.hostname, Number(url.port || (url.protocol === 'https:' ? 443 : 80)))
  return [answers ? ok('telemetry', `a collector listens at ${shown}`) : warn('telemetry', `nothing listens at ${shown}: traces are lost`, fix)]
}
