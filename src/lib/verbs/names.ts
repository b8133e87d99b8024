import { nearest } from '../base/index.js'
import { McpctlError } from '../errors/index.js'

/** A server, and the name it shares with those that stand in for it. */
export interface Named {
  readonly name: string
  readonly group?: string | null
}

/**
 * The names as they are, or those a quoted pattern like 'git*', the name of a group or that of its replicas (`search` of
 * `search@1`) stands for. Throws SERVER_UNKNOWN with suggestions.
 */
export function expandNames(asked: readonly string[], known: readonly (string | Named)[]): string[] {
  const servers = known.map((each) => (typeof each === 'string' ? { name: each } : each))
  const found = asked.flatMap((name) => {
    const matches = servers.filter(isMeantBy(name))
    if (matches.length === 0) throw unknownServer(name, [...new Set(servers.flatMap((server) => [server.name, server.group ?? server.name]))])
    return matches.map((server) => server.name)
  })
  return [...new Set(found)]
}

/** Whether a server is one of those that a name or a pattern stands for. */
export function isMeantBy(asked: string): (server: Named) => boolean {
  return asked.includes('*') || asked.includes('?') ? matchesPattern(asked) : (server) => isCalled(server, asked)
}

/** Whether a server is meant by this name: its own, its group's, or that of the server it is one instance of. */
export function isCalled({ name, group }: Named, asked: string): boolean {
  return name === asked || group === asked || (name.startsWith(`${asked}@`) && /^\d+$/.test(name.slice(asked.length + 1)))
}

function matchesPattern(glob: string): (server: Named) => boolean {
  const pattern = toPattern(glob)
  return ({ name }) => pattern.test(name)
}

/** `*` and `?` as in file names. */
export function toPattern(glob: string): RegExp {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

export function unknownServer(name: string, known: readonly string[]): McpctlError {
  const close = nearest(name, known)
  const listed = known.length > 0 ? `Known servers: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}.` : 'No servers are configured here.'
  return new McpctlError('SERVER_UNKNOWN', `there is no server "${name}"`, {
    hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : listed,
    details: { name, suggestions: close },
  })
}
