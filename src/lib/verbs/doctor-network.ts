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
  // What holds a port may be a server of the daemon that does not answer.
  const isMute = (await facts.daemon).state === 'mute'
  const held = isMute ? [] : await Promise.all(local.map(async (entry) => judgeServerPort(entry, snapshot?.servers.find(({ name }) => name === entry.name) ?? null, await findPortHolder(entry.port))))
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
function openToOthers({ host, metrics }: GatewaySettings): Finding[] {
  if (isLoopback(host)) return []
  const shown = metrics.public ? [warn('ports', `anybody who reaches ${host} can read /metrics without a token: names of servers and tools, and how much they are used`, 'Set gateway.metrics.public to false, and give Prometheus the token.')] : []
  return [...shown, warn('ports', `the gateway listens on ${host}: other machines reach it, and token and calls travel unencrypted`, 'Set gateway.host to 127.0.0.1, or put a proxy with TLS in front of it.')]
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

/** Where traces are to go, and whether anybody takes them there: by the environment of the daemon, else by that of the next one. */
export async function checkTelemetry(facts: Facts): Promise<Finding[]> {
  const [{ isTelemetryWanted, readTelemetrySettings }, { readEnvironmentBelow }] = await Promise.all([import('../telemetry/index.js'), import('../process/index.js')])
  const pid = (await runningSnapshot(facts))?.daemon.pid
  const env = (pid === undefined ? null : readEnvironmentBelow(pid, 'OTEL_')) ?? facts.io.env
  const differs = pid !== undefined && !isTelemetryWanted(env) && isTelemetryWanted(facts.io.env)
  if (differs) return [warn('telemetry', 'OTEL_EXPORTER_OTLP_ENDPOINT is set here, but the running daemon was started without it', 'mcpctl daemon restart')]
  if (!isTelemetryWanted(env)) return [ok('telemetry', 'OpenTelemetry is off (OTEL_EXPORTER_OTLP_ENDPOINT is not set)')]
  const { settings, warnings } = readTelemetrySettings(env)
  const said = warnings.map((text) => warn('telemetry', text, 'Correct the variable where the daemon is started, then mcpctl daemon restart.'))
  if (settings === null) return said.length > 0 ? said : [ok('telemetry', 'OpenTelemetry is switched off by OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER')]
  const { url } = settings
  const answers = await connects(url.hostname, Number(url.port || (url.protocol === 'https:' ? 443 : 80)))
  return [...said, answers ? ok('telemetry', `a collector listens at ${url.origin}`) : warn('telemetry', `nothing listens at ${url.origin}: traces are lost`, 'Start the collector, correct OTEL_EXPORTER_OTLP_ENDPOINT (such as http://localhost:4318), or unset it.')]
}
