export const MASK = '***'

const SECRET_NAME = /token|key|secret|passw|pwd|authorization|cookie|credential/i
const SECRET_FLAG = /^--?[a-z0-9_-]*(token|key|secret|passw|pwd|authorization|cookie|credential)[a-z0-9_-]*$/i

/** Whether a variable, header or field of this name usually holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Hides what is recognisably secret inside a text: passwords in URLs, secret query parameters, bearer tokens. */
export function maskText(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*):[^\s/@]+@/gi, `$1:${MASK}@`)
    .replace(/([?&][^=&#\s]*(?:token|key|secret|passw|pwd|auth|signature|credential)[^=&#\s]*=)[^&#\s]+/gi, `$1${MASK}`)
    .replace(/\b(Bearer|Basic)\s+(?!\$\{)\S+/gi, `$1 ${MASK}`)
}

/** The value of a named text (a variable, a header), hidden when the name says so. */
export function maskNamed(name: string, text: string): string {
  return isSecretName(name) && text !== '' ? MASK : maskText(text)
}

/** Inside an argument that is a command line of its own: `token=x`, `--password x`. Bounded, so that the search is linear. */
const INNER_PAIR = /([\w-]{0,60}(?:token|key|secret|passw|pwd|authorization|cookie|credential)[\w-]{0,60}=)(?!\$\{)("[^"]*"|'[^']*'|[^\s"'&;|)]+)/gi
const INNER_OPTION = /(\s--?[\w-]{0,60}(?:token|key|secret|passw|pwd|authorization|cookie|credential)[\w-]{0,60}\s{1,4})(?!\$\{)("[^"]*"|'[^']*'|[^\s"'&;|)-][^\s"'&;|)]*)/gi

/** Arguments with the values of secret options hidden: `--token x`, `--api-key=x`, `DB_PASSWORD=x`. */
export function maskArgs(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const before = args[index - 1]
    if (before !== undefined && SECRET_FLAG.test(before) && !arg.startsWith('-')) return MASK
    const equals = arg.indexOf('=')
    if (equals > 0 && /^[\w-]+$/.test(arg.slice(0, equals)) && isSecretName(arg.slice(0, equals))) return `${arg.slice(0, equals + 1)}${MASK}`
    return maskText(arg).replace(INNER_PAIR, `$1${MASK}`).replace(INNER_OPTION, `$1${MASK}`)
  })
}

/** A line of a configuration file for an error message: values behind a secret name are hidden. */
export function maskLine(line: string): string {
  const shown = maskText(line)
  const match = SECRET_NAME.exec(shown)
  if (!match) return shown
  const after = shown.slice(match.index).search(/[:=]/)
  if (after < 0) return shown
  const cut = match.index + after + 1
  return `${shown.slice(0, cut)} ${MASK}`
}

const SHOWN_LENGTH = 80

/** A value for an error message: JSON for short plain values, only the kind for the rest. Never throws. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(maskText(value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH - 3)}...` : value))
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return describeKind(value)
}

/** What sort of value it is: "a string", "a list", "null". */
export function describeKind(value: unknown): string {
  if (value === null) return 'null (empty)'
  if (Array.isArray(value)) return 'a list'
  const kind = typeof value
  if (kind === 'object') return value instanceof Date ? 'a date' : 'an object'
  return kind === 'undefined' ? 'undefined' : `a ${kind}`
}
