import { basename, dirname } from 'node:path'
import type { Transport } from '../core/index.js'
import type { FieldName } from './field.js'
import type { StatedEntry } from './server-entry.js'

/** What says something about a process only. */
export const NEEDS_COMMAND: readonly FieldName[] = ['args', 'env', 'envFile', 'cwd', 'limits', 'passedVariables']
/** A helper speaks no MCP, so it has no clients. */
const NEEDS_CLIENTS: readonly FieldName[] = ['isolation', 'roots', 'clientAbilities', 'timeouts', 'tools', 'instances', 'namespace', 'priority', 'weight', 'breaker', 'rate', 'concurrency', 'cache']
/** What says something about an address only. */
export const NEEDS_URL: readonly FieldName[] = ['headers', 'auth', 'pool', 'bearerTokenVariable', 'headerVariables']

/**
 * How a server is reached: `command` alone is stdio, `url` (with a command: a local HTTP server) is HTTP unless the entry
 * says otherwise. Records a problem and returns null when command, url and transport do not fit together.
 */
export function decideTransport(entry: StatedEntry): Transport | null {
  const { spot, spots, values } = entry
  const hasCommand = spots.has('command')
  const hasUrl = spots.has('url')
  if (!hasCommand && !hasUrl) {
    spot.problem('has neither a command nor a url', 'Give it a "command" to start, or the "url" where it runs.')
    return null
  }
  checkFittingFields(entry, hasCommand, hasUrl)
  if (spots.has('transport') && values.transport === undefined) return null
  const stated = values.transport ?? (hasUrl ? httpOrSse(entry) : 'stdio')
  const isHttp = stated === 'http' || stated === 'sse'
  const transportSpot = spots.get('transport') ?? spot
  if (isHttp && !hasUrl) {
    transportSpot.problem(`says ${stated}, but there is no url`, 'Add the "url" where the server answers, or remove the transport.')
    return null
  }
  if (!isHttp && hasUrl) {
    transportSpot.problem(`says ${stated}, but there is a url`, 'Remove the url, or the transport to speak HTTP.')
    return null
  }
  if (stated === 'none') checkHelper(entry)
  return stated
}

/** Gemini CLI: `httpUrl` is Streamable HTTP, `url` the older SSE. */
function httpOrSse({ spot, spots }: StatedEntry): Transport {
  const isGemini = basename(dirname(spot.source.document.file)) === '.gemini'
  return isGemini && spots.get('url')?.path.at(-1) === 'url' ? 'sse' : 'http'
}

function checkHelper({ spot, spots }: StatedEntry): void {
  if (!spot.source.isOwn) return
  for (const name of NEEDS_CLIENTS) spots.get(name)?.problem('has no effect on a helper, which speaks no MCP', 'Remove it, or the transport "none".')
}

/** In our own format a field without effect is a mistake; other clients' files may hold anything. */
function checkFittingFields({ spot, spots }: StatedEntry, hasCommand: boolean, hasUrl: boolean): void {
  if (!spot.source.isOwn) return
  const report = (name: FieldName, missing: string): void => {
    spots.get(name)?.problem(`has no effect without a ${missing}`, `Remove it, or add the "${missing}".`)
  }
  if (!hasCommand) for (const name of NEEDS_COMMAND) report(name, 'command')
  if (!hasUrl) for (const name of NEEDS_URL) report(name, 'url')
}
