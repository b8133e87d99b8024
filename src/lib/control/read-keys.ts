import type { GrantSpec, RateSpec } from '../core/index.js'
import type { StoredKey } from './key-file.js'

/** Reads what stands in the file of keys. Throws with what is wrong with it. */
export function readKeys(value: unknown): Record<string, StoredKey> {
  return Object.fromEntries(Object.entries(readObject(readObject(value, 'the file')['keys'], '"keys"')).map(([name, entry]) => [name, readKey(entry, JSON.stringify(name.slice(0, 80)))]))
}

function readKey(value: unknown, name: string): StoredKey {
  const { sha256, grant, expiresAt, createdAt } = readObject(value, name)
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`"sha256" of ${name} is not 64 hex digits`)
  return { sha256, grant: readGrant(readObject(grant, `"grant" of ${name}`), name), expiresAt: expiresAt === null ? null : readTime(expiresAt, `"expiresAt" of ${name}`), createdAt: readTime(createdAt, `"createdAt" of ${name}`) }
}

/** Whatever is missing or unknown would open more than was meant, so it is refused. */
function readGrant({ servers, allow, deny, rate, profile, manage }: Record<string, unknown>, name: string): GrantSpec {
  if (profile !== null && typeof profile !== 'string') throw new Error(`"profile" of ${name} is not a name`)
  if (typeof manage !== 'boolean') throw new Error(`"manage" of ${name} is neither true nor false`)
  return {
    servers: servers === null ? null : readTexts(servers, `"servers" of ${name}`),
    allow: allow === null ? null : readTexts(allow, `"allow" of ${name}`),
    deny: readTexts(deny, `"deny" of ${name}`),
    rate: rate === null ? null : readRate(readObject(rate, `"rate" of ${name}`), name),
    profile, manage,
  }
}

function readRate({ perMinute, burst }: Record<string, unknown>, name: string): RateSpec {
  const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0
  if (!isCount(perMinute) || !isCount(burst)) throw new Error(`"rate" of ${name} does not have perMinute and burst above 0`)
  return { perMinute, burst }
}

function readTexts(value: unknown, what: string): string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw new Error(`${what} is not a list of texts`)
  return value
}

function readTime(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${what} is not a time in ms`)
  return value
}

function readObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is not an object`)
  return { ...value }
}
