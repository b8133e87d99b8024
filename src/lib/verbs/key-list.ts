import { defineVerb, neutralise } from '../cli/index.js'
import { readKeyFile, resolveHome, type StoredKey } from '../control/index.js'
import type { GrantSpec } from '../core/index.js'

const HEAD = ['NAME', 'CREATED', 'EXPIRES', 'MAY']

export const keyList = defineVerb({
  id: 'key list',
  summary: 'Show the keys that were made here, and what they may do.',
  description: 'Keys that stand in the configuration are shown by mcpctl config show. No key can be shown again: only its SHA-256 is kept.',
  examples: ['key list', 'key list --json'],
  flags: {},
  run: (_input, io) => {
    const keys = Object.entries(readKeyFile(resolveHome(io.env)))
    const now = Date.now()
    if (!io.json) io.out(keys.length === 0 ? 'there are no keys; make one with mcpctl key create NAME' : renderKeys(keys, now))
    return Promise.resolve({
      json: { keys: keys.map(([name, { grant, expiresAt, createdAt }]) => ({ name, grant, createdAt, expiresAt, expired: expiresAt !== null && expiresAt <= now })) },
    })
  },
})

function renderKeys(keys: readonly (readonly [string, StoredKey])[], now: number): string {
  const rows = [HEAD, ...keys.map(([name, { grant, expiresAt, createdAt }]) => [name, day(createdAt), expiresAt === null ? 'never' : expiresAt <= now ? `${day(expiresAt)} (over)` : day(expiresAt), describeGrant(grant)])].map((row) => row.map(neutralise))
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd()).join('\n')
}

function describeGrant({ servers, allow, deny, rate, profile, manage }: GrantSpec): string {
  const parts = [
    profile === null ? (servers === null ? 'all servers' : `servers ${servers.join(', ')}`) : `profile ${profile}`,
    ...(allow === null ? [] : [`tools ${allow.join(', ')}`]),
    ...(deny.length === 0 ? [] : [`not ${deny.join(', ')}`]),
    ...(rate === null ? [] : [`${String(rate.perMinute)} calls a minute`]),
    ...(manage ? ['manage'] : []),
  ]
  return parts.join('; ')
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
