import { bareHost, isLoopback } from '../base/index.js'
import { SCHEMA_VERSION, type Io } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'

/** Where `proxy --http` listens. */
export interface Listen {
  readonly host: string
  /** Null: any free one. */
  readonly port: number | null
}

/** Reads --http, --port and --host; null: stdin and stdout. Throws USAGE. */
export function readListen(http: boolean, port: string | undefined, host: string | undefined): Listen | null {
  if (!http) {
    const [flag, value] = port !== undefined ? ['port', port] : ['host', host]
    if (value === undefined) return null
    throw new McpctlError('USAGE', `--${flag} goes with --http`, { hint: `Write mcpctl proxy --http --${flag} ${value}.`, details: { flag } })
  }
  const address = bareHost(host ?? '127.0.0.1')
  if (!isLoopback(address)) {
    throw new McpctlError('USAGE', `--host ${JSON.stringify(host)} is not an address of this machine alone`, {
      hint: 'For other machines set gateway.port, gateway.host and gateway.token in the configuration: there clients need a token.',
      details: { flag: 'host', value: host },
    })
  }
  return { host: address, port: port === undefined ? null : readPort(port) }
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new McpctlError('USAGE', `--port ${JSON.stringify(text)} is no port`, { hint: 'A port is a number from 1 to 65535; leave --port out for a free one.', details: { flag: 'port', value: text } })
}

/** Prints the address clients need, and nothing else, to stdout. */
export function tellUrl(host: string, port: number, io: Io): void {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`
  io.out(io.json ? JSON.stringify({ schemaVersion: SCHEMA_VERSION, url, host, port }) : url)
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
