import type { Duplex } from 'node:stream'
import type { Io, Outcome } from '../cli/index.js'
import { VERSION, type FrontHello } from '../control/index.js'
import { DEFAULT_GATEWAY } from '../core/index.js'
import type { Gateway } from '../gateway/index.js'
import { tellUrl, untilAborted, type Listen } from './proxy-listen.js'
import type { Selection } from './proxy-servers.js'

/** After the client's last line: so long answers may still come. Clients give a server two seconds to leave. */
const LAST_ANSWERS_MS = 1_500

export interface AdHocOrder {
  readonly selection: Selection
  /** How to reach the daemon, for the servers that are named and not given as a URL. */
  readonly front: { readonly address: string; readonly hello: Omit<FrontHello, 'front' | 'resume'>; readonly revive: () => Promise<void> }
  readonly listen: Listen | null
  readonly debug: (text: string) => void
}

/** Serves URLs that are nowhere configured, together with supervised servers if some are named: the gateway runs in this process. */
export async function runAdHoc({ selection, front, listen, debug }: AdHocOrder, io: Io): Promise<Outcome> {
  const [{ openAdHocGateway }, { FiguresBook }] = await Promise.all([import('../gateway/index.js'), import('../metrics/index.js')])
  const book = new FiguresBook()
  const { prefix, separator, manages } = front.hello.view
  const gateway = openAdHocGateway({
    servers: selection.urls,
    daemon: selection.names.length === 0 ? null : await reachDaemon(front),
    prefix,
    separator,
    version: VERSION,
    manages: manages ?? 'usual',
    warn: (text) => io.say(`mcpctl proxy: ${text}`),
    figures: { observer: book, trafficOf: (server) => book.traffic(server, Date.now()), forget: (server) => { book.forget(server) } },
  })
  try {
    await (listen === null ? serveStdio(gateway, io.signal) : serveHttp(gateway, listen, { io, debug }))
  } finally {
    gateway.close('the client left')
  }
  return {}
}

/** The first connection is made now, so that a wrong name is told at once; a daemon that is stopped later is not started again. */
async function reachDaemon(front: AdHocOrder['front']): Promise<() => Promise<Duplex>> {
  const { openFrontStream } = await import('../pump/index.js')
  let first: Duplex | null = await openFrontStream(front)
  return async () => {
    const stream = first ?? (await openFrontStream({ ...front, revive: null }))
    first = null
    return stream
  }
}

async function serveStdio(gateway: Gateway, signal: AbortSignal): Promise<void> {
  const { EVERYTHING, serveLines } = await import('../gateway/index.js')
  await new Promise<void>((resolve) => {
    const front = serveLines({ input: process.stdin, output: process.stdout }, gateway, { view: { ...EVERYTHING, manages: 'asked' }, kind: 'any', lingerMs: LAST_ANSWERS_MS, onEnd: resolve })
    void untilAborted(signal).then(() => front.close())
  })
}

async function serveHttp(gateway: Gateway, { host, port }: Listen, { io, debug }: { io: Io; debug: (text: string) => void }): Promise<void> {
  const { EVERYTHING, openHttpFront } = await import('../gateway/index.js')
  const front = await openHttpFront({ gateway, settings: { ...DEFAULT_GATEWAY, host, port: port ?? 0 }, view: EVERYTHING, store: null, log: (_level, message) => debug(message) })
  tellUrl(host, front.address?.port ?? 0, io)
  await untilAborted(io.signal)
  await front.close()
}
