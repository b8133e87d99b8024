import { existsSync } from 'node:fs'
import { createMask } from '../base/index.js'
import { isSecretName, maskArgs, maskText } from '../config/index.js'
import type { Draft } from './draft.js'

/** The folder, beside a configuration, that holds the secrets it refers to: a file each, for the person alone. */
export const SECRET_FOLDER = 'mcp.secrets'

/** A secret that goes into a file of its own. */
export interface SecretFile {
  readonly server: string
  /** What it was: `env.API_KEY`, `headers.Authorization`. */
  readonly field: string
  /** Name inside the folder of secrets. */
  readonly file: string
  readonly value: string
}

const looksLikeToken = createMask([])

/**
 * The entry with every secret that is written out in it replaced by a reference to a file, `${file:./mcp.secrets/NAME}`,
 * and those files. References stay as they are. `taken`: files that are there already, by name in lower case with their
 * content (null: not known), added to; a file that says the same is used again.
 */
export function extractSecrets(server: string, draft: Draft, taken: Map<string, string | null>): { readonly draft: Draft; readonly secrets: readonly SecretFile[] } {
  const secrets: SecretFile[] = []
  const keep = (field: string, written: string): string => {
    const value = written.replaceAll('$${', '${')
    const isFree = (name: string): boolean => !taken.has(name.toLowerCase()) || taken.get(name.toLowerCase()) === value
    const base = `${server}.${field.replace(/^[a-z]+[.[]/, '')}`.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/-+$/, '')
    let file = base
    for (let number = 2; !isFree(file); number++) file = `${base}-${number}`
    taken.set(file.toLowerCase(), value)
    secrets.push({ server, field, file, value })
    return `\${file:./${SECRET_FOLDER}/${file}}`
  }
  const replaced = {
    ...draft,
    ...(draft.args && { args: hideArgs(draft.args, keep) }),
    ...(draft.env && { env: hideMap('env', draft.env, keep) }),
    ...(draft.headers && { headers: hideMap('headers', draft.headers, keep) }),
    ...(draft.url !== undefined && { url: hideAddress(draft.url, keep) }),
  }
  return { draft: replaced, secrets }
}

/** Every secret value an entry has written out, for masking. */
export function secretsIn(draft: Draft): string[] {
  return extractSecrets('x', draft, new Map()).secrets.map(({ value }) => value)
}

type Keep = (field: string, value: string) => string

function hideMap(field: string, map: Readonly<Record<string, string>>, keep: Keep): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, hideNamed(`${field}.${name}`, name, value, keep)]))
}

function hideNamed(field: string, name: string, value: string, keep: Keep): string {
  // `$${` is an escape and no reference: such a text is all literal.
  const withDefault = /^\$\{([^:{}$]+):-([^${}]+)\}$/.exec(value)
  if (withDefault) return isSecret(name, withDefault[2] ?? '') ? `\${${withDefault[1]}:-${keep(field, withDefault[2] ?? '')}}` : value
  const [, scheme = '', rest = value] = /^((?:Bearer|Basic|Token)\s+)?([\s\S]*)$/i.exec(value) ?? []
  if (/(?<!\$)\$\{/.test(rest)) return isSecret(name, rest.replaceAll(/\$\{[^}]*\}/g, '')) && hasToken(rest) ? keep(field, value) : value
  return isSecret(scheme === '' ? name : 'authorization', rest) ? scheme + keep(field, rest) : value
}

/** The value of a secret switch, what stands behind `NAME=`, and arguments that are recognisably secret as a whole. */
function hideArgs(args: readonly string[], keep: Keep): string[] {
  const masked = maskArgs(args)
  return args.map((arg, index) => {
    if (isReference(arg)) return arg
    // The switch before it is the better name for a value.
    const before = /^--?([A-Za-z][\w-]*)$/.exec(args[index - 1] ?? '')?.[1]
    const field = before === undefined ? `args[${index}]` : `args.${before}`
    const isHidden = masked[index] !== arg || hasToken(arg)
    if (!isHidden) return arg
    const [, name, value = ''] = /^([\w-]+=)([\s\S]+)$/.exec(arg) ?? []
    if (name !== undefined) return isReference(value) || !isSecret(name, value) ? arg : name + keep(`args.${name.replace(/^-+|=$/g, '')}`, value)
    return isPlain(arg) ? arg : keep(field, arg)
  })
}

/** Secret parameters of an address one by one; an address with a password goes as a whole. */
function hideAddress(url: string, keep: Keep): string {
  const shown = url.replace(/([?&]([^=&#\s]*(?:token|key|secret|passw|pwd|auth|signature|credential)[^=&#\s]*)=)([^&#\s]+)/gi, (whole, before: string, name: string, value: string) =>
    isReference(value) || isPlain(value) ? whole : before + keep(`url.${name}`, value))
  const rest = shown.replaceAll(/\$\{[^}]*\}/g, '')
  return maskText(rest) === rest && !hasToken(rest) ? shown : keep('url.address', url)
}

function isReference(text: string): boolean {
  return /^\$\{.*\}$/s.test(text)
}

function hasToken(text: string): boolean {
  return looksLikeToken(text) !== text || maskText(text) !== text
}

/** Whether a text that is written out under this name is a secret; paths, addresses, numbers and switches are none. */
function isSecret(name: string, value: string): boolean {
  if (hasToken(value)) return true
  return isSecretName(name) && !isPlain(value) && !(/(?:path|file|dir|folder|url|uri|endpoint|host|id)=?$/i.test(name) && !/[+=]/.test(value) && /^[~./\\A-Za-z0-9:_-]*$/.test(value) && /[/\\.:]/.test(value))
}

function isPlain(value: string): boolean {
  return value.trim() === '' || /^(?:true|false|yes|no|on|off|null|none|auto|\d{1,6})$/i.test(value) || /^[a-z][a-z0-9+.-]*:\/\/[^@?]*$/i.test(value) || (/^[~./]|^[A-Za-z]:[\\/]/.test(value) && existsSync(value))
}
