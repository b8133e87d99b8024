import type { ServerSpec } from '../core/index.js'
import type { ServerLog } from '../logs/index.js'
import { LinkError, openHttpLink, openStdioLink, type Link, type LinkHooks } from '../mcp/index.js'
import type { Child } from '../process/index.js'
import { introduction } from './introduction.js'
import type { OutboundDesk } from './outbound.js'

export interface OpenLinkOptions extends LinkHooks {
  readonly log: ServerLog
  readonly generation: number
  readonly outbound: OutboundDesk
  /** It lets nobody in any more until a person has logged in. */
  readonly onLoginNeeded: (error: LinkError) => void
}

/** The link to an instance: over the pipes of its process, or to its address. What is no message on its stdout goes to its log. */
export async function openLink(spec: ServerSpec, child: Child | null, options: OpenLinkOptions): Promise<Link> {
  const { log, generation, outbound, onLoginNeeded, ...hooks } = options
  const client = introduction(spec)
  if (spec.endpoint !== null) {
    const { url, headers, pool } = spec.endpoint
    const authorizer = await outbound.authorizerOf(spec, { onLoginNeeded, warn: (text) => log.mark(`warning: ${text}`, generation) })
    return openHttpLink({ url, headers, ...(authorizer === null ? {} : { authorizer }), ...(pool === undefined ? {} : { pool }), transport: spec.transport === 'sse' ? 'sse' : 'http', untilListening: spec.launch !== null, client, ...hooks })
  }
  if (child === null) throw new Error(`${spec.name} has neither a process nor a URL`)
  return openStdioLink({
    input: child.stdin,
    output: child.stdout,
    onNoise: collectNoise((text) => log.write('out', text, generation)),
    onOversize: ({ bytes }) => log.mark(`dropped a line of ${bytes} bytes on stdout`, generation),
    client,
    ...hooks,
  })
}

const NEWLINE = Buffer.from('\n')

/** Noise of one turn is written in one piece. The line may share memory that is used again, so it is copied. */
function collectNoise(write: (text: Buffer) => void): (line: Buffer) => void {
  const waiting: Buffer[] = []
  return (line) => {
    if (waiting.length === 0) setImmediate(() => write(Buffer.concat(waiting.splice(0))))
    waiting.push(Buffer.from(line), NEWLINE)
  }
}

/** A server that is there and does not let us in. */
export function accessCause(error: unknown): 'unauthorised' | 'login-needed' | null {
  if (!(error instanceof LinkError) || error.reason !== 'unauthorised') return null
  return error.needsLogin ? 'login-needed' : 'unauthorised'
}
