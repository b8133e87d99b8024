import { createHash, randomBytes } from 'node:crypto'
import { defineVerb } from '../cli/index.js'
import { changeKeyFile, resolveHome } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { checkKeyName, GRANT_FLAGS, readExpiry, readGrant } from './key-grant.js'

/** So that tools that look for leaked secrets can tell what it is. */
const PREFIX = 'mcpctl_'
const KEY_BYTES = 32

export const keyCreate = defineVerb({
  id: 'key create',
  summary: 'Make a key with which an HTTP client may come in.',
  description:
    'Prints the key, this once: only its SHA-256 is kept (MCP_HOME/state/keys.json). A client sends it as "Authorization: Bearer KEY" or "X-API-Key: KEY". It works at once, also in a daemon that runs. As soon as there is a key, a token or an issuer of tokens, every HTTP client needs one.',
  examples: ['key create laptop', "key create ci --servers 'files,db' --allow 'files__read_*,db__*' --deny db__drop --rate 60 --expires 30d", 'key create kairos --profile kairos --json'],
  names: { summary: 'What to call it, in logs and in mcpctl key remove.', required: true, usage: 'NAME', complete: 'none' },
  flags: GRANT_FLAGS,
  run: async ({ names, flags }, io) => {
    const [given = '', ...more] = names
    if (more.length > 0) throw new McpctlError('USAGE', 'one key is made at a time', { hint: `mcpctl key create ${given}` })
    const name = checkKeyName(given)
    const now = Date.now()
    const grant = readGrant(flags)
    const expiresAt = flags.expires === undefined ? null : readExpiry(flags.expires, now)
    const key = PREFIX + randomBytes(KEY_BYTES).toString('base64url')
    const sha256 = createHash('sha256').update(key).digest('hex')
    let isFirst = false
    await changeKeyFile(resolveHome(io.env), (keys) => {
      if (Object.hasOwn(keys, name)) throw new McpctlError('USAGE', `there is a key "${name}" already`, { hint: `Choose another name, or remove it first: mcpctl key remove ${name}`, details: { name } })
      isFirst = Object.keys(keys).length === 0
      return { ...keys, [name]: { sha256, grant, expiresAt, createdAt: now } }
    })
    if (!io.json) io.out(key)
    io.say(`key "${name}" was made; it is shown this once`)
    if (isFirst) io.say('From now on HTTP clients need a key or a token.')
    return { json: { name, key, grant, expiresAt, createdAt: now } }
  },
})
