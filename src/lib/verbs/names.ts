import { nearest } from '../base/index.js'
import { McpctlError } from '../errors/index.js'

/** The names as they are, or the names a quoted pattern like 'git*' stands for. Throws SERVER_UNKNOWN with suggestions. */
export function expandNames(asked: readonly string[], known: readonly string[]): string[] {
  const found = asked.flatMap((name) => {
    const matches = name.includes('*') || name.includes('?') ? known.filter((candidate) => toPattern(name).test(candidate)) : known.filter((candidate) => candidate === name)
    if (matches.length === 0) throw unknownServer(name, known)
    return matches
  })
  return [...new Set(found)]
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
