import type { Era } from '../core/index.js'
import type { ClientIdentity, PassedRequest } from './link.js'
import { modernParams } from './wire-message.js'

/** The question of a probe, made once and asked again and again. */
export type Probe = Pick<PassedRequest, 'method' | 'params' | 'before' | 'after'>

const BEFORE: readonly Buffer[] = [Buffer.from('{"jsonrpc":"2.0","id":')]

/** What every server of an era has to answer, or `method`. The `last` one is given back when it is the same. */
export function createProbe(
  { era, protocolVersion }: { readonly era: Era; readonly protocolVersion: string },
  client: ClientIdentity,
  { last, method = era === 'legacy' ? 'ping' : 'server/discover' }: { readonly last: Probe | null; readonly method?: string | undefined },
): Probe {
  if (last?.method === method) return last
  const params = era === 'legacy' ? undefined : modernParams(undefined, protocolVersion, client)
  const rest = JSON.stringify({ method, params })
  return { method, params: () => params, before: BEFORE, after: [Buffer.from(`,${rest.slice(1)}`)] }
}
