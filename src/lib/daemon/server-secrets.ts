import { MASK } from '../base/index.js'
import type { LaunchSpec, ServerSpec } from '../core/index.js'

const SECRET_REFERENCE = /\$\{[^}]*(?:token|key|secret|passw|pwd|auth|cookie|credential)/i

/** Every value of a server's configuration that may be a secret: what its configuration sets in its environment, masked arguments, headers, credentials and query of its URL. */
export function secretsOf({ launch, endpoint, health: { probe } }: ServerSpec): string[] {
  const urls = [endpoint?.url, probe.type === 'http' ? probe.url : undefined].filter((url) => url !== undefined)
  return [
    ...(launch?.ownEnv ?? []).map((name) => launch?.env[name] ?? ''),
    ...(launch === null ? [] : argumentSecrets(launch)),
    // "Bearer x" is known as x too.
    ...Object.values(endpoint?.headers ?? {}).flatMap((value) => [value, value.replace(/^\S+\s+/, '')]),
    ...(endpoint?.auth?.type === 'oauth' ? [endpoint.auth.clientSecret ?? ''] : []),
    ...urls.flatMap(urlSecrets),
  ]
}

/** What the shown form of an argument hides. A path that a variable stood for is no secret, and hiding it would hide half of every message. */
function argumentSecrets({ args, shown }: LaunchSpec): string[] {
  const words = shown.slice(-args.length)
  if (args.length === 0 || words.length !== args.length) return []
  return args.flatMap((arg, index) => {
    const word = words[index] ?? arg
    if (word === arg) return []
    const hidden = differing(arg, word)
    return hidden.startsWith('/') && !word.includes(MASK) && !SECRET_REFERENCE.test(word) ? [] : [hidden]
  })
}

/** The part of the text between what both begin and end with. */
function differing(text: string, other: string): string {
  let start = 0
  while (start < text.length && text[start] === other[start]) start++
  let end = 0
  while (end < text.length - start && end < other.length - start && text[text.length - 1 - end] === other[other.length - 1 - end]) end++
  return text.slice(start, text.length - end)
}

function urlSecrets(text: string): string[] {
  if (!URL.canParse(text)) return []
  const { username, password, searchParams, search } = new URL(text)
  const raw = [username, password, ...search.slice(1).split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))]
  return [...raw, decode(username), decode(password), ...searchParams.values()]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
