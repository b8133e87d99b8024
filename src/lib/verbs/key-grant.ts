import { readDuration } from '../base/index.js'
import type { FlagValues } from '../cli/index.js'
import type { GrantSpec, RateSpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
/** Times that a calendar can show. */
const MAX_TIME = 8_640_000_000_000_000

export const GRANT_FLAGS = {
  servers: { type: 'string', value: 'A,B', summary: 'Only these servers or groups; * stands for any text. Default: all.' },
  allow: { type: 'string', value: 'PATTERNS', summary: "Only these tools, as clients see them: 'files__read_*,db__*'. Default: all." },
  deny: { type: 'string', value: 'PATTERNS', summary: 'Not these tools, whatever is allowed.' },
  rate: { type: 'string', value: 'N', summary: 'So many calls a minute at most.' },
  expires: { type: 'string', value: 'WHEN', summary: 'When it stops working: 30d, 12h, or a date such as 2027-01-31. Default: never.' },
  profile: { type: 'string', value: 'P', summary: 'Only the servers of this profile, which /mcp then means.' },
  manage: { type: 'boolean', summary: 'It may use the management tools.' },
} as const

export type GrantFlags = FlagValues<typeof GRANT_FLAGS>

/** What a key may do. Throws USAGE. */
export function readGrant({ servers, allow, deny, rate, profile, manage }: GrantFlags): GrantSpec {
  if (profile !== undefined && !NAME.test(profile)) throw wrong('profile', profile, 'is not the name of a profile', 'Give a name from the profiles block of the configuration.')
  return {
    servers: servers === undefined ? null : readList('servers', servers),
    allow: allow === undefined ? null : readList('allow', allow),
    deny: deny === undefined ? [] : readList('deny', deny),
    rate: rate === undefined ? null : readRate(rate),
    profile: profile ?? null,
    manage: manage === true,
  }
}

/** Epoch ms. Throws USAGE for what is no time or past. */
export function readExpiry(text: string, now: number): number {
  const wayOut = 'Give a time from now such as 30d or 12h, or a date such as 2027-01-31.'
  const afterMs = /^\d+(\.\d+)?$/.test(text.trim()) ? undefined : readDuration(text)
  const time = afterMs === undefined ? (/^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN) : now + afterMs
  if (Number.isNaN(time) || time > MAX_TIME) throw wrong('expires', text, 'is neither a duration nor a date', wayOut)
  if (time <= now) throw wrong('expires', text, 'is past', wayOut)
  return time
}

/** Throws USAGE for what cannot name a key. */
export function checkKeyName(name: string): string {
  if (NAME.test(name)) return name
  throw new McpctlError('USAGE', `${JSON.stringify(name.slice(0, 80))} cannot be the name of a key`, { hint: 'Use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 63 characters.', details: { name: name.slice(0, 200) } })
}

function readList(flag: string, text: string): string[] {
  const list = [...new Set(text.split(',').map((each) => each.trim()).filter((each) => each !== ''))]
  if (list.length === 0) throw wrong(flag, text, 'names nothing', `Name what is meant, separated by commas, or leave --${flag} out.`)
  return list
}

/** A tenth of it may come at once. */
function readRate(text: string): RateSpec {
  const perMinute = /^\d{1,9}$/.test(text.trim()) ? Number(text) : 0
  if (perMinute < 1) throw wrong('rate', text, 'is not a number of calls a minute', 'Give a whole number above 0, such as --rate 60.')
  return { perMinute, burst: Math.max(1, Math.ceil(perMinute / 10)) }
}

function wrong(flag: string, value: string, why: string, hint: string): McpctlError {
  return new McpctlError('USAGE', `--${flag} ${JSON.stringify(value.slice(0, 80))} ${why}`, { hint, details: { flag, value: value.slice(0, 200) } })
}
