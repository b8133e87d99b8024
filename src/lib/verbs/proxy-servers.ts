import { McpctlError } from '../errors/index.js'

/** What `--servers` asks for. */
export interface Selection {
  /** Servers of the configuration. */
  readonly names: readonly string[]
  /** Servers that are nowhere configured. */
  readonly urls: readonly { readonly name: string; readonly url: string }[]
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const EXAMPLE = 'Write names and NAME=URL with commas between them: --servers files,main=http://localhost:8000/mcp.'

/** Reads `a,b,main=http://localhost:8000/mcp`. A comma inside a URL is written %2C. Throws USAGE that names the entry. */
export function readSelection(text: string): Selection {
  const names: string[] = []
  const urls: { name: string; url: string }[] = []
  const seen = new Set<string>()
  for (const part of text.split(',')) {
    const entry = part.trim()
    if (entry === '') throw malformed(text.trim() === '' ? 'it is empty' : 'there is nothing between two commas', text)
    const { name, url } = readEntry(entry)
    if (seen.has(name)) throw malformed(`${JSON.stringify(name)} is there twice`, entry)
    seen.add(name)
    if (url === null) names.push(name)
    else urls.push({ name, url })
  }
  return { names, urls }
}

function readEntry(entry: string): { name: string; url: string | null } {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(entry)) throw malformed(`${JSON.stringify(entry)} has no name`, entry, `Give the server a name: --servers main=${entry}.`)
  const at = entry.indexOf('=')
  const name = (at < 0 ? entry : entry.slice(0, at)).trim()
  if (!NAME.test(name)) throw malformed(`${JSON.stringify(entry)}: ${JSON.stringify(name)} is no name of a server`, entry, 'A name begins with a letter or digit and has up to 63 of A-Z a-z 0-9 . _ -.')
  return { name, url: at < 0 ? null : readUrl(entry.slice(at + 1).trim(), entry) }
}

function readUrl(text: string, entry: string): string {
  if (!URL.canParse(text)) throw malformed(`${JSON.stringify(entry)}: ${JSON.stringify(text)} is no URL`, entry)
  const { protocol, hostname } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') throw malformed(`${JSON.stringify(entry)}: the URL has to begin with http:// or https://`, entry)
  if (hostname === '') throw malformed(`${JSON.stringify(entry)}: the URL names no host`, entry)
  return text
}

function malformed(what: string, entry: string, hint = EXAMPLE): McpctlError {
  return new McpctlError('USAGE', `--servers: ${what}`, { hint, details: { flag: 'servers', entry } })
}
